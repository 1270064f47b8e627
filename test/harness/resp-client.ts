import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Lifetime } from './lifetime.js';
import { encodeCommand, frameEnd } from './resp-frame.js';

/** Longest wait for one reply, unless a call says otherwise. */
const REPLY_WITHIN_MS = 10_000;

interface Waiter {
  wants(frame: string): boolean;
  settle(frame: string): void;
  fail(error: Error): void;
}

const isPush = (frame: string): boolean => frame.startsWith('>');

/**
 * A Redis client that hides nothing: it sends the bytes it is given, and hands out each reply as
 * exactly the bytes that came, in a binary string (`'+OK\r\n'`).
 */
export class RespClient {
  /** Frames that came and were not asked for yet, in order. */
  readonly #frames: string[] = [];
  readonly #waiters: Waiter[] = [];
  readonly #socket: Socket;
  readonly #ended: Promise<void>;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  /** Bytes that the incomplete frame at the head of `#pending` needs before a look is worth it. */
  #neededBytes = 1;
  #isEnded = false;
  /** What the connection's end is called; a reply that is no RESP is named here. */
  #endError = new Error('connection ended');

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', chunk => this.#take(chunk));
    socket.on('error', () => {}); // 'close' follows, and says all that a test can ask
    this.#ended = new Promise(resolve => {
      socket.on('close', () => {
        this.#isEnded = true;
        for (const waiter of this.#waiters.splice(0)) waiter.fail(this.#endError);
        resolve();
      });
    });
  }

  static async connect(t: Lifetime, port: number, ...hello: string[][]): Promise<RespClient> {
    const socket = connect({ port, host: '127.0.0.1' });
    t.teardown(() => socket.destroy());
    await once(socket, 'connect');
    const client = new RespClient(socket);
    for (const command of hello) await client.call(...command);
    return client;
  }

  /** A client in RESP3: HELLO 3 has been answered. */
  static connect3(t: Lifetime, port: number): Promise<RespClient> {
    return RespClient.connect(t, port, ['HELLO', '3']);
  }

  get socket(): Socket {
    return this.#socket;
  }

  /** Whether the server has ended the connection (or this client has). */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  write(bytes: string | Buffer): void {
    this.#socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  send(...args: (string | number)[]): void {
    this.#socket.write(encodeCommand(args));
  }

  /** Sends one command and returns its reply. */
  call(...args: (string | number)[]): Promise<string> {
    this.send(...args);
    return this.reply();
  }

  /** Sends all commands in one write and returns their replies. */
  async pipeline(commands: readonly (readonly (string | number)[])[]): Promise<string[]> {
    this.#socket.write(Buffer.concat(commands.map(encodeCommand)));
    return this.replies(commands.length);
  }

  /** The next reply; RESP3 pushes are passed over and stay for `push`. */
  reply(withinMs = REPLY_WITHIN_MS): Promise<string> {
    return this.#next('a reply', frame => !isPush(frame), withinMs);
  }

  async replies(count: number, withinMs = REPLY_WITHIN_MS): Promise<string[]> {
    const replies: string[] = [];
    for (let i = 0; i < count; i++) replies.push(await this.reply(withinMs));
    return replies;
  }

  /** The next RESP3 push. */
  push(withinMs = REPLY_WITHIN_MS): Promise<string> {
    return this.#next('a push', isPush, withinMs);
  }

  /** The next frame of either kind. */
  frame(withinMs = REPLY_WITHIN_MS): Promise<string> {
    return this.#next('a frame', () => true, withinMs);
  }

  /** Takes what has come so far: whole frames, then the bytes of an unfinished one if any. */
  drain(): string[] {
    const rest = this.#pendingBytes === 0 ? [] : [Buffer.concat(this.#pending).toString('latin1')];
    return [...this.#frames.splice(0), ...rest];
  }

  /** Everything that comes until the server ends the connection, in one binary string. */
  async untilEnd(withinMs = REPLY_WITHIN_MS): Promise<string> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new Error(`connection not ended in ${withinMs} ms; got ${this.#summary()}`));
      }, withinMs);
    });
    try {
      await Promise.race([this.#ended, late]);
    } finally {
      clearTimeout(timer);
    }
    return this.drain().join('');
  }

  /** Ends the connection at once, as a crashed client would. */
  destroy(): void {
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.length;
    if (this.#pendingBytes < this.#neededBytes) return;
    const bytes = this.#pending.length === 1 ? chunk : Buffer.concat(this.#pending);
    let at = 0;
    while (at < bytes.length) {
      let end: number;
      try {
        end = frameEnd(bytes, at);
      } catch (error) {
        if (error instanceof Error) this.#endError = error;
        this.#socket.destroy();
        break;
      }
      if (end > bytes.length) {
        this.#neededBytes = end - at;
        break;
      }
      this.#neededBytes = 1;
      this.#deliver(bytes.toString('latin1', at, end));
      at = end;
    }
    this.#pendingBytes = bytes.length - at;
    this.#pending = this.#pendingBytes === 0 ? [] : [bytes.subarray(at)];
  }

  #deliver(frame: string): void {
    const index = this.#waiters.findIndex(waiter => waiter.wants(frame));
    if (index === -1) this.#frames.push(frame);
    else this.#waiters.splice(index, 1)[0]?.settle(frame);
  }

  #next(what: string, wants: (frame: string) => boolean, withinMs: number): Promise<string> {
    const index = this.#frames.findIndex(wants);
    const [ready] = index === -1 ? [] : this.#frames.splice(index, 1);
    if (ready !== undefined) return Promise.resolve(ready);
    if (this.#isEnded) return Promise.reject(this.#endError);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
        reject(new Error(`${what} did not come in ${withinMs} ms; got ${this.#summary()}`));
      }, withinMs);
      const waiter: Waiter = {
        wants,
        settle: frame => {
          clearTimeout(timer);
          resolve(frame);
        },
        fail: error => {
          clearTimeout(timer);
          reject(error);
        },
      };
      this.#waiters.push(waiter);
    });
  }

  #summary(): string {
    const text = [...this.#frames, ...this.#pending.map(part => part.toString('latin1', 0, 200))];
    return JSON.stringify(text.join('').slice(0, 400));
  }
}
