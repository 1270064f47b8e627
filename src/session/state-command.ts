import { textsOf, wordAt } from '../intent/arguments.js';
import { PIN } from './own-place.js';
import { type Command, replayOf } from './route.js';
import type { Session } from './session.js';

/**
 * Commands of connection state. Redis gives the answer, on the greeter's connection or on the
 * client's own; what it accepted is remembered.
 */
export function stateCommand(session: Session, command: Command): void {
  askState(session, command, command.frame, reply => {
    if (reply[0] !== MINUS) {
      accepted(session, textsOf(command.args));
    }
    return wordAt(command.args, 0) === 'hello' ? withOurId(reply, session.id) : reply;
  });
}

/** Redis has accepted a command of connection state. */
function accepted(session: Session, args: readonly string[]): void {
  const { state, own } = session;
  const wasStranger = state.identity === null;
  state.accepted(args);
  session.stateChanged();
  if (wasStranger && state.identity !== null) own.leave();
}

/**
 * SCRIPT KILL, FUNCTION KILL, SHUTDOWN: a busy Redis takes them on a connection that has asked for
 * nothing else, not even a SELECT.
 */
export function killCommand(session: Session, command: Command): void {
  if (session.outstanding > 0) return session.awaitDrain(null);
  session.taken(command);
  session.enter('here', 1);
  session.gateway.greeter.askLoggedIn(
    { ...session.state.channel, database: 0 },
    command.frame,
    reply => {
      if (reply === null) session.upstreamLost('the upstream ended');
      else session.answer(reply);
    },
  );
  session.awaitDrain(null);
}

/** Sends `frame` in the client's stead; `read` makes the client's reply out of Redis's. */
export function askState(
  session: Session,
  command: Command,
  frame: Buffer,
  read: (reply: Buffer) => Buffer,
): void {
  const { own } = session;
  const onOwn = own.pinned && !own.has(PIN.unauthenticated);
  if (!session.mayEnter(onOwn ? 'own' : 'here')) return session.awaitDrain(null);
  if (session.outstanding > 0 && !onOwn) return session.awaitDrain(null);
  session.taken(command);
  const answered = (reply: Buffer | null): void => {
    if (reply === null) {
      session.upstreamLost('the upstream was lost while it was asked');
      return;
    }
    session.answer(read(reply));
  };
  if (onOwn) {
    own.ask(frame, answered);
  } else {
    session.enter('here', 1);
    const { channel } = session.state;
    const { greeter } = session.gateway;
    if (channel.identity.credentials !== null && ACTING.has(wordAt(command.args, 1))) {
      greeter.askLoggedIn(channel, frame, answered);
    } else {
      greeter.ask(replayOf(session), frame, answered);
    }
  }
  // What follows may depend on the state that this command brings.
  session.awaitDrain(null);
}

/** What CLIENT does to others, or tells of them; who may, a login that holds no more can't say. */
const ACTING: ReadonlySet<string> = new Set(['kill', 'list', 'pause', 'unblock', 'unpause']);

/** RESET gives up all state, the client's own connection and its subscriptions included. */
export function reset(session: Session, command: Command): void {
  if (session.outstanding > 0 && !session.own.opaque) return session.awaitDrain(null);
  session.taken(command);
  session.own.leave();
  session.enter('here', 1);
  session.gateway.greeter.ask([], command.frame, reply => {
    if (reply === null) return session.upstreamLost('the upstream was lost while it was asked');
    if (reply[0] !== MINUS) {
      session.state.reset();
      session.stateChanged();
    }
    session.answer(reply);
  });
  session.awaitDrain(null);
}

const MINUS = 0x2d;

/** HELLO tells the connection's number in Redis; the client has one of ours. */
function withOurId(reply: Buffer, id: number): Buffer {
  const text = reply.toString('latin1');
  return Buffer.from(text.replace(/(\$2\r\nid\r\n:)\d+/, `$1${id}`), 'latin1');
}
