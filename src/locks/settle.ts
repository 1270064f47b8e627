import type { Flight, LockCore } from './core.js';
import type { Delegation } from './delegation.js';
import type { LockEntry, Pending } from './entry.js';
import { FENCE_COUNTER } from './names.js';
import { noteTokenGone } from './proof.js';
import { type Reply, textAt } from './replies.js';
import { giveUpTicket, strayOver } from './strays.js';
import { passedOn } from './transfer.js';
import { watchHolder } from './watch.js';

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
    const leftMs = Math.ceil(grant.endsAtMs - nowMs);
    materialize(core, entry, delegation, keys, leftMs, 'settle', null, () => {});
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
  how: 'settle' | 'tell',
  pending: Pending | null,
  done: (reply: Reply) => void,
): void {
  const { token } = delegation;
  const { value, clientId, grantedAtMs, fence } = delegation.grant;
  const args = [token, value, ttlMs, entry.database, how];
  core.send(entry, 'materialize', keys, args, pending, (reply, flight) => {
    const nowMs = core.world.monotonicMs();
    if (reply.status === 'materialized') {
      core.counters.materializations++;
      entry.sawNoHolder();
      const sure = core.sureFor(ttlMs, flight);
      entry.holder = { value, clientId, grantedAtMs, endsAtMs: nowMs + ttlMs, fence, sure, token };
      core.endDelegation(entry);
      if (entry.contested || entry.line.waits()) watchHolder(core, entry);
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
  const keys = [entry.key, entry.companion, FENCE_COUNTER];
  const args = [delegation.token, ...givingArgs(core, entry), howToGive(core, entry)];
  core.send(entry, 'yield', keys, args, pending, (reply, flight) => {
    const nowMs = core.world.monotonicMs();
    if (reply.status === 'yielded') {
      core.counters.yields++;
      delegation.grant.free();
      leftToRedis(entry, nowMs);
      core.endDelegation(entry);
    } else if (reply.status === 'passed') {
      core.counters.yields++;
      delegation.grant.free();
      core.endDelegation(entry);
      passedOn(core, entry, reply);
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
    // A script of unknown fate may have written it, before its release was refused.
    if (found === 'value') entry.undo ??= delegation.givenUp;
    core.endDelegation(entry);
    return;
  }
  core.doubt(entry, reply.error === '' ? `settling: ${reply.status}` : reply.error);
  if (reply.status === 'other-type') core.endDelegation(entry);
  else if (reply.status !== 'unknown') delegation.settleAtMs = nowMs + core.options.settleRetryMs;
}

/** A grant that nobody heard of is taken back from Redis (invariant 12 of docs/protocol.md). */
export function undoGrant(core: LockCore, entry: LockEntry, value: string): void {
  const keys = [entry.key, entry.companion, FENCE_COUNTER];
  const args = [value, ...givingArgs(core, entry), howToGive(core, entry)];
  core.send(entry, 'release', keys, args, null, reply => {
    if (reply.status === 'released') leftToRedis(entry, core.world.monotonicMs());
    else if (reply.status === 'passed') passedOn(core, entry, reply);
    else entry.holderUnknown();
  });
}

/** The key was absent just now, by our own script. */
export function leftToRedis(entry: LockEntry, nowMs: number): void {
  entry.sawNoHolder();
  entry.tenure.left(nowMs);
}

/**
 * For scripts that give a key back: database, size of a block of fences, how long the fleet may keep
 * the key, and how long a breath is.
 */
export function givingArgs(core: LockCore, entry: LockEntry): readonly number[] {
  const { fenceBlockSize, breathMs } = core.options;
  return [entry.database, fenceBlockSize, tenureLimitMs(entry), breathMs];
}

/** How long the fleet may keep the key; 0: for good. */
export function tenureLimitMs({ declared, tenure }: LockEntry): number {
  return declared ? 0 : tenure.limitMs;
}

/**
 * To who waits for it; or to Redis, since a client looks at it now or its tenure is over; and whether
 * this proxy goes on with the key.
 */
export function howToGive(core: LockCore, entry: LockEntry): 'pass' | 'breath' | 'leave' | 'end' {
  if (entry.waitingTouches.length > 0 || entry.touchesInFlight > 0) return 'leave';
  if (core.paused || (entry.delegation?.doubted ?? null) !== null) return 'end';
  const isOver = !entry.declared && entry.tenure.isOver(core.world.monotonicMs());
  return isOver ? 'breath' : 'pass';
}

/**
 * Whatever token of ours is in the key, or may come into it, is taken back by name. Whether a script
 * was sent for it.
 */
export function takeBack(core: LockCore, entry: LockEntry): boolean {
  giveUpTicket(core, entry);
  return entry.strays.length > 0 ? settleStray(core, entry) : settle(core, entry);
}

/** Another proxy's client wants the lock, does not wait for it, and is to know that it is held. */
export function materializeForOthers(
  core: LockCore,
  entry: LockEntry,
  delegation: Delegation,
): void {
  const nowMs = core.world.monotonicMs();
  if (core.upstreamAway() || nowMs < delegation.settleAtMs) return;
  const leftMs = Math.ceil(delegation.grant.endsAtMs - nowMs);
  const keys = [entry.key, entry.companion];
  materialize(core, entry, delegation, keys, leftMs, 'tell', null, () => {});
}

/** A token from which nothing is granted is taken back, or its ticket; whether a script was sent. */
export function settleStray(core: LockCore, entry: LockEntry): boolean {
  const [stray] = entry.strays;
  const sentAtMs = core.world.monotonicMs();
  if (stray === undefined || core.upstreamAway() || sentAtMs < entry.straysAtMs) return false;
  const keys = [entry.key, entry.companion, FENCE_COUNTER];
  const args = [stray.token, ...givingArgs(core, entry), howToGive(core, entry)];
  core.send(entry, 'yield', keys, args, null, reply => {
    const nowMs = core.world.monotonicMs();
    switch (reply.status) {
      case 'yielded':
        leftToRedis(entry, nowMs);
        break;
      case 'passed':
        passedOn(core, entry, reply);
        break;
      case 'gone':
        if (textAt(reply, 1) === 'absent') entry.sawNoHolder();
        else entry.holderUnknown();
        break;
      case 'other-type':
        break;
      default:
        core.doubt(entry, reply.error === '' ? `settling: ${reply.status}` : reply.error);
        if (reply.status !== 'unknown') entry.straysAtMs = nowMs + core.options.settleRetryMs;
        return;
    }
    strayOver(core, entry, stray);
  });
  return true;
}
