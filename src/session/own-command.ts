import { textAt, wordAt } from '../intent/arguments.js';
import { placeOfName } from '../intent/share-list.js';
import { encodeCommand } from '../resp/encode.js';
import { parseReply } from '../resp/parse-reply.js';
import { filterExec, filterReply, keyspaceCommand } from './keyspace-filter.js';
import { PIN } from './own-place.js';
import type { Command } from './route.js';
import type { Session } from './session.js';
import { SUBSCRIBING } from './subscriptions.js';
import { scopesOf, type TouchScope, type TouchSet } from './touches.js';

/** Commands that go down the client's own connection, and what they do to its state. */
export function ownCommand(session: Session, command: Command): void {
  const { own } = session;
  if (!session.mayEnter('own')) return session.awaitDrain(null);
  const lasts = own.has(PIN.transaction) || command.name === 'watch';
  const bars = !isLockShaped(session, command);
  const touches = session.settling.settled(() =>
    WAITS.has(command.name) ? grantsOf(session) : scopesOf(session, command.args, bars, lasts),
  );
  if (touches === 'waiting') return;
  if (SUBSCRIBING.has(command.name)) return subscribe(session, command);
  session.taken(command);
  if (own.opaque) {
    // No reply tells when such a command is done: its touch lasts as long as the connection.
    keepAll(session, touches);
    own.sendRaw(command.frame, 0, command.frame.length);
    return;
  }
  if (own.has(PIN.transaction)) return inTransaction(session, command, touches);
  const change = CHANGES.get(command.name);
  if (change !== undefined) return change(session, command, touches);
  plain(session, command, touches);
}

const WAITS: ReadonlySet<string> = new Set(['wait', 'waitaof']);

/** WAIT is about the client's locks too: each must be in Redis before it is sent. */
function grantsOf(session: Session): TouchScope[] {
  const keys = session.grants.take();
  return keys.length === 0 ? [] : [{ database: session.state.database, keys, bars: false }];
}

function isLockShaped(session: Session, command: Command): boolean {
  const min = command.facts?.lockArgumentsMin ?? 0;
  return min > 0 && session.gateway.scripts.intentOf(command.args) !== null;
}

function keepAll(session: Session, touches: TouchSet | null): void {
  for (const touch of touches?.touches ?? []) session.own.keep(touch);
}

/** A command that leaves no state behind; it may block. */
function plain(session: Session, command: Command, touches: TouchSet | null): void {
  const { own } = session;
  const filter = keyspaceCommand(command.name, command.args);
  if (command.facts?.place !== 'shared') own.open().blocked = BLOCKING.test(command.name);
  if (touches === null && filter === null) {
    own.send(command.frame, 0, command.frame.length, 1);
    return;
  }
  own.ask(command.frame, reply => {
    touches?.end();
    if (reply !== null) session.answer(filter === null ? reply : filterReply(filter, reply));
  });
}

/** Commands that wait for others: what they wait for is no string, so no lock. */
const BLOCKING = /^(b[lz]|brpop|xread)/;

/** What the command does to the connection's state in Redis. */
const CHANGES: ReadonlyMap<
  string,
  (session: Session, command: Command, touches: TouchSet | null) => void
> = new Map([
  ['multi', multi],
  ['watch', watch],
  ['unwatch', unwatch],
  ['monitor', monitor],
  ['wait', waitForReplicas],
  ['waitaof', waitForReplicas],
]);

function multi(session: Session, command: Command): void {
  session.own.pin(PIN.transaction);
  session.own.send(command.frame, 0, command.frame.length, 1);
}

function watch(session: Session, command: Command, touches: TouchSet | null): void {
  session.own.pin(PIN.watch);
  keepAll(session, touches);
  session.own.send(command.frame, 0, command.frame.length, 1);
}

function unwatch(session: Session, command: Command): void {
  session.own.send(command.frame, 0, command.frame.length, 1);
  session.awaitDrain(() => session.own.transactionEnded());
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
  session.own.askSilently(PING, () => undefined);
  session.own.ask(command.frame, reply => {
    touches?.end();
    if (reply !== null) session.answer(reply);
  });
}

const PING = encodeCommand(['PING']);

function inTransaction(session: Session, command: Command, touches: TouchSet | null): void {
  const { own } = session;
  if (command.name === 'exec') {
    exec(session, command);
    return;
  }
  keepAll(session, touches);
  own.send(command.frame, 0, command.frame.length, 1);
  if (command.name === 'discard') {
    session.awaitDrain(() => own.transactionEnded());
    return;
  }
  const filter = keyspaceCommand(command.name, command.args);
  if (filter !== null) own.filters.push({ index: own.queued, command: filter });
  if (placeOfName(command.name) === 'state' || command.name === 'client') {
    const args = command.args.map((_, index) => textAt(command.args, index));
    own.states.push({ index: own.queued, args });
  }
  own.queued++;
}

function exec(session: Session, command: Command): void {
  const { own, state } = session;
  if (own.filters.length === 0 && own.states.length === 0) {
    own.send(command.frame, 0, command.frame.length, 1);
  } else {
    own.ask(command.frame, reply => {
      if (reply === null) return;
      stateAfterExec(session, reply);
      session.answer(filterExec(own.filters, reply, state.protocol));
    });
  }
  session.awaitDrain(() => own.transactionEnded());
}

/** Commands of connection state took effect where EXEC tells no error of them. */
function stateAfterExec(session: Session, reply: Buffer): void {
  const { states } = session.own;
  if (states.length === 0 || reply[0] !== ARRAY) return;
  const node = parseReply(reply);
  if (!('items' in node) || node.items === null) return;
  for (const { index, args } of states) {
    const type = node.items[index]?.type ?? '-';
    if (type !== '-' && type !== '!') session.state.accepted(args);
  }
  session.stateChanged();
}

const ARRAY = 0x2a;

/**
 * The answers to these are confirmations, one for each name, among the messages of what is
 * subscribed already: such a command is under way alone, until the last one is here.
 */
function subscribe(session: Session, command: Command): void {
  const { own } = session;
  if (own.has(PIN.transaction) || own.opaque) {
    session.taken(command);
    own.send(command.frame, 0, command.frame.length, 1);
    return;
  }
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
