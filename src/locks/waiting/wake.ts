import type { LockCore } from '../core.js';
import type { LockEntry } from '../entry.js';
import { surelyHeld } from '../held.js';

/** When a line has to be looked at again, and when Redis is to be asked on its behalf. */

/** Monotonic; Infinity: nothing comes with time. */
export function lineWakesAtMs(core: LockCore, entry: LockEntry, nowMs: number): number {
  const { line, delegation } = entry;
  if (!line.waits() || entry.script !== null || entry.asking !== null) return line.dueAtMs;
  if (delegation === null) return Math.min(line.dueAtMs, askAtMs(core, entry, nowMs));
  return delegation.grant.live(nowMs)
    ? Math.min(line.dueAtMs, delegation.grant.endsAtMs)
    : line.dueAtMs;
}

/** Redis counts in milliseconds, and has a key to the end of its last one. */
const LAST_MS = 1;

/**
 * Monotonic: Redis is asked for a lock that it alone decides on. Once the holder's TTL is over;
 * before, where the holder is not ours and so may end without our hearing, at a pace that all who
 * wait share; or by when our ticket needs another one in its place.
 */
export function askAtMs(core: LockCore, entry: LockEntry, nowMs: number): number {
  const { line, holder } = entry;
  if (holder !== null && surelyHeld(core, entry, nowMs)) return holder.endsAtMs + LAST_MS;
  const overAtMs = line.heldUntilMs + LAST_MS;
  // Who waits here has a place in the line of all proxies from the first moment.
  if (!line.askedWithPlace) return -Infinity;
  const everyMs = entry.ticket?.renewMs ?? core.options.probeEveryMs;
  const againAtMs = line.askedAtMs + everyMs;
  return overAtMs > line.askedAtMs ? Math.min(againAtMs, overAtMs) : againAtMs;
}
