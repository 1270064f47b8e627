import type { ExtendIntent } from '../intent/intent.js';
import type { Verdict } from './contract.js';
import { type LockCore, UNSURE } from './core.js';
import type { LocalGrant } from './delegation.js';
import type { LockEntry, Pending } from './entry.js';
import { failed, passWhenSettled } from './failure.js';
import { materialize, settle } from './settle.js';

function isPlain(core: LockCore, intent: ExtendIntent): boolean {
  return intent.plain && intent.ttlMs > 0 && intent.value.length <= core.options.valueMaxBytes;
}

/** Hot path: a verdict from memory, or null where Redis has to be asked. Allocates nothing. */
export function extendFromMemory(
  core: LockCore,
  entry: LockEntry,
  intent: ExtendIntent,
  nowMs: number,
): Verdict | null {
  const delegation = entry.delegation;
  if (delegation === null || delegation.doubted !== null || !isPlain(core, intent)) return null;
  if (delegation.lease.over(nowMs, core.world.wallMs())) {
    core.doubt(entry, 'lease over');
    return null;
  }
  // A longer belief rests on the token as a new grant does: invariant 6 of docs/protocol.md.
  if (!core.upstreamHeard(nowMs)) {
    core.doubtAll('upstream has answered nothing lately');
    return null;
  }
  const grant = delegation.grant;
  if (!grant.live(nowMs) || grant.value !== intent.value) return 'not-owner';
  if (!delegation.lease.covers(intent.ttlMs, nowMs, core.world.wallMs())) return null;
  grant.extend(nowMs + intent.ttlMs);
  core.counters.extensionsInMemory++;
  return 'extended';
}

/** Where memory can't decide: a verdict, or null once a script is on its way. */
export function extendThroughRedis(
  core: LockCore,
  entry: LockEntry,
  pending: Pending,
  intent: ExtendIntent,
): Verdict | null {
  const delegation = entry.delegation;
  const nowMs = core.world.monotonicMs();
  if (delegation !== null) {
    if (!isPlain(core, intent)) {
      passWhenSettled(entry, pending);
      settle(core, entry);
    } else if (delegation.doubted === null && isHolder(delegation.grant, intent, nowMs)) {
      extendByMaterializing(core, entry, pending, intent);
    } else {
      entry.queue.unshift(pending);
      if (!settle(core, entry)) core.doubt(entry, 'not settled before an extension');
    }
    return null;
  }
  if (!isPlain(core, intent) || core.upstreamAway()) return 'pass';
  extend(core, entry, pending, intent);
  return null;
}

function isHolder(grant: LocalGrant, intent: ExtendIntent, nowMs: number): boolean {
  return grant.live(nowMs) && grant.value === intent.value;
}

/** The lease is too short for the new TTL: the holder's value is written with all of it. */
function extendByMaterializing(
  core: LockCore,
  entry: LockEntry,
  pending: Pending,
  intent: ExtendIntent,
): void {
  const delegation = entry.delegation;
  if (delegation === null) throw new Error('nothing to materialize');
  const keys = [entry.key];
  materialize(core, entry, delegation, keys, intent.ttlMs, 'settle', pending, reply => {
    if (reply.status === 'materialized') {
      core.counters.extensionsThroughRedis++;
      core.deliver(entry, pending, 'extended');
    } else if (reply.status === 'gone') {
      // The key itself says what became of the lock.
      entry.queue.unshift(pending);
    } else {
      failed(core, entry, pending, reply);
    }
  });
}

function extend(core: LockCore, entry: LockEntry, pending: Pending, intent: ExtendIntent): void {
  core.send(
    entry,
    'extend',
    [entry.key],
    [intent.value, intent.ttlMs],
    pending,
    (reply, flight) => {
      switch (reply.status) {
        case 'extended':
          core.counters.extensionsThroughRedis++;
          if (entry.holder?.value === intent.value) {
            entry.holder.endsAtMs = core.world.monotonicMs() + intent.ttlMs;
            entry.holder.sure = core.sureFor(intent.ttlMs, flight);
          }
          core.deliver(entry, pending, 'extended');
          return;
        case 'not-owner':
          if (entry.holder?.value === intent.value) entry.holder.sure = UNSURE;
          core.deliver(entry, pending, 'not-owner');
          return;
        default:
          failed(core, entry, pending, reply);
      }
    },
  );
}
