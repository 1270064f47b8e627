import type { Socket } from 'node:net';
import type { CommandFacts } from '../intent/command-table.js';
import type { LockRequest } from '../locks/contract.js';
import { errorReply } from '../resp/encode.js';
import {
  COMPLETE,
  EMPTY,
  INCOMPLETE,
  INLINE,
  MALFORMED,
  RequestFramer,
} from '../resp/request-framer.js';
import { RequestSkimmer } from '../resp/request-skimmer.js';
import type { Identity } from '../upstream/identity.js';
import type { Pipe, PipeClient } from '../upstream/pipe.js';
import type { PipeGroup } from '../upstream/pipe-set.js';
import { ConnectionState } from './connection-state.js';
import type { Gateway } from './gateway.js';
import { inlineAsRequest } from './inline-request.js';
import { OwnPlace, PIN } from './own-place.js';
import { type Command, commandOf, identify, route } from './route.js';
import { type TouchScope, TouchSet } from './touches.js';

/**
 * One client's connection. It reads commands, sends each to the place that it is for, and keeps
 * invariant 10: commands are on their way in one place only. A command for another place waits
 * until all earlier ones are answered, and later ones wait behind it, unread.
 */

/** Where the commands are whose replies are still to come. */
export type Place =
  | 'none'
  /** A pipe shared with other clients. */
  | 'pipe'
  /** The client's own connection to Redis. */
  | 'own'
  /** With us: the lock manager, the greeter, an admin command. */
  | 'here';

/** One framer finds all commands of all sessions: it keeps nothing between two calls. */
const framer = new RequestFramer();
const NOTHING = Buffer.alloc(0);
const ASTERISK = 0x2a;

export class Session implements PipeClient {
  readonly gateway: Gateway;
  readonly id: number;
  readonly state = new ConnectionState();
  readonly socket: Socket;
  readonly connectedAtMs = performance.now();
  readonly own: OwnPlace;
  /** When the bytes now under treatment were read, monotonic. */
  readAtMs = 0;
  lastCommand = 'NULL';
  closed = false;
  /** A lock request whose verdict is still to come. */
  pendingLock: LockRequest | null = null;

  #place: Place = 'none';
  #outstanding = 0;
  #pipe: Pipe | null = null;
  #group: PipeGroup | null = null;

  /** Bytes read and not yet treated: [#at, #bytes.length). */
  #bytes: Buffer = NOTHING;
  #at = 0;
  /** Commands [#runFrom, #at) are ready to go down the pipe together. */
  #runFrom = 0;
  #runReplies = 0;
  /** What must happen before the next command is looked at. */
  #waitsFor: 'nothing' | 'drain' | 'resume' = 'nothing';
  #afterDrain: (() => void) | null = null;
  #settlingTouches: TouchSet | null = null;
  #settledTouches: TouchSet | null = null;
  /** Keys granted here and perhaps not in Redis yet, for WAIT; the newest few. */
  readonly #granted = new Set<string>();
  #skimmer: RequestSkimmer | null = null;
  #processing = false;
  #readPaused = false;
  #upstreamFull = false;
  #inputEnded = false;
  #finishing = false;

