import type { Socket } from 'node:net';
import type { CommandTable } from '../intent/command-table.js';
import type { LockRequest } from '../locks/contract.js';
import { COMPLETE, EMPTY, INLINE, MALFORMED, RequestFramer } from '../resp/request-framer.js';
import type { RequestSkimmer } from '../resp/request-skimmer.js';
import type { Pipe } from '../upstream/pipe.js';
import type { PipeClient, ReplyReader } from '../upstream/pipe-client.js';
import { ClientOutput } from './client-output.js';
import { ConnectionState } from './connection-state.js';
import type { Gateway } from './gateway.js';
import { Input } from './input.js';
import { OwnPlace } from './own-place.js';
import { commandRead, PlainRun } from './plain-run.js';
import { ReadFlow } from './read-flow.js';
import { RecentGrants } from './recent-grants.js';
import { type Command, commandOf, route } from './route.js';
import { Settling } from './settling.js';
import { SharedPipe } from './shared-pipe.js';
import { type Place, Turnstile } from './turnstile.js';
import { inlineFrame, largeFrame, malformedFrame } from './unusual-frame.js';

/**
 * One client's connection. It reads commands, sends each to the place that it is for, and keeps
 * invariant 10: commands are on their way in one place only. A command for another place waits
 * until all earlier ones are answered, and later ones wait behind it, unread.
 */

/** One framer finds all commands of all sessions: it keeps nothing between two calls. */
const framer = new RequestFramer();

export class Session implements PipeClient {
  readonly gateway: Gateway;
  readonly id: number;
  readonly state = new ConnectionState();
  readonly socket: Socket;
  readonly connectedAtMs = performance.now();
  readonly own: OwnPlace;
  readonly settling: Settling;
  readonly input = new Input();
  readonly grants = new RecentGrants();
  /** When the bytes now under treatment were read, monotonic. */
  readAtMs = 0;
  lastCommand = 'NULL';
  closed = false;
  /** A lock request whose verdict is still to come. */
  pendingLock: LockRequest | null = null;
  inputEnded = false;

  readonly #turnstile = new Turnstile();
  readonly #shared: SharedPipe;
  readonly #flow: ReadFlow;
  readonly #output: ClientOutput;
  readonly #run = new PlainRun();
  #skimmer: RequestSkimmer | null = null;
  #processing = false;
  #finishing = false;

