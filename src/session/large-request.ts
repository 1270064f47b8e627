import type { RequestFramer } from '../resp/request-framer.js';
import type { ConnectionState } from './connection-state.js';
import type { Gateway } from './gateway.js';
import type { TouchScope } from './touches.js';

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
  // A name so long is no command's: Redis shall say so when it has read it.
  if (framer.argCount === 0) return true;
  const facts = table.commandAt(bytes, framer.argStart[0] ?? 0, framer.argEnd[0] ?? 0);
  // A command that means state is waited for: what it means is in its arguments.
  return facts === null || facts.place === 'shared';
}

/** Its keys may not be here yet, so it counts as touching every key. */
export function everyTrackedDatabase(gateway: Gateway): TouchScope[] {
  return gateway.desk.databases().map(database => ({ database, keys: null, bars: false }));
}