  constructor(gateway: Gateway, socket: Socket) {
    this.gateway = gateway;
    this.socket = socket;
    this.id = gateway.clients.add(this);
    this.own = new OwnPlace(this);
    socket.on('data', chunk => this.#received(chunk));
    socket.on('drain', () => this.#clientDrained());
    socket.on('end', () => this.#ended());
    socket.on('error', () => undefined);
    socket.on('close', () => this.#gone());
  }

  get outstanding(): number {
    return this.#outstanding;
  }

  /** Whether a command may go to `place` now; else it must wait until all earlier are answered. */
  mayEnter(place: Place): boolean {
    return this.#outstanding === 0 || this.#place === place;
  }

  /** Counts commands that are on their way to `place` from now on. */
  enter(place: Place, replies: number): void {
    this.#place = place;
    this.#outstanding += replies;
  }

  /** Treats no further bytes until every command under way is answered; then calls `then`. */
  awaitDrain(then: (() => void) | null): void {
    this.#waitsFor = 'drain';
    this.#afterDrain = then;
    if (this.#outstanding === 0) queueMicrotask(() => this.#drained());
  }

  /** Treats no further bytes until `resume`. */
  wait(): void {
    this.#waitsFor = 'resume';
  }

  resume(): void {
    if (this.closed) return;
    this.#waitsFor = 'nothing';
    this.#process();
  }

  /** A reply of our own, to the one command that is 'here'. */
  answer(bytes: Buffer): void {
    this.deliver(bytes, 0, bytes.length, 1);
  }

  /** Writes a reply that no count stands for: the command was answered on the spot. */
  write(bytes: Buffer): boolean {
    if (this.closed || !this.socket.writable) return false;
    this.socket.write(bytes);
    return true;
  }

  deliver(bytes: Buffer, from: number, to: number, replies: number): boolean {
    if (this.closed) {
      this.#outstanding -= replies;
      return false;
    }
    const { clientOutputLimitBytes, flowWindowBytes } = this.gateway.options;
    const waitingBytes = this.socket.writableLength;
    if (waitingBytes > clientOutputLimitBytes) {
      this.gateway.traffic.clientsClosedForOutput++;
      this.gateway.log.warn(
        { client: this.id, waitingBytes, limitBytes: clientOutputLimitBytes },
        'client closed: it does not read its replies (client-output-limit-bytes)',
      );
      this.close();
      return false;
    }
    const whole = from === 0 && to === bytes.length;
    const keepsUp = this.socket.write(whole ? bytes : bytes.subarray(from, to));
    this.#outstanding -= replies;
    if (this.#outstanding === 0 && replies > 0) this.#drained();
    return !keepsUp && this.socket.writableLength > flowWindowBytes;
  }

  upstreamLost(reason: string): void {
    if (this.closed) return;
    this.gateway.log.warn({ client: this.id, reason }, 'client disconnected: its upstream is lost');
    this.end();
  }

  pipeDrained(): void {
    this.#upstreamFull = false;
    this.#resumeReading();
  }

  /** Ends the connection once what was written is with the client. */
  end(): void {
    if (this.closed) return;
    this.#release();
    this.socket.end();
    // A client that never closes its side must not keep the socket.
    this.socket.resume();
    setTimeout(() => this.socket.destroy(), CLOSING_PATIENCE_MS).unref();
  }

  close(): void {
    this.#release();
    this.socket.destroy();
  }

  /** The state changed (AUTH, HELLO, SELECT …): the shared pipe may be another one now. */
  stateChanged(): void {
    this.#group = null;
  }

  /** A command whose reply `read` takes first, on the shared pipe. */
  askPipe(bytes: Buffer, read: (reply: Buffer | null) => void): boolean {
    const pipe = this.#pickPipe();
    if (pipe === null) return false;
    this.enter('pipe', 1);
    pipe.ask(this, bytes, 0, bytes.length, {
      reply: read,
      replyLost: () => read(null),
    });
    return true;
  }

  /** Sends the run of shared commands that is gathered; call it before anything else is sent. */
  flushRun(): void {
    if (this.#runReplies === 0) return;
    const replies = this.#runReplies;
    this.#runReplies = 0;
    const pipe = this.#pickPipe();
    if (pipe === null) {
      // Each pipe is held by a client that reads slowly: these go on a connection of their own.
      this.own.send(this.#bytes, this.#runFrom, this.#at, replies);
      return;
    }
    this.enter('pipe', replies);
    pipe.send(this, this.#bytes, this.#runFrom, this.#at, replies);
    this.#upstreamMayBeFull(pipe);
  }

  #pickPipe(): Pipe | null {
    if (this.#place === 'pipe' && this.#outstanding > 0) return this.#pipe;
    if (this.#group === null) this.#group = this.gateway.pipes.group(this.state.channel);
    this.#pipe = this.#group.pick(this.readAtMs);
    return this.#pipe;
  }

  #upstreamMayBeFull(pipe: Pipe): void {
    if (!pipe.congested(this)) return;
    this.#upstreamFull = true;
    this.#pauseReading();
  }

  #received(chunk: Buffer): void {
    if (this.closed) return;
    this.readAtMs = performance.now();
    if (this.#at < this.#bytes.length) {
      this.#bytes = Buffer.concat([this.#bytes.subarray(this.#at), chunk]);
    } else {
      this.#bytes = chunk;
    }
    this.#at = 0;
    if (this.#waitsFor === 'nothing') this.#process();
    this.#limitBacklog();
  }

  /** Reads no further while much is waiting behind a command that waits. */
  #limitBacklog(): void {
    const waitingBytes = this.#bytes.length - this.#at;
    if (this.#waitsFor !== 'nothing' && waitingBytes > this.gateway.options.requestBacklogBytes) {
      this.#pauseReading();
    }
  }

  #pauseReading(): void {
    if (this.#readPaused) return;
    this.#readPaused = true;
    this.socket.pause();
  }

  #resumeReading(): void {
    if (!this.#readPaused || this.#upstreamFull) return;
    if (
      this.#waitsFor !== 'nothing' &&
      this.#bytes.length - this.#at > this.gateway.options.requestBacklogBytes
    ) {
      return;
    }
    this.#readPaused = false;
    this.socket.resume();
  }

  /**
   * Treats the commands that are there. Hot path: commands that may share a pipe and touch no lock
   * are only counted, and go down together as the bytes that they are.
   */
  #process(): void {
    if (this.#processing) return;
    this.#processing = true;
    this.#runFrom = this.#at;
    while (this.#waitsFor === 'nothing' && !this.closed && this.#at < this.#bytes.length) {
      if (this.own.raw) {
        this.own.sendRaw(this.#bytes, this.#at, this.#bytes.length);
        this.#at = this.#bytes.length;
      } else if (this.#skimmer !== null) {
        this.#skim(this.#skimmer);
      } else if (!this.#next()) break;
    }
    this.flushRun();
    if (this.#at >= this.#bytes.length) {
      this.#bytes = NOTHING;
      this.#at = 0;
    }
    this.#processing = false;
    if (this.#waitsFor === 'nothing') this.#resumeReading();
    if (this.#inputEnded) this.#endWhenAnswered();
  }

  /** Treats one frame; false when its rest is not there yet. */
  #next(): boolean {
    const bytes = this.#bytes;
    framer.stranger = this.state.identity === null;
    switch (framer.next(bytes, this.#at, bytes.length)) {
      case COMPLETE:
        this.#command(bytes, framer.end);
        return true;
      case EMPTY:
        // Redis says nothing to it, and need not see it.
        this.#skipTo(framer.end);
        return true;
      case INLINE:
        return this.#inline(bytes);
      case INCOMPLETE:
        return this.#incomplete(bytes);
      case MALFORMED:
        this.#malformed();
        return true;
    }
  }

  #command(bytes: Buffer, end: number): void {
    const table = this.gateway.commands();
    const facts =
      table?.commandAt(bytes, framer.argStart[0] as number, framer.argEnd[0] as number) ?? null;
    if (facts !== null && this.#joinsRun(facts)) {
      this.joinRun(end);
      return;
    }
    this.flushRun();
    route(this, commandOf(bytes, this.#at, end, facts));
  }

  #joinsRun(facts: CommandFacts): boolean {
    if (facts.place !== 'shared' || facts.placeNeedsArguments) return false;
    if (this.state.identity === null || this.own.pinned) return false;
    if (this.#outstanding > 0 && this.#place !== 'pipe') return false;
    if (facts.lockArgumentsMin > 0 && framer.argCount >= facts.lockArgumentsMin) return false;
    if (facts.rule === 'whole-database') return false;
    return !this.gateway.desk.tracks(this.state.database);
  }

  /** The command at hand was taken by `route`; what comes next begins at its end. */
  taken(command: Command): void {
    this.gateway.traffic.commands++;
    this.#skipTo(command.end);
  }

  /** The command at hand, which ends at `end`, joins the run for the shared pipe. */
  joinRun(end: number): void {
    this.gateway.traffic.commands++;
    if (this.#runReplies === 0) this.#runFrom = this.#at;
    this.#runReplies++;
    this.#at = end;
  }

  #skipTo(end: number): void {
    this.flushRun();
    this.#at = end;
  }

  #inline(bytes: Buffer): boolean {
    const line = bytes.toString('latin1', framer.start, framer.lineEnd);
    const request = inlineAsRequest(line);
    if (request === 'malformed') {
      this.#malformed();
      return true;
    }
    // The line is replaced by the request that it stands for, in front of what follows it.
    this.flushRun();
    this.#bytes = Buffer.concat([request, bytes.subarray(framer.end)]);
    this.#at = 0;
    return true;
  }

  #incomplete(bytes: Buffer): boolean {
    if (framer.neededBytes <= this.gateway.options.largeRequestBytes) return false;
    // Until its name is here, or while that name means state, the rest is waited for.
    if (!this.#mayStream(bytes)) return false;
    // Too large to wait for: it is passed on as it comes. Since its keys may not be here yet, it
    // counts as touching every key of the database.
    this.flushRun();
    if (!this.mayEnter('own')) {
      this.awaitDrain(null);
      return true;
    }
    const touches = this.settled(() => this.#everyTrackedDatabase());
    if (touches === 'waiting') return true;
    this.#skimmer = new RequestSkimmer();
    this.own.expectReply(() => touches?.end());
    return true;
  }

  #mayStream(bytes: Buffer): boolean {
    const table = this.gateway.commands();
    if (this.state.identity === null || table === null || bytes[this.#at] !== ASTERISK)
      return false;
    // A name so long is no command's: Redis shall say so when it has read it.
    if (framer.argCount === 0) return true;
    const facts = table.commandAt(bytes, framer.argStart[0] ?? 0, framer.argEnd[0] ?? 0);
    return facts === null || facts.place === 'shared';
  }

  #everyTrackedDatabase(): TouchScope[] {
    const databases = this.gateway.desk.databases();
    return databases.map(database => ({ database, keys: null, bars: false }));
  }

  /**
   * Settles what the command at hand touches (invariant 5). Null: it touches no lock. 'waiting':
   * the session waits until it is settled, and the command then comes here again.
   */
  settled(scopes: () => TouchScope[]): TouchSet | null | 'waiting' {
    const settled = this.#settledTouches;
    if (settled !== null) {
      this.#settledTouches = null;
      return settled;
    }
    const wanted = scopes();
    if (wanted.length === 0) return null;
    const touches = new TouchSet(this.gateway.desk, wanted);
    this.#settlingTouches = touches;
    const atOnce = touches.begin(() => {
      this.#settlingTouches = null;
      this.#settledTouches = touches;
      this.resume();
    });
    if (!atOnce) {
      this.wait();
      return 'waiting';
    }
    this.#settlingTouches = null;
    return touches;
  }

  #skim(skimmer: RequestSkimmer): void {
    const end = skimmer.skim(this.#bytes, this.#at, this.#bytes.length);
    const to = end < 0 ? this.#bytes.length : end;
    this.own.sendRaw(this.#bytes, this.#at, to);
    this.#at = to;
    if (end >= 0) {
      this.#skimmer = null;
      this.own.streamEnded();
    }
    const pipe = this.own.pipe;
    if (pipe !== null) this.#upstreamMayBeFull(pipe);
  }

  /** Redis itself shall say what is wrong, and close: the bytes go to it untouched. */
  #malformed(): void {
    this.flushRun();
    if (this.state.identity === null && !this.own.has(PIN.unauthenticated)) {
      // It may be no more than too large for a stranger.
      identify(this);
      return;
    }
    if (!this.mayEnter('own')) {
      this.awaitDrain(null);
      return;
    }
    this.own.becomeRaw();
  }

  #drained(): void {
    if (this.closed) return;
    this.#place = 'none';
    this.#pipe = null;
    if (this.#finishing) {
      this.end();
      return;
    }
    if (this.#waitsFor !== 'drain') {
      this.own.drained();
      if (this.#inputEnded) this.#endWhenAnswered();
      return;
    }
    const then = this.#afterDrain;
    this.#afterDrain = null;
    this.#waitsFor = 'nothing';
    // First what the last reply means for the connection's state, then whether it can be left.
    then?.();
    this.own.drained();
    if (this.#waitsFor === 'nothing') this.#process();
  }

  #clientDrained(): void {
    this.#pipe?.clientDrained(this);
    this.own.pipe?.clientDrained(this);
  }

  #ended(): void {
    this.#inputEnded = true;
    if (!this.own.endWriting()) this.#endWhenAnswered();
  }

  #endWhenAnswered(): void {
    if (this.#outstanding > 0 || this.#waitsFor !== 'nothing' || this.own.pipe !== null) return;
    this.end();
  }

  #gone(): void {
    if (!this.closed) this.#release();
  }

  #release(): void {
    if (this.closed) return;
    this.closed = true;
    this.gateway.clients.remove(this.id);
    this.#pipe?.clientDrained(this);
    if (this.pendingLock !== null) this.gateway.desk.abandoned(this.pendingLock);
    this.#settlingTouches?.end();
    this.#settledTouches?.end();
    this.own.release();
    this.#bytes = NOTHING;
    this.#at = 0;
  }

  refuse(text: string): void {
    this.write(errorReply(text));
  }

  /** Forelock drains: the client is ended once it is answered. */
  finish(): void {
    this.#finishing = true;
    if (this.#outstanding === 0 || this.own.opaque || this.own.pipe?.blocked) this.end();
  }

  /** Redis has said who this is. */
  identified(identity: Identity): void {
    this.state.identity = identity;
    this.stateChanged();
  }

  /** Redis has accepted a command of connection state. */
  accepted(args: readonly string[]): void {
    const before = this.state.identity;
    this.state.accepted(args);
    this.stateChanged();
    if (before === null && this.state.identity !== null) this.own.leave();
  }

  /** After RESET. */
  startAnew(): void {
    this.state.reset();
    this.stateChanged();
  }

  /** The first command that waits gets an error in place of an answer. */
  failFirst(reply: Buffer | null): void {
    const bytes = this.#bytes;
    if (framer.next(bytes, this.#at, bytes.length) === COMPLETE) this.#at = framer.end;
    this.write(reply ?? errorReply('ERR Forelock: the upstream is unreachable'));
    this.resume();
  }

  /** The command that is 'here' goes on to Redis instead. */
  leaveHere(): void {
    this.#outstanding--;
    this.#place = 'none';
  }

  /** Asks once more for a command that is counted already. */
  repeatOnPipe(frame: Buffer, read: (reply: Buffer | null) => void): void {
    const pipe = this.#pipe;
    if (pipe === null || pipe.closed) return read(null);
    pipe.ask(this, frame, 0, frame.length, { reply: read, replyLost: () => read(null) });
  }

  /** Database that the next command will run in, as far as is known. */
  get databaseNow(): number {
    return this.state.database;
  }

  get address(): string {
    return addressOf(this.socket.remoteAddress, this.socket.remotePort);
  }

  get localAddress(): string {
    return addressOf(this.socket.localAddress, this.socket.localPort);
  }

  /** A lock was granted here: WAIT is about it too. */
  remember(key: string): void {
    this.#granted.delete(key);
    this.#granted.add(key);
    if (this.#granted.size <= GRANTS_REMEMBERED) return;
    const [oldest] = this.#granted;
    if (oldest !== undefined) this.#granted.delete(oldest);
  }

  /** The grants that WAIT has to see in Redis first. */
  takeGranted(): string[] {
    const keys = [...this.#granted];
    this.#granted.clear();
    return keys;
  }

  /** Gives the client a connection of its own, for good, and tells its number in Redis. */
  whenOnOwnConnection(then: (upstreamId: number) => void): void {
    this.own.pin(PIN.tracking);
    const pipe = this.own.open();
    pipe.whenReady(() => then(pipe.upstreamId));
  }
}

function addressOf(address: string | undefined, port: number | undefined): string {
  if (address === undefined) return '?:0';
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** WAIT is called soon after the lock is taken; more keys than these are settled by no WAIT. */
const GRANTS_REMEMBERED = 64;
const CLOSING_PATIENCE_MS = 1000;
