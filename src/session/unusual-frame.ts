import type { RequestFramer } from '../resp/request-framer.js';
import { RequestSkimmer } from '../resp/request-skimmer.js';
import { inlineAsRequest } from './inline-request.js';
import { everyTrackedDatabase, mayStream } from './large-request.js';
import { PIN } from './own-place.js';
import { identify } from './route.js';
import type { Session } from './session.js';

/**
 * Frames other than a whole array of strings. `framer` has just read the one at the front of the
 * session's input; the shared run before it is sent.
 */

/** A line of the inline protocol becomes the request that it stands for. */
export function inlineFrame(session: Session, framer: RequestFramer): void {
  const { input } = session;
  const line = input.bytes.toString('latin1', framer.start, framer.lineEnd);
  const request = inlineAsRequest(line);
  if (request === 'malformed') malformedFrame(session);
  else input.replaceFirst(request, framer.end);
}

/**
 * The rest of a request is not there yet: where it is too large to be waited for, it is followed
 * from here on, and goes on as it comes. Null: it is waited for.
 */
export function largeFrame(session: Session, framer: RequestFramer): RequestSkimmer | null {
  const { gateway, input, own } = session;
  if (framer.neededBytes <= gateway.options.largeRequestBytes) return null;
  if (!mayStream(gateway, session.state, input.bytes, framer)) return null;
  if (!session.mayEnter('own')) {
    session.awaitDrain(null);
    return null;
  }
  const touches = session.settling.settled(() => everyTrackedDatabase(gateway));
  if (touches === 'waiting') return null;
  own.expectReply(() => touches?.end());
  return new RequestSkimmer();
}

/** Redis itself shall say what is wrong, and close: the bytes go to it untouched. */
export function malformedFrame(session: Session): void {
  const { own, state } = session;
  if (state.identity === null && !own.has(PIN.unauthenticated)) {
    // It may be no more than too large for a stranger.
    identify(session);
  } else if (session.mayEnter('own')) {
    own.becomeRaw();
  } else {
    session.awaitDrain(null);
  }
}
