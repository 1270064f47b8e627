import type { Touch } from '../locks/contract.js';
import type { Pipe } from '../upstream/pipe.js';
import type { ReplyReader } from '../upstream/pipe-client.js';
import type { Input } from './input.js';
import { KeptTouches } from './kept-touches.js';
import type { QueuedFilter } from './keyspace-filter.js';
import type { MalformedRequest } from './malformed-request.js';
import type { Command } from './route.js';
import type { Session } from './session.js';
import { Subscriptions } from './subscriptions.js';

/** Why a client needs the connection that it has, beyond the command under way. */
export const PIN = {
  transaction: 1,
  watch: 2,
  subscribed: 4,
  tracking: 8,
  monitor: 16,
  replyMode: 32,
  unauthenticated: 64,
  streaming: 128,
} as const;

/** A command of connection state, queued as the `index`th of its transaction. */
export interface QueuedState {
  readonly index: number;
  readonly args: readonly string[];
}

/**
 * A client's own connection to Redis: opened when a command needs it, with the client's state
 * replayed, and left again once nothing of that state is in Redis's connection alone.
 */
export class OwnPlace {
  readonly #session: Session;
  pipe: Pipe | null = null;
  /** What Redis is to judge, and then to end the connection. */
  #malformed: MalformedRequest | null = null;
  #pins = 0;
  readonly #touches: KeptTouches;
  #whenDrained: (() => void)[] = [];
  #subscriptions: Subscriptions | null = null;
  /** The client sends no more: Redis is to end the connection, and nobody else shall have it. */
  #ending = false;
  /** Whose connection invalidations go to (CLIENT TRACKING … REDIRECT): Redis's number and ours. */
  redirection: { readonly upstreamId: number; readonly id: number } | null = null;
  /** A command under way may wait for other clients, or replicas, and so for ever. */
  waitsForOthers = false;
  /** Commands queued in the transaction under way, and the replies in it that must be filtered. */
  queued = 0;
  readonly filters: QueuedFilter[] = [];
  /** Queued commands of connection state: what EXEC says of each tells whether it took effect. */
  readonly states: QueuedState[] = [];
  /** Something is queued of which no reply will tell when it is over: SUBSCRIBE, CLIENT REPLY … */
  outlasts = false;
  /** Something is queued that may touch any lock, also one that comes up before EXEC. */
  queuedForEveryDatabase = false;
  /** Databases that a SELECT leads to, or has led to, without a reply that tells. */
  readonly #otherDatabases = new Set<number>();

  constructor(session: Session) {
    this.#session = session;
    this.#touches = new KeptTouches(session.gateway.desk);
  }

  get raw(): boolean {
    return this.#malformed !== null;
  }

  get pinned(): boolean {
    return this.#pins !== 0 || this.raw;
  }

