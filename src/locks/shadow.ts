import type { LockRequest } from './contract.js';
import type { LockCore } from './core.js';
import type { LockEntry } from './entry.js';
import { isPlain } from './grant.js';
import { whyNotDelegate } from './proof.js';

/**
 * Shadow mode: all commands go to Redis, and the manager keeps account of which lock it would have
 * had ready. Costs nothing and risks nothing; breaths and renewals are not played through.
 */

export function shadowReserved(core: LockCore, entry: LockEntry, untilMs: number): boolean {
  const nowMs = core.world.monotonicMs();
  endUnused(core, entry, nowMs);
  if (entry.shadowUntilMs > nowMs || untilMs <= nowMs) return false;
  if (entry.heldUntilMs() > nowMs) return false;
  if (whyNotDelegate(core, entry, nowMs) !== null) return false;
  core.counters.reservations++;
  entry.shadowUntilMs = untilMs;
  entry.shadowFromMs = nowMs;
  return true;
}

export function shadowAcquired(core: LockCore, entry: LockEntry, request: LockRequest): void {
  if (core.options.mode !== 'shadow' || request.intent.kind !== 'acquire') return;
  endUnused(core, entry, request.arrivedAtMs);
  if (entry.shadowUntilMs < request.arrivedAtMs || !isPlain(core, request.intent)) return;
  entry.shadowUntilMs = -Infinity;
  core.counters.grantsShadow++;
  core.counters.reservationsUsed++;
  const keptMs = Math.max(0, request.arrivedAtMs - entry.shadowFromMs);
  core.feedback.reservationEnded(entry.database, entry.key, true, keptMs);
}

export function shadowReleased(core: LockCore, entry: LockEntry, nowMs: number): void {
  if (core.options.mode !== 'shadow' || whyNotDelegate(core, entry, nowMs) !== null) return;
  const untilMs = core.policy.retainUntilMs(entry.database, entry.key, nowMs);
  if (untilMs <= nowMs) return;
  core.counters.retentions++;
  entry.shadowUntilMs = untilMs;
  entry.shadowFromMs = nowMs;
}

/** What would have been given back unused by then; seen at the key's next event. */
function endUnused(core: LockCore, entry: LockEntry, nowMs: number): void {
  if (entry.shadowUntilMs === -Infinity || entry.shadowUntilMs >= nowMs) return;
  const keptMs = entry.shadowUntilMs - entry.shadowFromMs;
  entry.shadowUntilMs = -Infinity;
  core.counters.reservationsWasted++;
  core.feedback.reservationEnded(entry.database, entry.key, false, keptMs);
}
