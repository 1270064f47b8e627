import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Metrics } from './metrics.js';

/** What the HTTP listener serves. */
export interface HttpPages {
  /** Why clients can't be served as they should be; null: they can. */
  notReady(): string | null;
  readonly metrics: Metrics;
  /** A page failed: nothing a client sent, so a fault of ours. */
  failed(error: unknown): void;
}

export interface HttpListener {
  /** Rejects with Node's error where the address can't be had. */
  listen(host: string, port: number): Promise<AddressInfo>;
  close(): Promise<void>;
}

interface Page {
  readonly status: number;
  readonly body: string;
  readonly contentType?: string;
}

/**
 * Limits for a listener that only probes and scrapers speak to; the names are the settings' own. They
 * keep a stranger who reaches it from holding memory or connections; Redis clients are not affected,
 * whatever happens here.
 */
export interface HttpLimits {
  readonly httpHeaderMaxBytes: number;
  readonly httpRequestTimeoutMs: number;
  readonly httpIdleTimeoutMs: number;
  readonly httpConnectionsMax: number;
}

const PLAIN = 'text/plain; charset=utf-8';

export function createHttp(limits: HttpLimits, pages: HttpPages): HttpListener {
  const server = createServer(
    {
      maxHeaderSize: limits.httpHeaderMaxBytes,
      headersTimeout: Math.min(limits.httpIdleTimeoutMs, limits.httpRequestTimeoutMs),
      requestTimeout: limits.httpRequestTimeoutMs,
      keepAliveTimeout: limits.httpIdleTimeoutMs,
    },
    (request, response) => {
      void answer(pages, request, response);
    },
  );
  server.maxConnections = limits.httpConnectionsMax;
  server.on('clientError', refuse);
  return {
    listen: (host, port) => listen(server, host, port),
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, host: string, port: number): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve(server.address() as AddressInfo);
    });
  });
}

async function answer(
  pages: HttpPages,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  // The client went away while it was answered: there is nobody to tell.
  response.on('error', () => {});
  let page: Page;
  try {
    page = await pageOf(pages, request);
  } catch (error) {
    pages.failed(error);
    page = { status: 500, body: 'failed, see the log\n' };
  }
  // A body is no part of any request here: it is not read, and the connection ends with the answer.
  const hasBody =
    request.headers['transfer-encoding'] !== undefined ||
    (request.headers['content-length'] ?? '0') !== '0';
  response.writeHead(page.status, {
    'content-type': page.contentType ?? PLAIN,
    'content-length': Buffer.byteLength(page.body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(page.status === 405 ? { allow: 'GET, HEAD' } : {}),
    ...(hasBody ? { connection: 'close' } : {}),
  });
  response.end(request.method === 'HEAD' ? '' : page.body);
}

async function pageOf(pages: HttpPages, { method, url = '' }: IncomingMessage): Promise<Page> {
  if (method !== 'GET' && method !== 'HEAD') {
    return { status: 405, body: 'only GET and HEAD\n' };
  }
  const [path] = url.split('?', 1);
  switch (path) {
    case '/healthz':
      return { status: 200, body: 'alive\n' };
    case '/readyz': {
      const reason = pages.notReady();
      return reason === null
        ? { status: 200, body: 'ready\n' }
        : { status: 503, body: `${reason}\n` };
    }
    case '/metrics': {
      const { metrics } = pages;
      return { status: 200, body: await metrics.text(), contentType: metrics.contentType };
    }
    default:
      return { status: 404, body: 'here are /healthz, /readyz and /metrics\n' };
  }
}

/** What is not HTTP, too large or too slow: told once where that is still possible, and closed. */
function refuse(error: Error & { code?: string }, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? '408 Request Timeout'
        : '400 Bad Request';
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\n\r\n`);
}
