import { wordAt } from '../intent/arguments.js';
import { encodeCommand, errorReply } from '../resp/encode.js';
import { splitInline } from '../resp/inline.js';
import type { RequestFramer } from '../resp/request-framer.js';
import { RequestSkimmer } from '../resp/request-skimmer.js';
import { mayStream, touchesOfLarge } from './large-request.js';
import { MalformedRequest } from './malformed-request.js';
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
  if (args === null) return malformedFrame(session, framer);
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
  // Redis would say so at once, and close while the client is writing all of it.
  if (framer.argumentBytes > gateway.bulkMaxBytes()) return endWith(session, BULK_TOO_LONG);
  if (session.state.identity !== null && gateway.commands() === null) {
    // Held until it is whole, it could be half a gigabyte.
    awaitCommands(session);
    return null;
  }
  if (!mayStream(gateway, session.state, input.bytes, framer)) {
    const limitBytes = gateway.options.heldRequestMaxBytes;
    if (framer.neededBytes <= limitBytes) return null;
    gateway.log.warn(
      { client: session.id, neededBytes: framer.neededBytes, limitBytes },
      'client closed: its request can only be held whole, and is too large (held-request-max-bytes)',
    );
    return endWith(session, null);
  }
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

/** Ends the client, with this error behind all answers that are under way; null: without a word. */
function endWith(session: Session, error: Buffer | null): null {
  if (session.outstanding > 0) {
    session.awaitDrain(null);
  } else {
    if (error !== null) session.write(error);
    session.end();
  }
  return null;
}

/** Redis itself shall say what is wrong, and close: the line that is wrong goes to it untouched. */
export function malformedFrame(session: Session, framer: RequestFramer): void {
  const { input, own, state } = session;
  if (state.identity === null && !own.has(PIN.unauthenticated)) {
    // It may be no more than too large for a stranger.
    identify(session);
  } else if (session.outstanding === 0) {
    const { faultAt } = framer;
    own.becomeRaw(new MalformedRequest(input.bytes[framer.start] !== ASTERISK));
    if (faultAt > input.at) own.sendRaw(input.bytes, input.at, faultAt);
    input.at = faultAt;
  } else {
    session.awaitDrain(null);
  }
}

const ASTERISK = 0x2a;
/** Redis's own words. */
const BULK_TOO_LONG = errorReply('ERR Protocol error: invalid bulk length');
