import { textAt, wordAt } from '../intent/arguments.js';
import { encodeCommand } from '../resp/encode.js';
import { keyspaceCommand, keyspaceReader } from './keyspace-filter.js';
import { PIN } from './own-place.js';
import type { Command } from './route.js';
import type { Session } from './session.js';
import { SUBSCRIBING } from './subscriptions.js';
import { everyDatabase, keepAll, scopesOf, type TouchScope, type TouchSet } from './touches.js';
import { endsWhenAccepted, inTransaction, multi } from './transaction.js';

/** Commands that go down the client's own connection, and what they do to its state. */
export function ownCommand(session: Session, command: Command): void {
  const { own } = session;
  if (!session.mayEnter('own')) return session.awaitDrain(null);
  if (!own.has(PIN.transaction) && !own.opaque) {
    if (SUBSCRIBING.has(command.name)) return subscribe(session, command);
    // From MONITOR on no reply is counted: those to earlier commands must be here.
    if (command.name === 'monitor' && session.outstanding > 0) return session.awaitDrain(null);
  }
  const isExec = command.name === 'exec';
  // From there on replies are not counted: those to earlier commands must be here.
  if (isExec && own.outlasts && session.outstanding > 0) return session.awaitDrain(null);
  const lasts = own.has(PIN.transaction) || command.name === 'watch';
  const bars = !isLockShaped(session, command);
  const touches = session.settling.settled(() => {
    if (WAITS.has(command.name)) return grantsOf(session);
    // What is queued on an opaque connection, nobody has kept the books of.
    if (isExec && (own.queuedForEveryDatabase || own.opaque)) return everyDatabase(session);
    return scopesOf(session, command.args, bars, lasts);
  });
  if (touches === 'waiting') return;
  session.taken(command);
  if (own.opaque) {
    if (command.name === 'select') own.mayBeIn(Number(textAt(command.args, 1)));
    // No reply tells when such a command is done: its touch lasts as long as the connection.
    keepAll(session, touches);
    own.sendRaw(command.frame, 0, command.frame.length);
    return;
  }
  if (own.has(PIN.transaction)) return inTransaction(session, command, touches);
  // A stranger's MULTI is refused, and so is all that would follow from it.
  const change = session.state.identity === null ? undefined : CHANGES.get(command.name);
  if (change !== undefined) return change(session, command, touches);
  plain(session, command, touches);
}

const WAITS: ReadonlySet<string> = new Set(['wait', 'waitaof']);

/** WAIT is about the client's locks too: each must be in Redis before it is sent. */
function grantsOf(session: Session): TouchScope[] {
  return session.grants.take().map(granted => ({ ...granted, bars: false }));
}

function isLockShaped(session: Session, command: Command): boolean {
  const min = command.facts?.lockArgumentsMin ?? 0;
  return min > 0 && session.gateway.scripts.intentOf(command.args) !== null;
}

/** A command that leaves no state behind; it may block. */
function plain(session: Session, command: Command, touches: TouchSet | null): void {
  const { own } = session;
  const filter = keyspaceCommand(command.name, command.args);
  const pipe = own.open();
  if (BLOCKING.test(command.name)) own.waitsForOthers = true;
  // Behind other commands it is not alone in what it waits for.
  pipe.blocked = BLOCKING.test(command.name) && (pipe.blocked || pipe.idle);
  if (touches === null && filter === null) {
    own.send(command.frame, 0, command.frame.length, 1);
    return;
  }
  const answered = (reply: Buffer | null): void => {
    touches?.end();
    if (reply !== null) session.answer(reply);
  };
  if (filter === null) return own.ask(command.frame, answered);
  const read = keyspaceReader(filter, {
    protocol: session.state.protocol,
    randomkeyTriesMax: session.gateway.options.randomkeyTriesMax,
    askAgain: again => {
      if (!session.closed) own.askSilently(command.frame, again);
      return !session.closed;
    },
    answered,
  });
  own.ask(command.frame, read);
  // It may be asked more than once: nothing may go before its last answer.
  if (filter === 'randomkey') session.awaitDrain(null);
}

/** Commands that may wait for others: what they wait for is no string, so no lock. */
const BLOCKING = /^(b[lz]|brpop|xread)/;

/** What the command does to the connection's state in Redis. */
const CHANGES: ReadonlyMap<
  string,
  (session: Session, command: Command, touches: TouchSet | null) => void
> = new Map([
  ['multi', multi],
  ['watch', watch],
  ['unwatch', endsWhenAccepted],
  ['monitor', monitor],
  ['wait', waitForReplicas],
  ['waitaof', waitForReplicas],
]);

function watch(session: Session, command: Command, touches: TouchSet | null): void {
  session.own.pin(PIN.watch);
  keepAll(session, touches);
  session.own.send(command.frame, 0, command.frame.length, 1);
}

function monitor(session: Session, command: Command): void {
  const { own } = session;
  own.pin(PIN.monitor);
  own.open().opaque = true;
  own.sendRaw(command.frame, 0, command.frame.length);
}

/**
 * WAIT counts the writes of its own connection. A PING there first makes Redis count everything up
 * to now, so that writes made on the shared pipe are waited for too.
 */
function waitForReplicas(session: Session, command: Command, touches: TouchSet | null): void {
  const pipe = session.own.open();
  session.own.waitsForOthers = true;
  pipe.blocked = pipe.idle;
  session.own.askSilently(PING, () => undefined);
  session.own.ask(command.frame, reply => {
    touches?.end();
    if (reply !== null) session.answer(reply);
  });
}

const PING = encodeCommand(['PING']);

/**
 * The answers to these are confirmations, one for each name, among the messages of what is
 * subscribed already: such a command is under way alone, until the last one is here.
 */
function subscribe(session: Session, command: Command): void {
  const { own } = session;
  if (session.outstanding > 0) return session.awaitDrain(null);
  session.taken(command);
  own.subscribing(command);
  own.send(command.frame, 0, command.frame.length, 1);
  session.awaitDrain(() => own.subscribed());
}

/** CLIENT TRACKING, CACHING and REPLY, which change how every later reply comes. */
export function replyModeCommand(session: Session, command: Command): void {
  const { own } = session;
  if (session.outstanding > 0) return session.awaitDrain(null);
  session.taken(command);
  const subcommand = wordAt(command.args, 1);
  own.pin(subcommand === 'reply' ? PIN.replyMode : PIN.tracking);
  if (subcommand === 'reply') {
    own.open().opaque = true;
    own.sendRaw(command.frame, 0, command.frame.length);
    return;
  }
  own.send(command.frame, 0, command.frame.length, 1);
}
