import { connect, type Socket } from 'node:net';
import { type LentReader, readsLent } from '../resp/lent-bytes.js';

/** Where an upstream Redis listens. */
export type Endpoint =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

export function endpointName(endpoint: Endpoint): string {
  if (endpoint.kind === 'unix') return `unix:${endpoint.path}`;
  const host = endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host;
  return `redis://${host}:${endpoint.port}`;
}

/** A socket on its way to the upstream; TCP sockets without Nagle's delay, with keepalive. */
export function openSocket(endpoint: Endpoint, keepAliveMs: number, read: LentReader): Socket {
  const onread = readsLent(read);
  if (endpoint.kind === 'unix') return connect({ path: endpoint.path, onread });
  return connect({
    host: endpoint.host,
    port: endpoint.port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: keepAliveMs,
    onread,
  });
}
