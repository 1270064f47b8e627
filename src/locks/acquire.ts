import type { AcquireIntent } from '../intent/intent.js';
import type { LockRequest, Verdict } from './contract.js';
import type { LockCore } from './core.js';
import type { LockEntry, Pending } from './entry.js';
import { passWhenSettled } from './failure.js';
import { grantFromMemory, isPlain } from './grant.js';
import { surelyHeld } from './held.js';
import { takeBack } from './settle.js';
import { giveUpTicket } from './strays.js';
import { stays } from './waiting/parking.js';
import { askAtMs } from './waiting/wake.js';
import { askThroughRedis } from './want.js';

/**
 * A lease follows the usual TTL, and a crash blocks the key for as long: no TTL counts that is never
 * granted from memory.
 */
export function noteTtl(core: LockCore, entry: LockEntry, intent: AcquireIntent): void {
  if (intent.ttlMs > 0 && intent.ttlMs <= core.options.coverLimitMs) entry.noteTtl(intent.ttlMs);
}

/**
 * Hot path: what memory says, or null where Redis has to be asked. A refusal is not noted yet, since
 * a retrier may be parked instead. Allocates nothing. The caller has made sure that no script of the
 * key is on its way.
 */
export function acquireFromMemory(
  core: LockCore,
  entry: LockEntry,
  request: LockRequest,
  intent: AcquireIntent,
  nowMs: number,
): 'granted' | 'held' | null {
  if (!isPlain(core, intent)) return null;
  const { delegation } = entry;
  if (delegation === null) return surelyHeld(core, entry, nowMs) ? 'held' : null;
  if (delegation.grant.live(nowMs)) return 'held';
  return grantFromMemory(core, entry, delegation, request, nowMs) ? 'granted' : null;
}

/** Where memory can't decide: a verdict, or null once it is asked or parked. */
export function acquireThroughRedis(
  core: LockCore,
  entry: LockEntry,
  pending: Pending,
  intent: AcquireIntent,
): Verdict | null {
  const { delegation, line } = entry;
  if (!isPlain(core, intent)) {
    if (!entry.mayHoldToken()) return 'pass';
    passWhenSettled(entry, pending);
    takeBack(core, entry);
    return null;
  }
  if (core.upstreamAway() && delegation === null) {
    if (!entry.mayHoldToken()) return 'pass';
    // A ticket may have brought its token into the key.
    giveUpTicket(core, entry);
    entry.queue.unshift(pending);
    return null;
  }
  const nowMs = core.world.monotonicMs();
  if (delegation === null && nowMs < askAtMs(core, entry, nowMs)) {
    // Somebody else held it a moment ago: who waits anyway, shares the next question.
    if (stays(core, entry, pending, false, nowMs)) return null;
  }
  const first = pending.place === null ? line.next() : null;
  // Those in the line came before it, and it may take the answer that they are given.
  if (first !== null) entry.queue.unshift(pending);
  askThroughRedis(core, entry, first ?? pending);
  return null;
}
