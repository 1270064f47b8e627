import type { ReleaseIntent } from '../intent/intent.js';
import type { LockRequest, Verdict } from './contract.js';
import { type LockCore, UNSURE } from './core.js';
import type { LockEntry, Pending } from './entry.js';
import { failed } from './failure.js';
import { surelyHeldByAnother } from './held.js';
import { leaseMsFor } from './lease.js';
import { FENCE_COUNTER } from './names.js';
import { noteReleased, whyNotDelegate } from './proof.js';
import { writtenAhead } from './recovery.js';
import { numberAt } from './replies.js';
import { delegated, keepOrYield, mayBeDelegated, wantedUntilMs } from './reservation.js';
import {
  givingArgs,
  howToGive,
  leftToRedis,
  settle,
  tenureLimitMs,
  yieldDelegation,
} from './settle.js';
import { passedOn } from './transfer.js';
import { releasedInVain } from './waiting/parking.js';

/** Hot path: a verdict from memory, or null where Redis has to be asked. Allocates nothing. */
export function releaseFromMemory(
  core: LockCore,
  entry: LockEntry,
  request: LockRequest,
  intent: ReleaseIntent,
  nowMs: number,
): Verdict | null {
  const delegation = entry.delegation;
  if (delegation === null) {
    // Clients that poll release what they were refused each time: no script for each of them.
    if (!surelyHeldByAnother(core, entry, intent.value, nowMs)) return null;
    releasedInVain(core, entry, request);
    return 'not-owner';
  }
  if (delegation.doubted !== null) return null;
  if (delegation.lease.over(nowMs, core.world.wallMs())) {
    core.doubt(entry, 'lease over');
    return null;
  }
  const grant = delegation.grant;
  if (!grant.live(nowMs) || grant.value !== intent.value) {
    // The token is in the key, so whoever asks holds nothing; but only Redis knows if it was heard.
    if (!core.upstreamHeard(nowMs)) return null;
    releasedInVain(core, entry, request);
    return 'not-owner';
  }
  grant.free();
  core.counters.releasesInMemory++;
  core.feedback.released(entry.database, entry.key, nowMs - grant.grantedAtMs, nowMs);
  noteReleased(core, entry);
  keepOrYield(core, entry, delegation);
  return 'released';
}

/** Where memory can't decide: a verdict, or null once a script is on its way. */
export function releaseThroughRedis(
  core: LockCore,
  entry: LockEntry,
  pending: Pending,
  intent: ReleaseIntent,
): Verdict | null {
  const delegation = entry.delegation;
  if (delegation !== null) {
    // Settled first, then released like any grant that is in Redis.
    entry.queue.unshift(pending);
    if (!settle(core, entry)) core.doubt(entry, 'not settled before a release');
    return null;
  }
  if (core.upstreamAway()) return 'pass';
  const nowMs = core.world.monotonicMs();
  const isHolder = entry.holder?.value === intent.value;
  const untilMs =
    isHolder && entry.waitingTouches.length === 0 && whyNotDelegate(core, entry, nowMs) === null
      ? wantedUntilMs(core, entry, nowMs)
      : 0;
  if (untilMs > nowMs) retain(core, entry, pending, intent, untilMs);
  else release(core, entry, pending, intent);
  return null;
}

/**
 * The holder of a doubted delegation gives its lock up while settling is refused: taking the token
 * away is all that is left to do. Where Redis refuses that too, it is taken away later, and nobody has
 * the lock until then.
 */
export function releaseUnsettled(
  core: LockCore,
  entry: LockEntry,
  pending: Pending,
  intent: ReleaseIntent,
): Verdict | null {
  const delegation = entry.delegation;
  const nowMs = core.world.monotonicMs();
  if (delegation === null || !delegation.grant.live(nowMs)) return 'pass';
  if (delegation.grant.value !== intent.value) return 'not-owner';
  yieldDelegation(core, entry, delegation, pending, reply => {
    if (reply.status === 'yielded' || reply.status === 'passed') {
      released(core, entry, pending, delegation.grant.grantedAtMs);
      core.deliver(entry, pending, 'released');
    } else if (entry.delegation === null) {
      entry.queue.unshift(pending);
    } else if (reply.status === 'refused') {
      // The client's own command would find the token, and hear that the lock is not its own.
      delegation.grant.free();
      delegation.givenUp = intent.value;
      released(core, entry, pending, delegation.grant.grantedAtMs);
      core.deliver(entry, pending, 'released');
    } else {
      failed(core, entry, pending, reply);
    }
  });
  return null;
}

