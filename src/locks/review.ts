import type { LockCore } from './core.js';
import type { LockEntry } from './entry.js';
import { askingDueAtMs, reviewAsking } from './recall.js';
import { keepOrYield, renew, renewDueAtMs } from './reservation.js';
import { settle } from './settle.js';
import { endDueParkings } from './waiting/parking.js';
import { lineWakesAtMs } from './waiting/wake.js';

/** What time alone does to a lock key. One timer per key, armed for the next moment that matters. */
export function review(core: LockCore, entry: LockEntry): void {
  try {
    endDueParkings(core, entry);
    if (entry.script === null && !entry.advancing) {
      reviewAsking(core, entry);
      reviewDelegation(core, entry);
    }
  } catch (error) {
    core.broken(entry, error);
  }
  core.advance(entry);
}

function reviewDelegation(core: LockCore, entry: LockEntry): void {
  const delegation = entry.delegation;
  if (delegation === null) return;
  const nowMs = core.world.monotonicMs();
  const { grant, lease } = delegation;
  if (delegation.doubted !== null) {
    // Never settled, but Redis has dropped the token by itself since.
    if (nowMs < lease.goneAtMs) return;
    entry.holderUnknown();
    core.endDelegation(entry);
  } else if (lease.over(nowMs, core.world.wallMs())) {
    core.doubt(entry, 'lease over');
  } else if (!entry.declared && !entry.tenure.mayKeep(nowMs)) {
    settle(core, entry);
  } else if (grant.live(nowMs)) {
    if (nowMs >= renewDueAtMs(core, entry, delegation)) renew(core, entry, delegation);
  } else if (grant.taken) {
    // The holder's TTL ran out: what Redis would have dropped, is free.
    grant.free();
    keepOrYield(core, entry, delegation);
  } else if (nowMs >= delegation.keptUntilMs || lease.spent(nowMs, core.world.wallMs())) {
    settle(core, entry);
  } else if (nowMs >= renewDueAtMs(core, entry, delegation)) {
    renew(core, entry, delegation);
  }
}

/** Arms the timer for the next moment that matters. */
export function scheduleReview(core: LockCore, entry: LockEntry): void {
  const lineAtMs = lineWakesAtMs(core, entry, core.world.monotonicMs());
  let nextMs = Math.min(lineAtMs, askingDueAtMs(entry));
  if (core.upstreamAway()) {
    for (const first of [entry.queue[0], entry.waitingTouches[0]]) {
      if (first !== undefined)
        nextMs = Math.min(nextMs, first.sinceMs + core.options.reconnectWaitMs);
    }
  }
  if (entry.strays.length > 0 && entry.script === null && !core.upstreamAway()) {
    nextMs = Math.min(nextMs, entry.straysAtMs);
  }
  const delegation = entry.delegation;
  if (delegation !== null && entry.script === null) {
    const nowMs = core.world.monotonicMs();
    const { grant, lease } = delegation;
    if (delegation.doubted !== null) {
      nextMs = Math.min(nextMs, lease.goneAtMs);
      if (!core.upstreamAway()) nextMs = Math.min(nextMs, Math.max(nowMs, delegation.settleAtMs));
    } else {
      nextMs = Math.min(
        nextMs,
        // An idle one is given back before it is over, while it is certainly still ours.
        nowMs + lease.leftMs(nowMs, core.world.wallMs()) - (grant.live(nowMs) ? 0 : lease.marginMs),
        grant.live(nowMs) ? grant.endsAtMs : delegation.keptUntilMs,
        entry.declared ? Infinity : entry.tenure.endsAtMs(),
        renewDueAtMs(core, entry, delegation),
      );
    }
  }
  // A moment that is past was dealt with just now; were it not, that must not spin.
  if (nextMs < Infinity) core.wakeBy(entry, Math.max(nextMs, core.world.monotonicMs() + 1));
}
