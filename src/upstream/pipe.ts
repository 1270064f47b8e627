import type { Socket } from 'node:net';
import { encodeCommand, errorReply } from '../resp/encode.js';
import { FrameCollector } from '../resp/frame-collector.js';
import { ReplyFramer } from '../resp/reply-framer.js';
import { endpointName, openSocket } from './endpoint.js';
import { channelPrelude, connectionNumber } from './identity.js';
import type { UpstreamOptions } from './options.js';
import type { PipeClient, PipeUse, ReplyReader } from './pipe-client.js';
import { PipeOutput } from './pipe-output.js';
import { ReplyQueue } from './reply-queue.js';

/**
 * One pipelined connection to Redis, shared by many clients or kept for one. Commands are gathered
 * while the event loop's turn lasts and written at once; the replies, which come in the order of
 * the commands, go back as the bytes that they are.
 */

/** Waiting requests are gathered in blocks of these sizes: of many clients, and of one. */
const SHARED_BLOCK_BYTES = 64 * 1024;
const OWN_BLOCK_BYTES = 4 * 1024;
const LOGIN_REFUSED = /^(WRONGPASS|NOAUTH|NOPERM)/;
const MINUS = 0x2d;

export class Pipe {
  readonly #options: UpstreamOptions;
  readonly #use: PipeUse;
  #owner: PipeClient | null;
  readonly #onClosed: (pipe: Pipe) => void;
  #socket: Socket | null = null;
  #framer = new ReplyFramer();
  #queue = new ReplyQueue();
  #state: 'connecting' | 'ready' | 'closed' = 'connecting';
  readonly #giveUpAtMs: number;
  readonly #holdAboveBytes: number;
  /** The owner has sent its last. */
  #ending = false;
  #retry: NodeJS.Timeout | null = null;
  /** Replies of the prelude still to come, and how many of them must not be errors. */
  #preludeReplies = 0;
  #preludeMusts = 0;
  /** CLIENT ID of this connection in Redis; 0 where it was not asked or is not known. */
  upstreamId = 0;
  /** Replies can't be told apart any more (MONITOR, RESP2 subscriptions): bytes pass uncounted. */
  opaque = false;
  /**
   * Set while the owner is subscribed: looks at each whole frame, and tells whether it answers a
   * command (1) or is a message among the replies (0).
   */
  watchFrame: ((frame: Buffer) => number) | null = null;
  /** The command under way waits for data (BLPOP …): it can read no string that is written now. */
  blocked = false;

  readonly #output: PipeOutput;
  #whenReady: (() => void)[] = [];

  /** The client whose unfinished reply holds this pipe until its socket drains. */
  #heldBy: PipeClient | null = null;
  readonly #collector = new FrameCollector();

  constructor(options: UpstreamOptions, use: PipeUse, onClosed: (pipe: Pipe) => void) {
    this.#options = options;
    this.#use = use;
    this.#owner = use.owner;
    this.#onClosed = onClosed;
    // On a shared connection a hold stops others, so what the client may leave unread comes first.
    this.#holdAboveBytes =
      use.owner === null
        ? options.clientOutputLimitBytes - SHARED_BLOCK_BYTES * 2
        : options.flowWindowBytes;
    this.#giveUpAtMs = performance.now() + options.reconnectWaitMs;
    const blockBytes = use.owner === null ? SHARED_BLOCK_BYTES : OWN_BLOCK_BYTES;
    this.#output = new PipeOutput(blockBytes, options.flowWindowBytes);
    this.#connect();
  }

  get closed(): boolean {
    return this.#state === 'closed';
  }

  get idle(): boolean {
    return this.#queue.empty;
  }

  get held(): boolean {
    return this.#heldBy !== null;
  }

