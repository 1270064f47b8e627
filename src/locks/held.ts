import type { LockCore } from './core.js';
import type { LockEntry } from './entry.js';
import { watchesValue } from './watch.js';

/**
 * Whether a client of ours holds the lock in Redis for sure, so that a refusal needs no question: it
 * was granted or confirmed by a script, its TTL is not over by any clock, Redis was heard lately, no
 * command that is on its way can have taken it away, and we would hear if a client that is connected
 * straight to Redis did.
 */
export function surelyHeld(core: LockCore, entry: LockEntry, nowMs: number): boolean {
  const { holder } = entry;
  return (
    holder !== null &&
    entry.delegation === null &&
    entry.script === null &&
    entry.undo === null &&
    entry.passesInFlight === 0 &&
    entry.knowsHolder() &&
    core.world.hearsChanges() &&
    watchesValue(core, entry, holder.value) &&
    core.isSure(holder.sure, nowMs)
  );
}

/** Whether somebody else than the owner of that value holds the lock in Redis for sure. */
export function surelyHeldByAnother(
  core: LockCore,
  entry: LockEntry,
  value: string,
  nowMs: number,
): boolean {
  return entry.holder !== null && entry.holder.value !== value && surelyHeld(core, entry, nowMs);
}
