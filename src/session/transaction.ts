import { textsOf, wordAt } from '../intent/arguments.js';
import { placeOfName } from '../intent/share-list.js';
import { parseReply } from '../resp/parse-reply.js';
import { filterExec, keyspaceCommand } from './keyspace-filter.js';
import { PIN } from './own-place.js';
import type { Command } from './route.js';
import type { Session } from './session.js';
import { SUBSCRIBING } from './subscriptions.js';
import { keepAll, type TouchSet } from './touches.js';

/**
 * MULTI … EXEC on a client's own connection. What is queued takes effect at EXEC, or never, or at
 * once where Redis refused the MULTI: only its answers tell what the connection's state is then.
 */

export function multi(session: Session, command: Command): void {
  const { own } = session;
  own.pin(PIN.transaction);
  own.ask(command.frame, reply => {
    if (reply === null) return;
    // What was sent behind it is not queued, but done.
    if (reply[0] === MINUS) own.unpin(PIN.transaction);
    session.answer(reply);
  });
}

export function inTransaction(session: Session, command: Command, touches: TouchSet | null): void {
  const { own } = session;
  const { name } = command;
  if (name === 'discard') return endsWhenAccepted(session, command);
  keepAll(session, touches);
  if (name === 'exec')
    return own.outlasts ? execThatLasts(session, command) : exec(session, command);
  if (staysInConnection(command)) own.outlasts = true;
  if (placeOfName(name) === 'state' || name === 'client') stateQueued(session, command);
  else own.send(command.frame, 0, command.frame.length, 1);
  const filter = keyspaceCommand(name, command.args);
  if (filter !== null) own.filters.push({ index: own.queued, command: filter });
  // Redis answers these at once.
  if (name !== 'multi' && name !== 'watch') own.queued++;
}

/** DISCARD, and UNWATCH outside of a transaction: a refused one has ended nothing. */
export function endsWhenAccepted(session: Session, command: Command): void {
  const { own } = session;
  own.ask(command.frame, reply => {
    if (reply === null) return;
    if (reply[0] === PLUS) own.transactionEnded();
    session.answer(reply);
  });
  session.awaitDrain(null);
}

/** What a queued command changes in the connection such that no reply tells when it is over. */
function staysInConnection({ name, args }: Command): boolean {
  if (SUBSCRIBING.has(name)) return true;
  return name === 'client' && LASTING.has(wordAt(args, 1));
}

const LASTING: ReadonlySet<string> = new Set(['reply', 'tracking', 'caching']);

/** A command of connection state: what follows depends on whether it is queued, or done. */
function stateQueued(session: Session, command: Command): void {
  const { own, state } = session;
  const args = textsOf(command.args);
  const index = own.queued;
  if (command.name === 'select') own.mayBeIn(Number(args[1]));
  own.ask(command.frame, reply => {
    if (reply === null) return;
    if (reply.equals(QUEUED)) {
      own.states.push({ index, args });
    } else if (reply[0] !== MINUS) {
      state.accepted(args);
      session.stateChanged();
    }
    session.answer(reply);
  });
  session.awaitDrain(null);
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
  session.awaitDrain(() => {
    if (own.has(PIN.transaction)) own.transactionEnded();
  });
}

/**
 * EXEC of a transaction after which the connection mutes replies or gets messages: its replies are
 * not counted from then on, and nobody else ever gets it.
 */
function execThatLasts(session: Session, command: Command): void {
  const { own } = session;
  own.pin(PIN.replyMode);
  own.open().opaque = true;
  own.sendRaw(command.frame, 0, command.frame.length);
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
const MINUS = 0x2d;
const PLUS = 0x2b;
const QUEUED = Buffer.from('+QUEUED\r\n');
