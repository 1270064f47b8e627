import type { AcquireIntent } from '../intent/intent.js';
import type { LockRequest, Verdict } from './contract.js';
import type { LockCore } from './core.js';
import type { Delegation } from './delegation.js';
import type { LockEntry, Pending } from './entry.js';
import { failed, passWhenSettled } from './failure.js';
import { FENCE_COUNTER, OWN_PREFIX } from './names.js';
import { noteHeld, noteTokenGone } from './proof.js';
import { numberAt, textAt } from './replies.js';
import { adoptUnknownToken } from './reservation.js';
import { settle } from './settle.js';

/**
 * Whether our scripts and our memory can answer this request as Redis would (invariant 2 of
 * docs/protocol.md). A value that looks like a token of ours is left to Redis.
 */
export function isPlain(core: LockCore, intent: AcquireIntent): boolean {
  return (
    intent.plain &&
    intent.ttlMs > 0 &&
    intent.ttlMs <= core.options.coverLimitMs &&
    intent.value.length <= core.options.valueMaxBytes &&
    !intent.value.startsWith(OWN_PREFIX)
  );
}

/**
 * A lease follows the usual TTL, and a crash blocks the key for as long: no TTL counts that is never
 * granted from memory.
 */
export function noteTtl(core: LockCore, entry: LockEntry, intent: AcquireIntent): void {
  if (intent.ttlMs > 0 && intent.ttlMs <= core.options.coverLimitMs) entry.noteTtl(intent.ttlMs);
}

/**
 * Hot path: a verdict from memory, or null where Redis has to be asked. Allocates nothing.
 * The caller has made sure that no script of the key is on its way.
 */
export function acquireFromMemory(
  core: LockCore,
  entry: LockEntry,
  request: LockRequest,
  intent: AcquireIntent,
  nowMs: number,
): Verdict | null {
  const delegation = entry.delegation;
  if (delegation === null || !isPlain(core, intent)) return null;
  const grant = delegation.grant;
  if (grant.live(nowMs)) return refuseFromMemory(core, entry, request, nowMs);
  if (!mayGrant(core, entry, delegation, intent.ttlMs, nowMs)) return null;

  core.endReservation(entry, delegation, true, nowMs);
  grant.begin(intent.value, request.clientId, intent.ttlMs, delegation.takeFence(), nowMs);
  delegation.uses++;
  entry.memoryGrants++;
  core.counters.grantsFromMemory++;
  core.materializing.add(entry, grant.number, nowMs + core.options.materializeAfterMs);
  core.feedback.granted(entry.database, entry.key, request.clientId, true, nowMs);
  return 'granted';
}

/** Invariants 2, 3 and 6 at once, asked at every grant from memory. */
function mayGrant(
  core: LockCore,
  entry: LockEntry,
  delegation: Delegation,
  ttlMs: number,
  nowMs: number,
): boolean {
  if (delegation.doubted !== null || core.paused || !delegation.hasFence()) return false;
  if (entry.waitingTouches.length > 0) return false;
  if (!delegation.lease.covers(ttlMs, nowMs, core.world.wallMs())) return false;
  if (!entry.declared && nowMs >= entry.tenure.endsAtMs()) return false;
  if (!core.upstreamHeard(nowMs)) {
    core.doubtAll('upstream has answered nothing lately');
    return false;
  }
  return true;
}

function refuseFromMemory(
  core: LockCore,
  entry: LockEntry,
  request: LockRequest,
  nowMs: number,
): Verdict {
  entry.refusals++;
  core.counters.refusalsFromMemory++;
  core.feedback.refused(entry.database, entry.key, request.clientId, nowMs);
  return 'held';
}

/** Where memory can't decide: a verdict, or null once a script is on its way. */
export function acquireThroughRedis(
  core: LockCore,
  entry: LockEntry,
  pending: Pending,
  intent: AcquireIntent,
): Verdict | null {
  if (!isPlain(core, intent)) {
    if (entry.delegation === null) return 'pass';
    passWhenSettled(entry, pending);
    settle(core, entry);
    return null;
  }
  if (core.upstreamAway() && entry.delegation === null) return 'pass';
  want(core, entry, pending, intent);
  return null;
}

function want(core: LockCore, entry: LockEntry, pending: Pending, intent: AcquireIntent): void {
  const { clientId } = pending.request;
  const delegation = entry.delegation;
  const own = delegation?.token ?? '';
  const keys = [entry.key, FENCE_COUNTER];
  const args = [intent.value, intent.ttlMs, own, entry.holder?.value ?? ''];
  const waiting = entry.queue.length;
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
        if (!core.deliver(entry, pending, 'granted')) {
          // Invariant 12: nobody heard of this grant, so it may be taken back.
          core.counters.grantsUndone++;
          entry.undo = intent.value;
          return;
        }
        entry.holder = {
          value: intent.value,
          clientId,
          grantedAtMs: nowMs,
          endsAtMs: nowMs + intent.ttlMs,
          fence: numberAt(reply, 1),
        };
        entry.tenure.granted(nowMs);
        entry.redisGrants++;
        core.counters.grantsThroughRedis++;
        core.feedback.granted(entry.database, entry.key, clientId, false, nowMs);
        return;
      case 'held':
        if (delegation !== null) {
          noteTokenGone(core, entry, delegation, 'value', flight, nowMs);
          core.endDelegation(entry);
        } else {
          noteHeld(core, entry, numberAt(reply, 1) === 1, flight, nowMs);
        }
        refuseThroughRedis(core, entry, pending, nowMs);
        shareRefusal(core, entry, waiting, nowMs);
        return;
      case 'delegated':
        if (delegation !== null) {
          noteTokenGone(core, entry, delegation, 'token', flight, nowMs);
          core.endDelegation(entry);
        }
        if (adoptUnknownToken(core, entry, reply)) entry.queue.unshift(pending);
        else refuseThroughRedis(core, entry, pending, nowMs);
        return;
      default:
        failed(core, entry, pending, reply);
    }
  });
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
    if (!next.abandoned) refuseThroughRedis(core, entry, next, nowMs);
  }
}

function refuseThroughRedis(
  core: LockCore,
  entry: LockEntry,
  pending: Pending,
  nowMs: number,
): void {
  entry.refusals++;
  core.counters.refusalsThroughRedis++;
  core.feedback.refused(entry.database, entry.key, pending.request.clientId, nowMs);
  core.deliver(entry, pending, 'held');
}
