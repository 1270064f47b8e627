import { type Arguments, wordAt } from '../intent/arguments.js';
import type { CommandFacts, CommandTable } from '../intent/command-table.js';
import { parseRequest } from '../intent/parse-request.js';
import { type Place, placeOfName } from '../intent/share-list.js';
import { encodeCommand, errorReply, OK_REPLY } from '../resp/encode.js';
import { channelPrelude } from '../upstream/identity.js';
import { adminCommand } from './admin-command.js';
import { clientCommand } from './client-command.js';
import { DEFAULT_USER } from './connection-state.js';
import { failFirst } from './fail-first.js';
import { keyspaceCommand, keyspaceReader } from './keyspace-filter.js';
import { lockCommand } from './lock-command.js';
import { ownCommand } from './own-command.js';
import { PIN } from './own-place.js';
import type { Session } from './session.js';
import { killCommand, reset, stateCommand } from './state-command.js';
import { scopesOf } from './touches.js';

/**
 * Where one command goes that doesn't simply join the shared run: each path either takes the
 * command, or leaves it where it is and makes the session wait; it then comes here once more.
 */

export interface Command {
  /** The request as an array of strings; a client may have sent it as a line. */
  readonly frame: Buffer;
  /** Where the next command begins in the session's input. */
  readonly end: number;
  readonly isLine: boolean;
  readonly args: Arguments;
  /** Lower case. */
  readonly name: string;
  readonly facts: CommandFacts | null;
}

export function commandOf(frame: Buffer, end: number, facts: CommandFacts | null): Command {
  const args = parseRequest(frame);
  if (args === null) throw new Error('the framer and the parser disagree about a request');
  return { frame, end, isLine: false, args, name: facts?.name ?? wordAt(args, 0), facts };
}

export function route(session: Session, command: Command): void {
  const { own, state } = session;
  session.lastCommand = command.name;
  const isAdmin = command.name === 'forelock';
  if (isAdmin && (state.identity !== null || state.presumedDefault || isUnauthenticated(session))) {
    return adminCommand(session, command);
  }
  if (state.identity === null && !GREETINGS.has(command.name)) return stranger(session, command);
  const greets = state.identity === null;
  if (!greets && session.gateway.commands() === null) return awaitCommands(session);
  if (command.name === 'quit') return quit(session, command);
  if (command.name === 'reset') return reset(session, command);
  const place = placeOf(command, session.gateway.commands());
  if (place === 'refused') return refuse(session, command);
  if (endsSomething(command) && !own.pinned) return killCommand(session, command);
  if (command.name === 'client') return clientCommand(session, command);
  if (place === 'state' && !own.has(PIN.transaction) && !own.opaque) {
    return stateCommand(session, command);
  }
  if (own.pinned || place !== 'shared') return ownCommand(session, command);
  if (lockCommand(session, command)) return;
  sharedCommand(session, command);
}

/** Commands that say who a client is; Redis takes them from anybody. */
const GREETINGS: ReadonlySet<string> = new Set(['hello', 'auth', 'quit', 'reset']);

/** What must reach Redis also while a script keeps it busy. */
function endsSomething({ name, args }: Command): boolean {
  if (name === 'shutdown') return true;
  return (name === 'script' || name === 'function') && wordAt(args, 1) === 'kill';
}

function placeOf({ name, args, facts }: Command, table: CommandTable | null): Place {
  if (facts !== null && table !== null) return table.placeOf(facts, args);
  // Who a client is must never be settled on a connection that nobody keeps the books of.
  return GREETINGS.has(name) ? placeOfName(name) : 'own';
}

function stranger(session: Session, command: Command): void {
  if (!isUnauthenticated(session)) return identify(session, command.name === 'forelock');
  ownCommand(session, command);
}

/** Redis has said that this client must log in. */
function isUnauthenticated(session: Session): boolean {
  return session.own.has(PIN.unauthenticated);
}