  has(pin: number): boolean {
    return (this.#pins & pin) !== 0;
  }

  pin(pin: number): void {
    this.#pins |= pin;
  }

  unpin(pin: number): void {
    this.#pins &= ~pin;
  }

  /** The connection's state in Redis is one that no reply can tell about. */
  get opaque(): boolean {
    return this.pipe?.opaque ?? false;
  }

  /** A SELECT was sent, of whose effect nothing is known yet. */
  mayBeIn(database: number): void {
    if (Number.isSafeInteger(database)) this.#otherDatabases.add(database);
  }

  /** Where a command may find its keys: in one database, unless a SELECT has an unknown fate. */
  get databases(): readonly number[] {
    const { database } = this.#session.state;
    if (this.#otherDatabases.size === 0) return [database];
    return [...new Set([database, ...this.#otherDatabases])];
  }

  open(): Pipe {
    const { gateway, state } = this.#session;
    if (this.pipe === null || this.pipe.closed) {
      this.pipe = gateway.pipes.own(state.channel, state.replay(), this.#session);
    }
    return this.pipe;
  }

  /** A command that subscribes or unsubscribes is about to be sent, alone. */
  subscribing(command: Command): void {
    const { state } = this.#session;
    this.#subscriptions ??= new Subscriptions();
    const subscriptions = this.#subscriptions;
    subscriptions.sent(command);
    this.pin(PIN.subscribed);
    this.open().watchFrame = frame => subscriptions.heard(frame, state.protocol);
  }

  /** It is confirmed: a client that is subscribed to nothing is an ordinary one again. */
  subscribed(): void {
    if (this.#subscriptions?.none !== true) return;
    this.#subscriptions = null;
    this.unpin(PIN.subscribed);
    if (this.pipe !== null) this.pipe.watchFrame = null;
  }

  /** Stays on its own connection for good, and tells its number in Redis once it is there. */
  settleHere(then: (upstreamId: number) => void): void {
    this.pin(PIN.tracking);
    const pipe = this.open();
    pipe.whenReady(() => then(pipe.upstreamId));
  }

  /** Whole commands, `replies` of them answered by Redis in their order. */
  send(bytes: Buffer, from: number, to: number, replies: number): void {
    const pipe = this.open();
    if (pipe.opaque || replies === 0) {
      pipe.sendRaw(bytes, from, to);
      return;
    }
    this.#session.enter('own', replies);
    pipe.send(this.#session, bytes, from, to, replies);
  }

  /** One command whose reply `read` takes first. */
  ask(bytes: Buffer, read: ReplyReader): void {
    this.#session.enter('own', 1);
    this.askSilently(bytes, read);
  }

  /** One command of ours whose reply the client doesn't see. */
  askSilently(bytes: Buffer, read: ReplyReader): void {
    this.open().ask(this.#session, bytes, 0, bytes.length, read);
  }

  /** A request that is about to be streamed with `sendRaw` will get one reply. */
  expectReply(answered: () => void): void {
    // Redis may answer, and close, before the request has ended.
    this.pin(PIN.streaming);
    const pipe = this.open();
    pipe.blocked = false;
    pipe.expect(this.#session, 1);
    this.#session.enter('own', 1);
    this.#whenDrained.push(answered);
  }

  sendRaw(bytes: Buffer, from: number, to: number): void {
    this.open().sendRaw(bytes, from, to);
  }

  /** The client has ended its side; false where no connection of its own would tell Redis. */
  endWriting(): boolean {
    if (this.pipe === null) return false;
    if (this.#ending) return true;
    this.#ending = true;
    this.pipe.endWriting();
    return true;
  }

  streamEnded(): void {
    this.unpin(PIN.streaming);
    if (this.#session.outstanding === 0) this.drained();
  }

  /** Redis is to judge what comes: of it `malformed` says how much goes there. */
  becomeRaw(malformed: MalformedRequest): void {
    this.#malformed = malformed;
    this.open().opaque = true;
  }

  sendMalformed(input: Input): void {
    const to = this.#malformed?.take(input.bytes, input.at, input.end) ?? input.end;
    if (to > input.at) this.sendRaw(input.bytes, input.at, to);
    input.at = input.end;
  }

  /** Holds a touch until the transaction, the WATCH or the connection is over. */
  keep(touch: Touch): void {
    this.#touches.keep(touch);
  }

  /** EXEC, DISCARD or UNWATCH was answered. */
  transactionEnded(): void {
    this.unpin(PIN.transaction | PIN.watch);
    this.queued = 0;
    this.filters.length = 0;
    this.states.length = 0;
    this.outlasts = false;
    this.queuedForEveryDatabase = false;
    this.#otherDatabases.clear();
    this.#touches.end();
    this.#restWhenFree();
  }

  /** Every command under way is answered. */
  drained(): void {
    this.waitsForOthers = false;
    if (this.#whenDrained.length > 0) {
      const waiting = this.#whenDrained;
      this.#whenDrained = [];
      for (const then of waiting) then();
    }
    // Where MULTI was refused, what was sent behind it has been done.
    if (!this.has(PIN.transaction | PIN.watch) && !this.opaque) this.#touches.end();
    this.#restWhenFree();
  }

  /** Leaves the connection to others, once nothing of the client's state is in it alone. */
  #restWhenFree(): void {
    if (this.pipe === null || this.pinned || this.#ending) return;
    if (this.#session.outstanding > 0) return;
    const { gateway, state } = this.#session;
    const pipe = this.pipe;
    this.pipe = null;
    pipe.blocked = false;
    gateway.pipes.rest(pipe, state.channel, state.replay());
  }

  /** Gives up the connection, with whatever Redis keeps for it. */
  leave(): void {
    const pipe = this.pipe;
    this.pipe = null;
    this.#pins = 0;
    this.#malformed = null;
    this.#subscriptions = null;
    this.redirection = null;
    this.#session.gateway.broadcastTrackers.delete(this.#session.id);
    this.transactionEnded();
    if (pipe === null) return;
    pipe.abandon();
    pipe.close('left');
  }

  /** The client is gone. */
  release(): void {
    for (const then of this.#whenDrained.splice(0)) then();
    this.leave();
  }
}
