import type { LockRequest } from '../contract.js';
import type { LockCore } from '../core.js';
import type { LockEntry, Pending } from '../entry.js';
import { noteRefused } from '../outcome.js';
import type { Place } from './line.js';
import { lineWakesAtMs } from './wake.js';

/**
 * Attempts on a lock that somebody holds: who may be made to wait is parked, the others are refused.
 * Invariant 4 of docs/protocol.md: only proven retriers wait, for no longer than a share of the TTL
 * that they asked for, and never while their client has more to say.
 */

/** A refusal is due: the request is parked instead, or refused by the verdict that is given. */
export function parkOrRefuse(
  core: LockCore,
  entry: LockEntry,
  pending: Pending,
  fromMemory: boolean,
  nowMs: number,
): 'held' | null {
  // Nobody hears of it, nor comes again: nothing is remembered of a client that is gone.
  if (pending.abandoned) return 'held';
  if (stays(core, entry, pending, true, nowMs)) return null;
  noteRefused(core, entry, pending.request, pending.retrier, fromMemory, nowMs);
  return 'held';
}

/** Parks the request if it may wait; `sawHeld`: the lock was seen held since it arrived. */
export function stays(
  core: LockCore,
  entry: LockEntry,
  pending: Pending,
  sawHeld: boolean,
  nowMs: number,
): boolean {
  if (!mayStay(core, entry, pending, nowMs)) return false;
  const { line } = entry;
  const { place } = pending;
  const untilMs = parkedUntilMs(core, pending);
  if (place === null) {
    core.counters.parkings++;
    line.park(pending, untilMs, sawHeld);
  } else {
    place.sawHeld ||= sawHeld;
    line.back(place, pending);
  }
  core.wakeBy(entry, lineWakesAtMs(core, entry, nowMs));
  return true;
}

/** Whether the request may be made to wait, from now on. */
export function mayStay(
  core: LockCore,
  entry: LockEntry,
  pending: Pending,
  nowMs: number,
): boolean {
  return mayWait(core, entry, pending) && nowMs < parkedUntilMs(core, pending);
}

function parkedUntilMs(core: LockCore, pending: Pending): number {
  return pending.place?.untilMs ?? pending.sinceMs + parkMs(core, pending);
}

function mayWait(core: LockCore, entry: LockEntry, pending: Pending): boolean {
  return (
    pending.retrier &&
    !pending.hurried &&
    !pending.abandoned &&
    !core.paused &&
    !core.upstreamAway() &&
    (pending.place !== null || entry.line.size < core.options.waitersPerKeyMax)
  );
}

function parkMs({ options }: LockCore, { request }: Pending): number {
  const { intent } = request;
  if (intent.kind !== 'acquire') return 0;
  return Math.min(options.parkMs, (intent.ttlMs * options.parkTtlPercent) / 100);
}

/**
 * A parked request is to wait no longer. Where the lock was seen held since it came, it is refused;
 * else Redis is asked once more, ahead of all others.
 */
export function endParking(core: LockCore, entry: LockEntry, place: Place): void {
  const { line } = entry;
  const { sawHeld } = place;
  const pending = line.takeOut(place);
  if (pending === null) return;
  pending.hurried = true;
  if (!sawHeld) {
    entry.queue.unshift(pending);
    return;
  }
  const nowMs = core.world.monotonicMs();
  core.counters.parkingsInVain++;
  noteRefused(core, entry, pending.request, true, true, nowMs);
  core.deliver(entry, pending, 'held');
}

/** Ends what has waited for long enough, and drops places that were kept in vain. */
export function endDueParkings(core: LockCore, entry: LockEntry): void {
  const over = entry.line.due(core.world.monotonicMs());
  if (over.length === 0) return;
  core.holding(entry, () => {
    for (const place of over) if (place.state === 'parked') endParking(core, entry, place);
  });
}

/**
 * Some client has released a value that holds nothing: whoever waits with that value has given up.
 * One that is known to do so each time before it tries again keeps its place.
 */
export function releasedInVain(core: LockCore, entry: LockEntry, request: LockRequest): void {
  const comesAgain = core.retries.releasedInVain(entry, request);
  if (entry.line.size === 0) return;
  core.holding(entry, () => {
    for (const place of entry.line.of(request.intent.value)) {
      if (place.state === 'parked') {
        endParking(core, entry, place);
        entry.line.leave(place);
      } else if (place.state === 'kept' && !(comesAgain && place.clientId === request.clientId)) {
        entry.line.leave(place);
      }
    }
  });
  if (!entry.advancing && entry.queue.length > 0) core.advance(entry);
}