  constructor(gateway: Gateway, socket: Socket) {
    this.gateway = gateway;
    this.socket = socket;
    this.id = gateway.clients.add(this);
    this.own = new OwnPlace(this);
    this.settling = new Settling(this);
    this.#output = new ClientOutput(socket, gateway, this.id, () => this.#clientDrained());
    this.#shared = new SharedPipe(gateway.pipes);
    this.#flow = new ReadFlow(socket, gateway.options.requestBacklogBytes);
    socket.on('end', () => this.#ended());
    socket.on('error', () => undefined);
    socket.on('close', () => this.#release());
  }

  get outstanding(): number {
    return this.#turnstile.outstanding;
  }

  mayEnter(place: Place): boolean {
    return this.#turnstile.mayEnter(place);
  }

  /** Counts commands that are on their way to `place` from now on. */
  enter(place: Place, replies: number): void {
    this.#turnstile.enter(place, replies);
  }

  /** The command that is 'here' goes on to Redis instead. */
  leaveHere(): void {
    this.#turnstile.leaveHere();
  }

  /** Treats no further bytes until every command under way is answered; then calls `then`. */
  awaitDrain(then: (() => void) | null): void {
    this.#turnstile.shutUntilDrained(then);
    if (this.outstanding > 0) return;
    queueMicrotask(() => {
      if (this.outstanding === 0) this.#drained();
    });
  }

  /** Treats no further bytes until `resume`. */
  wait(): void {
    this.#turnstile.shut();
  }

  resume(): void {
    if (this.closed) return;
    this.#turnstile.reopen();
    this.#process();
  }

  /** A reply of our own, to the one command that is 'here'. */
  answer(bytes: Buffer): void {
    if (this.#mayHear()) this.#output.write(bytes);
    this.#answered(1);
  }

  /** Writes a reply that no count stands for; false where no byte of it was handed over. */
  write(bytes: Buffer): boolean {
    if (!this.hears || !this.#mayHear()) return false;
    this.#output.write(bytes);
    return true;
  }

  /** Whether a reply that is written now can reach the client. */
  get hears(): boolean {
    return !this.closed && this.#output.writable;
  }

  deliver(bytes: Buffer, from: number, to: number, replies: number): number {
    if (!this.#mayHear()) return 0;
    this.#output.writeLent(bytes, from, to);
    this.#answered(replies);
    return this.#output.waitingBytes;
  }

  /** False where the client is gone, or has to go since it reads nothing. */
  #mayHear(): boolean {
    if (this.closed) return false;
    if (!this.#output.overflows()) return true;
    this.close();
    return false;
  }

  #answered(replies: number): void {
    if (!this.closed && this.#turnstile.answered(replies)) this.#drained();
  }

  upstreamLost(reason: string): void {
    if (this.closed) return;
    this.gateway.log.warn({ client: this.id, reason }, 'client disconnected: its upstream is lost');
    this.end();
  }

  pipeDrained(): void {
    this.#flow.upstreamDrained();
    this.#adjustReading();
  }

  /** Ends the connection once what was written is with the client. */
  end(): void {
    if (this.closed) return;
    this.#release();
    this.#output.end();
  }

  close(): void {
    this.#release();
    this.#output.destroy();
  }

  /** The state changed (AUTH, HELLO, SELECT …): the shared pipe may be another one now. */
  stateChanged(): void {
    this.#shared.channelChanged();
  }

  /** A command that may share a pipe, and whose reply `read` takes first. */
  askShared(bytes: Buffer, read: ReplyReader): void {
    const pipe = this.#pickPipe();
    // Each pipe is held by a client that reads slowly: it goes on a connection of its own.
    if (pipe === null) return this.own.ask(bytes, read);
    this.enter('pipe', 1);
    pipe.ask(this, bytes, 0, bytes.length, read);
  }

  /** Once more the one command under way, counted already; false: the pipe is not free for it. */
  askAgain(bytes: Buffer, read: ReplyReader): boolean {
    const pipe = this.#pickPipe();
    pipe?.ask(this, bytes, 0, bytes.length, read);
    return pipe !== null;
  }

  /** Sends the run of shared commands that is gathered; call it before anything else is sent. */
  flushRun(): void {
    const { from, replies } = this.#run;
    if (replies === 0) return;
    this.#run.replies = 0;
    this.sendShared(this.input.bytes, from, this.input.at, replies);
  }

  /** Commands [from, to) for the shared pipe. */
  sendShared(bytes: Buffer, from: number, to: number, replies: number): void {
    const pipe = this.#pickPipe();
    if (pipe === null) return this.own.send(bytes, from, to, replies);
    this.enter('pipe', replies);
    pipe.send(this, bytes, from, to, replies);
    if (pipe.congested(this)) this.#flow.upstreamFull();
  }

  #pickPipe(): Pipe | null {
    const { place, outstanding } = this.#turnstile;
    if (place === 'pipe' && outstanding > 0) return this.#shared.current;
    return this.#shared.pick(() => this.state.channel, this.readAtMs);
  }

  /** Bytes [0, length) of the client, lent. */
  received(bytes: Buffer, length: number): void {
    if (this.closed) return;
    this.readAtMs = performance.now();
    if (this.pendingLock !== null) this.gateway.desk.hurry(this.pendingLock);
    const { input } = this;
    if (this.#turnstile.open && input.waitingBytes === 0) {
      input.lend(bytes, length);
      this.#process();
      input.keep();
      return;
    }
    input.add(Buffer.from(bytes.subarray(0, length)));
    if (this.#turnstile.open && input.ready) this.#process();
    else this.#adjustReading();
  }

  #adjustReading(): void {
    this.#flow.adjust(this.#turnstile.open ? 0 : this.input.waitingBytes);
  }

  /**
   * Treats the commands that are there. Hot path: commands that may share a pipe and touch no lock
   * are only counted, and go down together as the bytes that they are.
   */
  #process(): void {
    if (this.#processing) return;
    this.#processing = true;
    try {
      this.#treatAll();
    } catch (error) {
      // A broken assumption about one client must cost that client alone.
      this.gateway.log.error({ err: error, client: this.id }, 'a client had to be closed');
      this.close();
    }
    this.#processing = false;
    if (this.closed) return;
    this.#adjustReading();
    if (this.inputEnded) this.#endWhenAnswered();
  }

  #treatAll(): void {
    const { input } = this;
    input.gather();
    while (this.#turnstile.open && !this.closed && input.waitingBytes > 0) {
      if (this.own.raw) this.own.sendMalformed(input);
      else if (this.#skimmer !== null) this.#skim(this.#skimmer);
      else if (!this.#next()) break;
    }
    this.flushRun();
    input.letGo();
  }

  /** Treats one frame; false when its rest is not there yet. */
  #next(): boolean {
    const { bytes, at } = this.input;
    framer.stranger = this.state.identity === null;
    const status = framer.next(bytes, at, this.input.end);
    if (status === COMPLETE) {
      this.#command(bytes, framer.end);
      return true;
    }
    this.flushRun();
    // Redis says nothing to an empty frame, and need not see it.
    if (status === EMPTY) this.input.at = framer.end;
    else if (status === INLINE) inlineFrame(this, framer);
    else if (status === MALFORMED) malformedFrame(this, framer);
    else {
      this.#skimmer = largeFrame(this, framer);
      if (this.#skimmer !== null) return true;
      this.input.wait(framer);
      return false;
    }
    return true;
  }

  #command(bytes: Buffer, end: number): void {
    const table = this.gateway.commands();
    const joined = table === null ? 0 : this.#joinPlain(table);
    this.gateway.traffic.commands += joined;
    if (joined > 0) return;
    this.flushRun();
    const facts = table === null ? null : commandRead(bytes, framer, table);
    route(this, commandOf(this.input.frame(end), end, facts));
  }

  /** Plain commands, from the one that was just read on; how many joined the run. */
  #joinPlain(table: CommandTable): number {
    const { identity, database } = this.state;
    if (identity === null || this.own.pinned || !this.#turnstile.mayEnter('pipe')) return 0;
    const { desk } = this.gateway;
    const locks = desk.tracks(database) ? desk : null;
    return this.#run.joinAll(this.input, framer, table, locks, database);
  }

  /** The command at hand was taken by `route`. */
  taken(command: Command): void {
    this.gateway.traffic.commands++;
    this.flushRun();
    // What it touched on another way than it has taken in the end is touched no more.
    this.settling.release();
    this.input.at = command.end;
  }

  /** The command at hand, which ends at `end`, joins the run for the shared pipe. */
  joinRun(end: number): void {
    this.gateway.traffic.commands++;
    this.#run.join(this.input, end);
  }

  /** A part of a request too large to be held. */
  #skim(skimmer: RequestSkimmer): void {
    const { bytes, at, end: to } = this.input;
    const end = skimmer.skim(bytes, at, to);
    this.#sendRaw(end < 0 ? to : end);
    if (end < 0) return;
    this.#skimmer = null;
    this.own.streamEnded();
  }

  #sendRaw(to: number): void {
    const { input } = this;
    this.own.sendRaw(input.bytes, input.at, to);
    input.at = to;
    if (this.own.pipe?.congested(this) === true) this.#flow.upstreamFull();
  }

  /** Every command under way is answered. */
  #drained(): void {
    if (this.closed) return;
    this.#shared.current = null;
    if (this.#finishing) {
      this.end();
      return;
    }
    const wasShut = !this.#turnstile.open;
    // First what the last reply means for the connection's state, then whether it can be left.
    this.#turnstile.drained()?.();
    this.own.drained();
    if (wasShut && this.#turnstile.open) this.#process();
    else if (this.inputEnded) this.#endWhenAnswered();
  }

  #clientDrained(): void {
    for (const pipe of [this.#shared.current, this.own.pipe]) pipe?.clientDrained(this);
  }

  #ended(): void {
    this.inputEnded = true;
    if (this.pendingLock !== null) this.gateway.desk.hurry(this.pendingLock);
    this.#endWhenAnswered();
  }

  /** The client sends no more: what it has sent is answered first. */
  #endWhenAnswered(): void {
    // One that waits for others may wait for ever; Redis ends it at once, and what is behind it.
    if (!this.#turnstile.open && !this.own.waitsForOthers) return;
    if (this.own.endWriting() || this.outstanding > 0) return;
    this.end();
  }

  #release(): void {
    if (this.closed) return;
    this.closed = true;
    this.gateway.clients.remove(this.id);
    this.#shared.current?.clientDrained(this);
    if (this.pendingLock !== null) this.gateway.desk.abandoned(this.pendingLock);
    this.gateway.desk.left(this.id);
    this.settling.release();
    this.own.release();
    this.input.clear();
  }

  /** Forelock drains: the client is ended once it is answered. */
  finish(): void {
    this.#finishing = true;
    if (this.outstanding === 0 || this.own.opaque || this.own.waitsForOthers) this.end();
  }
}
