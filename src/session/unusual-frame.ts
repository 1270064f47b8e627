import { wordAt } from '../intent/arguments.js';
import { encodeCommand } from '../resp/encode.js';
import { splitInline } from '../resp/inline.js';
import type { RequestFramer } from '../resp/request-framer.js';
import { RequestSkimmer } from '../resp/request-skimmer.js';
import { mayStream, touchesOfLarge } from './large-request.js';
import { PIN } from './own-place.js';
import { awaitCommands, commandOf, identify, route } from './route.js';
import type { Session } from './session.js';
import { keepAll } from './touches.js';

/**
 * Frames other than a whole array of strings. `framer` has just read the one at the front of the
 * session's input; the shared run before it is sent.
 */

/** A line of the inline protocol goes on as the request that it stands for. */
export function inlineFrame(session: Session, framer: RequestFramer): void {
  const { input } = session;
  const line = input.bytes.toString('latin1', framer.start, framer.lineEnd);
  const args = splitInline(line);
  // Redis would answer with a protocol error; and to a line without a word nothing.
  if (args === null) return malformedFrame(session);
  if (args.length === 0) {
    input.at = framer.end;
    return;
  }
  const facts = session.gateway.commands()?.commandNamed(wordAt(args, 0)) ?? null;
  const command = commandOf(encodeCommand(args), framer.end, facts);
  route(session, { ...command, isLine: true });
}

/**
 * The rest of a request is not there yet: where it is too large to be waited for, it is followed
 * from here on, and goes on as it comes. Null: it is waited for.
 */
export function largeFrame(session: Session, framer: RequestFramer): RequestSkimmer | null {
  const { gateway, input, own } = session;
  if (framer.neededBytes <= gateway.options.largeRequestBytes) return null;
  if (session.state.identity !== null && gateway.commands() === null) {
    // Held until it is whole, it could be half a gigabyte.
    awaitCommands(session);
    return null;
  }
  if (!mayStream(gateway, session.state, input.bytes, framer)) return null;
  if (!session.mayEnter('own')) {
    session.awaitDrain(null);
    return null;
  }
  const touches = session.settling.settled(() => touchesOfLarge(session));
  if (touches === 'waiting') return null;
  const lasts = own.opaque || own.has(PIN.transaction);
  if (lasts) keepAll(session, touches);
  if (own.has(PIN.transaction)) own.queued++;
  // No reply is counted where replies can't be told apart.
  if (!own.opaque) own.expectReply(() => (lasts ? undefined : touches?.end()));
  return new RequestSkimmer();
}

/** Redis itself shall say what is wrong, and close: the bytes go to it untouched. */
export function malformedFrame(session: Session): void {
  const { own, state } = session;
  if (state.identity === null && !own.has(PIN.unauthenticated)) {
    // It may be no more than too large for a stranger.
    identify(session);
  } else if (session.outstanding === 0) {
    own.becomeRaw();
  } else {
    session.awaitDrain(null);
  }
}
