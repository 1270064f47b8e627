import type { Flight, LockCore } from './core.js';
import type { Delegation } from './delegation.js';
import type { LockEntry, Pending } from './entry.js';
import { noteTokenGone } from './proof.js';
import { type Reply, textAt } from './replies.js';

/**
 * Writes the true state of a delegated key to Redis, and so ends the delegation: the holder's value
 * with what is left of its TTL, or nothing. False where that is not possible now, because Redis is
 * away or has just refused it. The caller has made sure that no script of the key is on its way.
 */
export function settle(core: LockCore, entry: LockEntry): boolean {
  const delegation = entry.delegation;
  const nowMs = core.world.monotonicMs();
  if (delegation === null || core.upstreamAway() || nowMs < delegation.settleAtMs) return false;
  if (delegation.grant.live(nowMs)) {
    const { grant } = delegation;
    // Only a holder that is written because it holds for long leaves the tenure as it is.
    const left = core.paused || delegation.doubted !== null || entry.waitingTouches.length > 0;
    const keys = left ? [entry.key, entry.companion] : [entry.key];
    materialize(core, entry, delegation, keys, Math.ceil(grant.endsAtMs - nowMs), null, () => {});
  } else {
    yieldDelegation(core, entry, delegation, null, () => {});
  }
  return true;
}

/**
 * Token -> the holder's value, with that TTL. `keys` names the companion too where the tenure is
 * over with it; `pending` is the request that it is sent for, if any;
 * `done` is told how it ended, after the rest.
 */
export function materialize(
  core: LockCore,
  entry: LockEntry,
  delegation: Delegation,
  keys: readonly string[],
  ttlMs: number,
  pending: Pending | null,
  done: (reply: Reply) => void,
): void {
  const { value, clientId, grantedAtMs, fence } = delegation.grant;
  const args = [delegation.token, value, ttlMs];
  core.send(entry, 'materialize', keys, args, pending, (reply, flight) => {
    const nowMs = core.world.monotonicMs();
    if (reply.status === 'materialized') {
      core.counters.materializations++;
      entry.sawNoHolder();
      const sure = core.sureFor(ttlMs, flight);
      entry.holder = { value, clientId, grantedAtMs, endsAtMs: nowMs + ttlMs, fence, sure };
      core.endDelegation(entry);
    } else {
      notSettled(core, entry, delegation, reply, flight, nowMs);
    }
    done(reply);
  });
}

/** Token -> nothing; `pending` and `done` as with `materialize`. */
export function yieldDelegation(
  core: LockCore,
  entry: LockEntry,
  delegation: Delegation,
  pending: Pending | null,
  done: (reply: Reply) => void,
): void {
  core.endReservation(entry, delegation, false, core.world.monotonicMs());
  const keys = [entry.key, entry.companion];
  core.send(entry, 'yield', keys, [delegation.token], pending, (reply, flight) => {
    const nowMs = core.world.monotonicMs();
    if (reply.status === 'yielded') {
      core.counters.yields++;
      delegation.grant.free();
      leftToRedis(entry, nowMs);
      core.endDelegation(entry);
    } else {
      notSettled(core, entry, delegation, reply, flight, nowMs);
    }
    done(reply);
  });
}

function notSettled(
  core: LockCore,
  entry: LockEntry,
  delegation: Delegation,
  reply: Reply,
  flight: Flight,
  nowMs: number,
): void {
  if (reply.status === 'gone') {
    const found = textAt(reply, 1);
    noteTokenGone(core, entry, delegation, found, flight, nowMs);
    if (found === 'absent') entry.sawNoHolder();
    else entry.holderUnknown();
    core.endDelegation(entry);
    return;
  }
  core.doubt(entry, reply.error === '' ? `settling: ${reply.status}` : reply.error);
  if (reply.status === 'other-type') core.endDelegation(entry);
  else if (reply.status !== 'unknown') delegation.settleAtMs = nowMs + core.options.settleRetryMs;
}

/** A grant that nobody heard of is taken back from Redis (invariant 12 of docs/protocol.md). */
export function undoGrant(core: LockCore, entry: LockEntry, value: string): void {
  core.send(entry, 'release', [entry.key, entry.companion], [value], null, reply => {
    if (reply.status === 'released') leftToRedis(entry, core.world.monotonicMs());
    else entry.holderUnknown();
  });
}

/** The key was absent just now, by our own script. */
export function leftToRedis(entry: LockEntry, nowMs: number): void {
  entry.sawNoHolder();
  entry.tenure.left(nowMs);
}