/**
 * Whether Redis lets this client in without a password, only Redis can say, and it may say
 * otherwise for the next one. Who must authenticate has a fresh connection until then.
 */
export function identify(session: Session, looksAtForelock = false): void {
  const { gateway, state } = session;
  session.wait();
  gateway.greeter.ask([], HELLO, reply => {
    if (session.closed) return;
    if (reply === null) return session.upstreamLost('the upstream was lost');
    const text = reply.toString('latin1', 0, ERROR_LOOKED_AT);
    // A Redis older than 6.0 knows no HELLO, and no users either.
    const isIn = reply[0] !== MINUS || text.startsWith('-ERR unknown command');
    const mustLogIn = text.startsWith('-NOAUTH');
    if (mustLogIn || isIn) gateway.letsStrangersIn = isIn;
    if (mustLogIn) session.own.pin(PIN.unauthenticated);
    else if (isIn) state.identity = DEFAULT_USER;
    else if (looksAtForelock && gateway.letsStrangersIn) state.presumedDefault = true;
    else return failFirst(session, reply);
    session.resume();
  });
}

const MINUS = 0x2d;
const ERROR_LOOKED_AT = 32;
const HELLO = encodeCommand(['HELLO']);

/** Nothing is passed on before it is known which commands name which keys. */
export function awaitCommands(session: Session): void {
  session.wait();
  session.gateway.whenCommandsKnown(replayOf(session), known => {
    if (session.closed) return;
    if (known) session.resume();
    else failFirst(session, null);
  });
}

function quit(session: Session, command: Command): void {
  const { own } = session;
  if (own.opaque) {
    // Whether Redis says OK depends on CLIENT REPLY; with nothing to say it would not even close.
    session.taken(command);
    own.sendRaw(command.frame, 0, command.frame.length);
    own.endWriting();
    return;
  }
  if (session.outstanding > 0) return session.awaitDrain(null);
  session.taken(command);
  session.write(OK_REPLY);
  session.end();
}

function refuse(session: Session, command: Command): void {
  if (session.outstanding > 0) return session.awaitDrain(null);
  session.taken(command);
  const name = command.name.toUpperCase();
  session.write(errorReply(`ERR ${name} is for replicas: connect them to Redis, not to Forelock`));
}

/** A command that may share the pipe; one that touches a lock waits until the lock is settled. */
function sharedCommand(session: Session, command: Command): void {
  if (!session.mayEnter('pipe')) return session.awaitDrain(null);
  const touches = session.settling.settled(() => scopesOf(session, command.args, true, false));
  if (touches === 'waiting') return;
  const filter = keyspaceCommand(command.name, command.args);
  session.gateway.scripts.seen(command.args);
  const isPlain = touches === null && filter === null && !watched(command);
  if (isPlain && !command.isLine) return session.joinRun(command.end);
  session.taken(command);
  if (isPlain) return session.sendShared(command.frame, 0, command.frame.length, 1);
  const answered = (reply: Buffer | null): void => {
    touches?.end();
    if (reply === null) return;
    session.gateway.scripts.answered(command.args, reply);
    session.answer(reply);
  };
  if (filter === null) return session.askShared(command.frame, answered);
  const read = keyspaceReader(filter, {
    protocol: session.state.protocol,
    randomkeyTriesMax: session.gateway.options.randomkeyTriesMax,
    askAgain: again => !session.closed && session.askAgain(command.frame, again),
    answered,
  });
  session.askShared(command.frame, read);
  // It may be asked more than once: nothing may go before its last answer.
  if (filter === 'randomkey') session.awaitDrain(null);
}

/** Replies that teach which scripts Redis has. */
function watched(command: Command): boolean {
  return command.facts?.rule === 'script' || command.name === 'script';
}

/** The commands that bring a connection to the client's present state. */
export function replayOf(session: Session): string[][] {
  const { state } = session;
  return [...channelPrelude(state.channel), ...state.replay()];
}