  /** Whether a new command would wait for a client that doesn't read or a command that hangs. */
  stalled(nowMs: number): boolean {
    if (this.#heldBy !== null) return true;
    if (this.#state === 'connecting') return false;
    return nowMs - this.#queue.oldestSentAtMs() > this.#options.pipeStallMs;
  }

  oldestUnansweredAtMs(): number {
    return this.#queue.oldestSentAtMs();
  }

  /** Passes an exclusive connection, at rest, to another client in the same state. */
  handTo(owner: PipeClient): void {
    if (!this.idle || this.opaque) throw new Error('a connection in use changes hands');
    this.#owner = owner;
  }

  /** Commands [from, to) of a client; `replies` answers will come to them. */
  send(client: PipeClient, bytes: Buffer, from: number, to: number, replies: number): void {
    const first = this.#queue.empty;
    this.#queue.push(client, replies, performance.now());
    this.#output.write(bytes, from, to, first);
  }

  /** One command whose reply goes to `reader` instead of the client. */
  ask(client: PipeClient, bytes: Buffer, from: number, to: number, reader: ReplyReader): void {
    this.#queue.pushRead(client, reader, performance.now());
    this.#output.write(bytes, from, to, false);
  }

  /** Whether the upstream takes no more for now; `pipeDrained` tells the client when it does. */
  congested(client: PipeClient): boolean {
    return this.#output.congested(client);
  }

  /** The client that held the pipe has read enough, or is gone. */
  clientDrained(client: PipeClient): void {
    if (this.#heldBy !== client) return;
    this.#heldBy = null;
    this.#socket?.resume();
  }

  /** Replies will come to commands whose bytes are sent with `sendRaw`. */
  expect(client: PipeClient, replies: number): void {
    this.#queue.push(client, replies, performance.now());
  }

  /** Calls back once the connection is in its state, or is lost. */
  whenReady(then: () => void): void {
    if (this.#state === 'connecting') this.#whenReady.push(then);
    else then();
  }

  /** The owner wants to hear nothing more of this connection. */
  abandon(): void {
    this.#owner = null;
    this.#queue.drain((_client, reader) => reader?.(null));
  }

  /** Bytes that are no whole command, or answer to nothing that could be counted. */
  sendRaw(bytes: Buffer, from: number, to: number): void {
    this.#output.write(bytes, from, to, false);
  }

  /** The owner sends no more; Redis decides what that means for what is under way. */
  endWriting(): void {
    this.#output.flush();
    this.#ending = true;
    if (this.#state === 'ready') this.#socket?.end();
  }

  close(reason: string): void {
    this.#close(reason, reader => reader(null));
  }

  #close(reason: string, answer: (reader: ReplyReader) => void): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#socket?.destroy();
    this.#onClosed(this);
    this.#queue.drain((client, reader) => {
      if (reader !== null) answer(reader);
      client.upstreamLost(reason);
    });
    this.#owner?.upstreamLost(reason);
    this.#releaseWaiting();
  }

  #connect(): void {
    this.#framer = new ReplyFramer();
    const { endpoint, keepAliveMs } = this.#options;
    const socket = openSocket(endpoint, keepAliveMs, (bytes, length) => this.#heard(bytes, length));
    this.#socket = socket;
    // Nobody waits for longer than until the end of the wait for a lost upstream.
    const leftMs = Math.max(this.#options.pipeRetryMs, this.#giveUpAtMs - performance.now());
    const patienceMs = Math.ceil(Math.min(this.#options.upstreamConnectTimeoutMs, leftMs));
    const timeout = setTimeout(() => {
      socket.destroy(new Error(`no connection within ${patienceMs} ms`));
    }, patienceMs);
    socket.on('connect', () => {
      clearTimeout(timeout);
      this.#greet(socket);
    });
    // 'close' follows every error; the reason is kept for the message.
    let reason = 'the connection was closed';
    socket.on('error', error => {
      reason = error.message;
    });
    socket.on('close', () => {
      clearTimeout(timeout);
      this.#lost(reason);
    });
  }

  #greet(socket: Socket): void {
    const musts = channelPrelude(this.#use.channel);
    const prelude = [...musts, ...this.#use.replay];
    this.#preludeMusts = musts.length;
    this.#preludeReplies = prelude.length;
    if (prelude.length === 0) {
      this.#becomeReady(socket);
      return;
    }
    socket.write(Buffer.concat(prelude.map(command => encodeCommand(command))));
  }

  #becomeReady(socket: Socket): void {
    this.#state = 'ready';
    this.#output.sendTo(socket);
    if (this.#ending) socket.end();
    for (const then of this.#whenReady.splice(0)) then();
  }

  #lost(reason: string): void {
    if (this.#state === 'closed') return;
    const name = endpointName(this.#options.endpoint);
    if (this.#state === 'ready') {
      this.close(`${name}: ${reason}`);
      return;
    }
    const awaited = !this.#queue.empty || this.#output.waitingBytes > 0;
    if (awaited && performance.now() + this.#options.pipeRetryMs < this.#giveUpAtMs) {
      this.#retry = setTimeout(() => this.#connect(), this.#options.pipeRetryMs);
      return;
    }
    this.#fail(`ERR Forelock: upstream ${name} is unreachable: ${reason}`);
  }

  /**
   * Redis takes no command now (BUSY, LOADING, too many clients …), and its word goes to those who
   * wait; or the user's login holds no more, and then its clients are cut off as Redis would.
   */
  #refused(text: string): void {
    if (!LOGIN_REFUSED.test(text)) return this.#fail(text);
    const error = errorReply(text);
    this.#close(`Redis refused the login: ${text}`, reader => reader(error));
  }

  /** Nothing of what waits was ever sent, so each command can be told so and nobody is cut off. */
  #fail(text: string): void {
    this.#state = 'closed';
    this.#socket?.destroy();
    this.#onClosed(this);
    const error = errorReply(text);
    this.#queue.drainEach((client, replies, reader) => {
      if (reader !== null) {
        reader(error);
        return;
      }
      for (let index = 0; index < replies; index++) client.deliver(error, 0, error.length, 1);
    });
    // Which commands of an opaque connection wait for an answer, nobody knows.
    if (this.opaque) this.#owner?.upstreamLost(text);
    this.#releaseWaiting();
  }

  #releaseWaiting(): void {
    if (this.closed) for (const then of this.#whenReady.splice(0)) then();
    this.#output.release();
  }

  #heard(bytes: Buffer, length: number): void {
    try {
      this.#read(bytes, length);
    } catch (error) {
      // Bytes that are no RESP, or a broken count: nothing that follows could be trusted.
      this.close(`what the upstream sent could not be read: ${String(error)}`);
    }
  }

  /** The bytes are lent: whoever keeps any of them copies them. */
  #read(bytes: Buffer, to: number): void {
    let at = 0;
    while (at < to && this.#state !== 'closed') {
      if (this.#preludeReplies > 0) at = this.#readPrelude(bytes, at, to);
      else if (this.opaque) at = this.#readForOwner(bytes, at, to);
      else if (this.watchFrame !== null) at = this.#readWatched(bytes, at, to, this.watchFrame);
      else if (this.#queue.empty) at = this.#readUnasked(bytes, at, to);
      else if (this.#queue.reader() !== null) at = this.#readForReader(bytes, at, to);
      else at = this.#readForClient(bytes, at, to);
    }
  }

  /** Hot path: bytes go on as they came; every reply of the same client in one write. */
  #readForClient(bytes: Buffer, from: number, to: number): number {
    const queue = this.#queue;
    const client = queue.client();
    const framer = this.#framer;
    const at = framer.scanReplies(bytes, from, to, queue.replies());
    const { ended } = framer;
    if (ended > 0) queue.answered(ended);
    const waitingBytes = client.deliver(bytes, from, at, ended);
    // A reply this large waits for its client; a client that leaves many small ones is closed.
    const isLarge = framer.unfinishedBytes > this.#options.flowWindowBytes;
    if (isLarge && waitingBytes > this.#holdAboveBytes && this.#state === 'ready') {
      this.#heldBy = client;
      this.#socket?.pause();
    }
    return at;
  }

  #readForOwner(bytes: Buffer, from: number, to: number): number {
    this.#owner?.deliver(bytes, from, to, 0);
    return to;
  }

  #readWatched(bytes: Buffer, from: number, to: number, watch: (frame: Buffer) => number): number {
    const collected = this.#collector.collect(this.#framer, bytes, from, to);
    if (collected === null) return to;
    const { frame, end } = collected;
    const answered = watch(frame);
    if (answered > 0 && !this.#queue.empty) {
      const reader = this.#queue.reader();
      this.#queue.answered(1);
      if (reader !== null) {
        reader(frame);
        return end;
      }
      this.#owner?.deliver(frame, 0, frame.length, 1);
      return end;
    }
    this.#readForOwner(frame, 0, frame.length);
    return end;
  }

  #readForReader(bytes: Buffer, from: number, to: number): number {
    const collected = this.#collector.collect(this.#framer, bytes, from, to);
    if (collected === null) return to;
    const { frame: whole, end } = collected;
    if (this.#framer.isPush) {
      this.#owner?.deliver(whole, 0, whole.length, 0);
      return end;
    }
    const reader = this.#queue.reader();
    this.#queue.answered(1);
    reader?.(whole);
    return end;
  }

  #readPrelude(bytes: Buffer, from: number, to: number): number {
    const end = this.#framer.scan(bytes, from, to);
    if (end < 0) return to;
    if (this.#preludeMusts > 0 && bytes[from] === MINUS) {
      this.#refused(bytes.toString('latin1', from + 1, end - 2));
      return to;
    }
    this.upstreamId = connectionNumber(bytes, from, end) || this.upstreamId;
    this.#preludeMusts--;
    this.#preludeReplies--;
    if (this.#preludeReplies === 0 && this.#socket !== null) this.#becomeReady(this.#socket);
    return end;
  }

  /** What nobody asked for: an error that Redis sends before it closes, or a stray push. */
  #readUnasked(bytes: Buffer, from: number, to: number): number {
    const end = this.#framer.scan(bytes, from, to);
    if (this.#owner !== null) return this.#readForOwner(bytes, from, end < 0 ? to : end);
    if (end >= 0 && this.#framer.isPush) return end;
    this.close('the upstream sent a reply that nobody waits for');
    return to;
  }
}
