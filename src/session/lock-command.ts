import type { Intent, LockReply } from '../intent/intent.js';
import { outcomeOf } from '../intent/recognise.js';
import type { LockRequest, PassOutcome, Verdict } from '../locks/contract.js';
import { integerReply, nullReply, OK_REPLY, type Protocol } from '../resp/encode.js';
import { parseReply, replyValue } from '../resp/parse-reply.js';
import type { ReplyReader } from '../upstream/pipe-client.js';
import type { Command } from './route.js';
import type { Session } from './session.js';

/**
 * Acquire, release and extend. A key that the lock manager knows is decided by it and nowhere else
 * (invariants 4, 10, 11); of any other key it hears how Redis answered, and learns.
 */

/** True where the command was a lock's and is taken, or waits to be. */
export function lockCommand(session: Session, command: Command): boolean {
  const { gateway, state } = session;
  const min = command.facts?.lockArgumentsMin ?? 0;
  if (min === 0 || command.args.length < min) return false;
  const intent = gateway.scripts.intentOf(command.args);
  if (intent === null) return false;
  if (gateway.decides && gateway.desk.knows(state.database, intent.key)) {
    decide(session, command, intent);
  } else {
    pass(session, command, intent);
  }
  return true;
}

/** No lock key yet: Redis decides, and the lock manager learns. */
function pass(session: Session, command: Command, intent: Intent): void {
  if (!session.mayEnter('pipe')) return session.awaitDrain(null);
  session.taken(command);
  const request = new SessionRequest(session, command, intent, true);
  session.gateway.desk.passing(request);
  request.send();
}

function decide(session: Session, command: Command, intent: Intent): void {
  if (session.outstanding > 0) return session.awaitDrain(null);
  // Nothing is decided for a client that can't be told (invariant 12).
  if (!session.hears) return session.close();
  const { gateway, state } = session;
  const user = state.identity?.user ?? '';
  const unsure =
    intent.value.length > gateway.options.valueMaxBytes ||
    (intent.form.sha !== null && !gateway.scripts.isLoaded(intent.form.sha));
  const permission = unsure ? 'denied' : gateway.permissions.check(user, intent);
  if (permission === null) {
    session.wait();
    gateway.permissions.ask(user, intent, () => session.resume());
    return;
  }
  const request = new SessionRequest(session, command, intent, permission === 'denied');
  session.taken(command);
  const verdict = gateway.desk.decide(request);
  if (verdict === null) {
    session.pendingLock = request;
    session.enter('here', 1);
    session.awaitDrain(null);
    // What stands behind it may be the release of the very lock that it waits for.
    if (session.input.waitingBytes > 0 || session.inputEnded) gateway.desk.hurry(request);
  } else if (verdict === 'pass') {
    request.send();
  } else if (verdict === 'lost') {
    session.upstreamLost('a lock script of this client got no answer');
  } else {
    session.write(verdictReply(verdict, intent, state.protocol));
    if (verdict === 'granted') request.remember();
  }
}

/** One lock command of a session, from its arrival to its answer. */
class SessionRequest implements LockRequest {
  readonly intent: Intent;
  readonly database: number;
  readonly clientId: number;
  readonly user: string;
  readonly arrivedAtMs: number;
  readonly onlyRedis: boolean;
  readonly #session: Session;
  readonly #command: Command;

  constructor(session: Session, command: Command, intent: Intent, onlyRedis: boolean) {
    this.#session = session;
    this.#command = command;
    this.intent = intent;
    this.database = session.state.database;
    this.clientId = session.id;
    this.user = session.state.identity?.user ?? '';
    this.arrivedAtMs = session.readAtMs;
    this.onlyRedis = onlyRedis;
  }

  settle(verdict: Verdict): boolean {
    const session = this.#session;
    if (!session.hears) return verdict === 'pass' && this.#carriedOut();
    session.pendingLock = null;
    if (verdict === 'pass') {
      session.leaveHere();
      this.send();
      session.resume();
    } else if (verdict === 'lost') {
      session.upstreamLost('a lock script of this client got no answer');
    } else {
      if (verdict === 'granted') this.remember();
      session.answer(verdictReply(verdict, this.intent, session.state.protocol));
      // A client that doesn't read is closed in place of its answer: it heard nothing.
      return !session.closed;
    }
    return true;
  }

  /** Granted, and perhaps not in Redis yet. */
  remember(): void {
    const { grants, gateway } = this.#session;
    grants.add(this.database, this.intent.key, gateway.options.waitGrantsMax);
  }

  /** The client is gone: nobody would hear of a grant, but what it gave up is given up. */
  #carriedOut(): boolean {
    const { gateway, state } = this.#session;
    if (this.intent.kind === 'acquire') {
      gateway.desk.passed(this, 'error');
      return false;
    }
    gateway.greeter.askLoggedIn(state.channel, this.#command.frame, this.#reader());
    return true;
  }

  /** Sends the client's own command, and tells the lock manager what came of it. */
  send(): void {
    this.#session.askShared(this.#command.frame, this.#reader());
  }

  #reader(): ReplyReader {
    const session = this.#session;
    const { desk, scripts } = session.gateway;
    return reply => {
      if (reply !== null) scripts.answered(this.#command.args, reply);
      desk.passed(this, reply === null ? 'lost' : outcomeOfReply(reply, this.intent));
      // What was answered after its client had gone, has been noted of that client once more.
      if (session.closed) desk.left(session.id);
      if (reply !== null) session.answer(reply);
    };
  }
}

function outcomeOfReply(reply: Buffer, { form }: Intent): PassOutcome {
  const node = parseReply(reply);
  if (node.type === '-' || node.type === '!') return 'error';
  const value = replyValue(node);
  return Array.isArray(value) ? 'no' : outcomeOf(form, value);
}

function verdictReply(verdict: Verdict, intent: Intent, protocol: Protocol): Buffer {
  const success = verdict === 'granted' || verdict === 'released' || verdict === 'extended';
  return replyBytes(success ? intent.form.yes : intent.form.no, protocol);
}

function replyBytes(reply: LockReply, protocol: Protocol): Buffer {
  if (reply === null) return nullReply(protocol);
  return reply === 'OK' ? OK_REPLY : integerReply(reply);
}
