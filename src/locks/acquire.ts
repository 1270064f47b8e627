import type { AcquireIntent } from '../intent/intent.js';
import type { LockRequest, Verdict } from './contract.js';
import type { Flight, LockCore } from './core.js';
import type { LockEntry, Pending } from './entry.js';
import { failed, passWhenSettled } from './failure.js';
import { grantFromMemory, isPlain } from './grant.js';
import { surelyHeld } from './held.js';
import { FENCE_COUNTER } from './names.js';
import { noteGranted } from './outcome.js';
import { noteHeld, noteTokenGone } from './proof.js';
import { numberAt, type Reply, textAt } from './replies.js';
import { adoptUnknownToken } from './reservation.js';
import { settle } from './settle.js';
import { parkOrRefuse, stays } from './waiting/parking.js';
import { askAtMs } from './waiting/wake.js';

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
    if (delegation === null) return 'pass';
    passWhenSettled(entry, pending);
    settle(core, entry);
    return null;
  }
  if (core.upstreamAway() && delegation === null) return 'pass';
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

/** Sends `want` for this request, which was taken out of the line or the queue. */
export function askThroughRedis(core: LockCore, entry: LockEntry, pending: Pending): void {
  const { intent } = pending.request;
  if (intent.kind !== 'acquire') throw new Error('only an acquire is asked for');
  const { delegation, line } = entry;
  const own = delegation?.token ?? '';
  const keys = [entry.key, FENCE_COUNTER];
  const args = [intent.value, intent.ttlMs, own, entry.holder?.value ?? ''];
  const waiting = entry.queue.length;
  const { parkings, changes } = line;
  core.send(entry, 'want', keys, args, pending, (reply, flight) => {
    const nowMs = core.world.monotonicMs();
    switch (reply.status) {
      case 'yours':
        if (delegation !== null) {
          core.endReservation(entry, delegation, true, nowMs);
          if (textAt(reply, 2) === 'absent') {
            noteTokenGone(core, entry, delegation, 'absent', flight, nowMs);
          }
          core.endDelegation(entry);
        }
        entry.sawNoHolder();
        granted(core, entry, pending, intent, numberAt(reply, 1), flight, nowMs);
        return;
      case 'held':
        if (delegation !== null) {
          noteTokenGone(core, entry, delegation, 'value', flight, nowMs);
          core.endDelegation(entry);
        } else {
          noteHeld(core, entry, numberAt(reply, 1) === 1, flight, nowMs);
        }
        heldUntil(core, entry, reply, flight, nowMs);
        if (line.changes !== changes) line.changed();
        line.answeredHeld(parkings);
        refuse(core, entry, pending, nowMs);
        shareRefusal(core, entry, waiting, nowMs);
        return;
      case 'delegated':
        if (delegation !== null) {
          noteTokenGone(core, entry, delegation, 'token', flight, nowMs);
          core.endDelegation(entry);
        }
        if (adoptUnknownToken(core, entry, reply)) entry.queue.unshift(pending);
        else refuse(core, entry, pending, nowMs);
        return;
      default:
        failed(core, entry, pending, reply);
    }
  });
}

function granted(
  core: LockCore,
  entry: LockEntry,
  pending: Pending,
  { value, ttlMs }: AcquireIntent,
  fence: number,
  flight: Flight,
  nowMs: number,
): void {
  if (!core.deliver(entry, pending, 'granted')) {
    // Invariant 12: nobody heard of this grant, so it may be taken back.
    core.counters.grantsUndone++;
    entry.undo = value;
    return;
  }
  entry.holder = {
    value,
    clientId: pending.request.clientId,
    grantedAtMs: nowMs,
    endsAtMs: nowMs + ttlMs,
    fence,
    sure: core.sureFor(ttlMs, flight),
  };
  entry.tenure.granted(nowMs);
  noteGranted(core, entry, pending.request, false, nowMs);
}

/** What a refusal by Redis tells of the holder: who it is, and for how long at most. */
function heldUntil(
  core: LockCore,
  entry: LockEntry,
  reply: Reply,
  flight: Flight,
  nowMs: number,
): void {
  const leftMs = numberAt(reply, 2);
  entry.line.askedAtMs = flight.sentMonotonicMs;
  entry.line.heldUntilMs = leftMs >= 0 ? nowMs + leftMs : Infinity;
  const { holder } = entry;
  if (holder === null || numberAt(reply, 1) !== 1 || leftMs < 0) return;
  holder.endsAtMs = nowMs + leftMs;
  if (flight.trusted && flight.alone) holder.sure = core.sureFor(leftMs, flight);
}

/**
 * Clients that poll a held lock share one script: whoever waited when it was sent, may take its
 * answer. Not beyond a release or an extension, which come first.
 */
function shareRefusal(core: LockCore, entry: LockEntry, waiting: number, nowMs: number): void {
  for (let shared = 0; shared < waiting; shared++) {
    const next = entry.queue[0];
    if (next === undefined || next.mustPass || next.request.intent.kind !== 'acquire') return;
    if (!isPlain(core, next.request.intent)) return;
    entry.queue.shift();
    if (!next.abandoned) refuse(core, entry, next, nowMs);
  }
}

/** Redis has said that somebody holds the lock. */
function refuse(core: LockCore, entry: LockEntry, pending: Pending, nowMs: number): void {
  const verdict = parkOrRefuse(core, entry, pending, false, nowMs);
  if (verdict !== null) core.deliver(entry, pending, verdict);
}
