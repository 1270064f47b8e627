import { errorReply } from '../resp/encode.js';
import { COMPLETE, INLINE, RequestFramer } from '../resp/request-framer.js';
import type { Session } from './session.js';

const framer = new RequestFramer();

/** The first command that waits gets an error in place of an answer; null: the upstream is lost. */
export function failFirst(session: Session, reply: Buffer | null): void {
  const { input } = session;
  const status = framer.next(input.bytes, input.at, input.end);
  session.write(reply ?? errorReply('ERR Forelock: the upstream is unreachable'));
  // Where the command ends is not known of a malformed one: nothing behind it can be answered.
  if (status !== COMPLETE && status !== INLINE) return session.end();
  input.at = framer.end;
  session.resume();
}