function release(core: LockCore, entry: LockEntry, pending: Pending, intent: ReleaseIntent): void {
  const holder = entry.holder;
  const keys = [entry.key, entry.companion, FENCE_COUNTER];
  const args = [intent.value, ...givingArgs(core, entry), howToGive(core, entry)];
  core.send(entry, 'release', keys, args, pending, reply => {
    switch (reply.status) {
      case 'released':
        if (holder?.value === intent.value) released(core, entry, pending, holder.grantedAtMs);
        leftToRedis(entry, core.world.monotonicMs());
        core.deliver(entry, pending, 'released');
        return;
      case 'passed':
        if (holder?.value === intent.value) released(core, entry, pending, holder.grantedAtMs);
        passedOn(core, entry, reply);
        core.deliver(entry, pending, 'released');
        return;
      case 'not-owner':
        notOwner(core, entry, pending.request);
        core.deliver(entry, pending, 'not-owner');
        return;
      default:
        failed(core, entry, pending, reply);
    }
  });
}

function retain(
  core: LockCore,
  entry: LockEntry,
  pending: Pending,
  intent: ReleaseIntent,
  untilMs: number,
): void {
  const grantedAtMs = entry.holder?.grantedAtMs ?? 0;
  const token = core.newToken();
  const leaseMs = leaseMsFor(entry.ttlMs, core.options);
  const keptMs = Math.floor(entry.tenure.keptMs(core.world.monotonicMs()));
  const keys = [entry.key, entry.companion, FENCE_COUNTER];
  const { proxy, options } = core;
  const own = [intent.value, token, leaseMs, proxy, options.fenceBlockSize, keptMs];
  const args = [...own, entry.database, tenureLimitMs(entry), options.breathMs];
  const answered = writtenAhead(core, entry, token);
  core.send(entry, 'retain', keys, args, pending, (reply, flight) => {
    answered();
    switch (reply.status) {
      case 'retained':
        core.counters.retentions++;
        entry.tenure.kept(core.world.monotonicMs(), 0);
        delegated(core, entry, token, leaseMs, untilMs, reply, flight);
        if (numberAt(reply, 2) > 0) entry.delegation?.recall(core.world.monotonicMs());
        released(core, entry, pending, grantedAtMs);
        core.deliver(entry, pending, 'released');
        return;
      case 'released':
        released(core, entry, pending, grantedAtMs);
        leftToRedis(entry, core.world.monotonicMs());
        core.deliver(entry, pending, 'released');
        return;
      case 'passed':
        released(core, entry, pending, grantedAtMs);
        passedOn(core, entry, reply);
        core.deliver(entry, pending, 'released');
        return;
      case 'not-owner':
        notOwner(core, entry, pending.request);
        core.deliver(entry, pending, 'not-owner');
        return;
      default:
        mayBeDelegated(core, entry, token, leaseMs, reply, flight);
        failed(core, entry, pending, reply);
    }
  });
}

/** Whoever was believed to have the lock by this value, has lost it. */
function notOwner(core: LockCore, entry: LockEntry, request: LockRequest): void {
  if (entry.holder?.value === request.intent.value) entry.holder.sure = UNSURE;
  releasedInVain(core, entry, request);
}

function released(core: LockCore, entry: LockEntry, pending: Pending, grantedAtMs: number): void {
  const nowMs = core.world.monotonicMs();
  const { database } = pending.request;
  core.counters.releasesThroughRedis++;
  noteReleased(core, entry);
  core.feedback.released(database, entry.key, nowMs - grantedAtMs, nowMs);
}
