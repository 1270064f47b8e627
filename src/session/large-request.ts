import type { RequestFramer } from '../resp/request-framer.js';
import type { ConnectionState } from './connection-state.js';
import type { Gateway } from './gateway.js';
import { PIN } from './own-place.js';
import type { Session } from './session.js';
import { everyDatabase, type TouchScope } from './touches.js';

/**
 * A request too large to be waited for goes on as it comes, on a connection of the client's own, so
 * that no value of half a gigabyte is ever held here.
 */

const ASTERISK = 0x2a;

/** Whether the unfinished request that `framer` has just read may go on before it is whole. */
export function mayStream(
  gateway: Gateway,
  state: ConnectionState,
  bytes: Buffer,
  framer: RequestFramer,
): boolean {
  const table = gateway.commands();
  if (state.identity === null || table === null || bytes[framer.start] !== ASTERISK) return false;
  // What it means for the connection is not known before its name is here, unless that is so long
  // that it is no command's: Redis shall say so.
  if (framer.argCount === 0) return framer.lookAgainBytes > NAME_LOOKED_FOR_BYTES;
  const facts = table.commandAt(bytes, framer.argStart[0] ?? 0, framer.argEnd[0] ?? 0);
  // A command that means state is waited for: what it means is in its arguments.
  return facts === null || facts.place === 'shared';
}

/** The header of a request, and more than any command's name. */
const NAME_LOOKED_FOR_BYTES = 1024;

/**
 * Its keys may not be here yet, so it counts as touching every key; in the client's own database also
 * those that become locks while it waits, or before EXEC.
 */
export function touchesOfLarge(session: Session): TouchScope[] {
  const queued = session.own.has(PIN.transaction);
  if (queued) session.own.queuedForEveryDatabase = true;
  const matters = queued || session.gateway.desk.databases().length > 0;
  return matters ? everyDatabase(session) : [];
}
