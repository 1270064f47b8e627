import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/**
 * The smallest Redis client that the benchmarks need: one command at a time on a plain socket, so
 * that what is measured is the server's time and not a client library's.
 */

export type Reply = string | number | null | RespError | Reply[];

/** An error reply, as a value: the benchmarks expect some (NOSCRIPT). */
export class RespError {
  constructor(readonly message: string) {}
}

/** The bytes of one command. Made beforehand where a command is sent again and again. */
export function encodeCommand(...args: readonly string[]): Buffer {
  const parts = args.map(arg => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`);
  return Buffer.from(`*${args.length}\r\n${parts.join('')}`);
}

export class RespConnection {
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #waiting: { resolve(reply: Reply): void; reject(error: Error): void } | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', chunk => this.#take(chunk));
    socket.on('error', error => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('the connection was closed')));
  }

  static async open(port: number): Promise<RespConnection> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    await once(socket, 'connect');
    return new RespConnection(socket);
  }

  call(...args: readonly string[]): Promise<Reply> {
    return this.send(encodeCommand(...args));
  }

  /** Sends one command's bytes; only when the reply to the one before has come. */
  send(command: Buffer): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.#waiting !== null) throw new Error('one command at a time');
      this.#waiting = { resolve, reject };
      this.#socket.write(command);
    });
  }

  close(): void {
    this.#socket.removeAllListeners('close');
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    const parsed = parse(this.#received, 0);
    if (parsed === null) return;
    this.#received = this.#received.subarray(parsed.end);
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.resolve(parsed.reply);
  }

  #fail(error: Error): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.reject(error);
  }
}

/** Null where the reply is not complete yet. */
function parse(bytes: Buffer, start: number): { reply: Reply; end: number } | null {
  const lineEnd = bytes.indexOf('\r\n', start);
  if (lineEnd === -1) return null;
  const text = bytes.toString('latin1', start + 1, lineEnd);
  const next = lineEnd + 2;
  switch (String.fromCharCode(bytes[start] ?? 0)) {
    case '+':
      return { reply: text, end: next };
    case '-':
      return { reply: new RespError(text), end: next };
    case ':':
      return { reply: Number(text), end: next };
    case '_':
      return { reply: null, end: next };
    case '$':
      return parseBulk(bytes, next, Number(text));
    case '*':
      return parseArray(bytes, next, Number(text));
    default:
      throw new Error(`no reply that a benchmark understands: ${bytes.toString('latin1', start)}`);
  }
}

function parseBulk(bytes: Buffer, start: number, length: number) {
  if (length < 0) return { reply: null, end: start };
  const end = start + length;
  if (bytes.length < end + 2) return null;
  return { reply: bytes.toString('utf8', start, end), end: end + 2 };
}

function parseArray(bytes: Buffer, start: number, length: number) {
  if (length < 0) return { reply: null, end: start };
  const replies: Reply[] = [];
  let end = start;
  for (let index = 0; index < length; index++) {
    const item = parse(bytes, end);
    if (item === null) return null;
    replies.push(item.reply);
    end = item.end;
  }
  return { reply: replies, end };
}
