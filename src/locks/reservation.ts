import type { Flight, LockCore } from './core.js';
import { Delegation } from './delegation.js';
import type { LockEntry } from './entry.js';
import { leaseMsFor } from './lease.js';
import { FENCE_COUNTER } from './names.js';
import { noteHeld, noteTokenGone, whyNotDelegate, whyNotReserve } from './proof.js';
import { writtenAhead } from './recovery.js';
import { latestRunMs, numberAt, type Reply, textAt } from './replies.js';
import { settle } from './settle.js';
import { giveUpTicket, ticketOver } from './strays.js';
import { handOff } from './waiting/hand-off.js';

/**
 * The beginnings of a delegation, and what keeps it: ahead of a forecast request (reserve), in
 * place of a released grant (retain), for longer (renew).
 */

/** Takes an absent key for us until that monotonic moment; whether the script was sent. */
export function reserve(core: LockCore, entry: LockEntry, untilMs: number): boolean {
  const nowMs = core.world.monotonicMs();
  if (entry.busy() || entry.mayHoldToken() || untilMs <= nowMs) return false;
  if (entry.heldUntilMs() > nowMs) return false;
  if (whyNotReserve(core, entry, nowMs) !== null) return false;
  const token = core.newToken();
  const leaseMs = leaseMsFor(entry.ttlMs, core.options);
  const keys = [entry.key, entry.companion, FENCE_COUNTER];
  const believed = entry.holder?.value ?? '';
  const args = [token, leaseMs, core.proxy, core.options.fenceBlockSize, believed];
  const answered = writtenAhead(core, entry, token);
  core.send(entry, 'reserve', keys, args, null, (reply, flight) => {
    answered();
    const answeredAtMs = core.world.monotonicMs();
    switch (reply.status) {
      case 'reserved':
        core.counters.reservations++;
        entry.tenure.kept(answeredAtMs, numberAt(reply, 2));
        delegated(core, entry, token, leaseMs, untilMs, reply, flight);
        return;
      case 'held':
        noteHeld(core, entry, numberAt(reply, 1) === 1, flight, answeredAtMs);
        return;
      case 'delegated':
        adoptUnknownToken(core, entry, reply);
        return;
      case 'wanted':
        return;
      default:
        mayBeDelegated(core, entry, token, leaseMs, reply, flight);
        core.doubt(entry, reply.error === '' ? `reserve: ${reply.status}` : reply.error);
    }
  });
  return true;
}

/** Our token is in the key: this proxy alone decides who gets the lock. */
export function delegated(
  core: LockCore,
  entry: LockEntry,
  token: string,
  leaseMs: number,
  untilMs: number,
  reply: Reply,
  flight: Flight,
): void {
  const nowMs = core.world.monotonicMs();
  const fence = numberAt(reply, 1);
  const fenceEnd = fence + core.options.fenceBlockSize;
  const delegation = new Delegation(token, fence, fenceEnd, nowMs, untilMs);
  const { sentMonotonicMs, sentWallMs } = flight;
  const ranByMs = latestRunMs(reply, nowMs, core.options);
  delegation.lease.begin(leaseMs, sentMonotonicMs, sentWallMs, ranByMs, core.options);
  entry.sawNoHolder();
  core.beginDelegation(entry, delegation);
  // No script writes a token of its own over a live ticket of ours but ends it.
  ticketOver(core, entry);
  if (!flight.trusted) core.doubt(entry, 'doubt came up while the token was on its way');
}

/** A script that writes a token gave no answer of its own: the token may be in the key, in doubt. */
export function mayBeDelegated(
  core: LockCore,
  entry: LockEntry,
  token: string,
  leaseMs: number,
  reply: Reply,
  flight: Flight,
): void {
  if (reply.status === 'unknown' || reply.status === 'unexpected') {
    giveUpTicket(core, entry);
    delegated(core, entry, token, leaseMs, 0, reply, flight);
    entry.holderUnknown();
  }
}

/**
 * A script met another delegation's token. One of this very epoch that nobody here knows was put
 * there late, by a script whose fate was unknown: no grant was ever made from it, so it is settled
 * like any doubted one. So is one that a failover has brought back, with the holder who had the lock
 * from it and whose value is lost. Whether it was ours.
 */
export function adoptUnknownToken(core: LockCore, entry: LockEntry, reply: Reply): boolean {
  const token = textAt(reply, 2);
  if (!token.startsWith(core.tokenPrefix())) return false;
  const delegation = new Delegation(token, 0, 0, Number.NaN, 0);
  const nowMs = core.world.monotonicMs();
  const leftMs = Math.max(0, numberAt(reply, 1));
  delegation.lease.begin(leftMs, nowMs, core.world.wallMs(), nowMs, core.options);
  core.beginDelegation(entry, delegation);
  grantAgain(entry, delegation, nowMs);
  core.doubt(entry, 'unknown token of this proxy in the key');
  return true;
}

/**
 * The holder's value was written in place of this very token, and the write was lost with a master:
 * the lock is still the holder's, and is written again.
 */
function grantAgain(entry: LockEntry, { token, grant }: Delegation, nowMs: number): void {
  const { holder } = entry;
  if (holder === null || holder.token !== token || holder.endsAtMs <= nowMs) return;
  grant.begin(holder.value, holder.clientId, holder.endsAtMs - nowMs, holder.fence, nowMs);
}

/**
 * A lock just freed goes to whoever waits for it; else it stays ours if a further request is
 * forecast or expected, and goes back to Redis if not.
 */
export function keepOrYield(core: LockCore, entry: LockEntry, delegation: Delegation): void {
  if (handOff(core, entry, delegation)) return;
  const nowMs = core.world.monotonicMs();
  const untilMs = delegation.recalled ? 0 : retainUntilMs(core, entry, delegation, nowMs);
  if (untilMs <= nowMs || !delegation.hasFence()) {
    settle(core, entry);
    return;
  }
  core.counters.retentions++;
  delegation.keptFromMs = nowMs;
  delegation.keptUntilMs = untilMs;
  core.wakeBy(entry, untilMs);
}

function retainUntilMs(
  core: LockCore,
  entry: LockEntry,
  delegation: Delegation,
  nowMs: number,
): number {
  if (core.paused || entry.waitingTouches.length > 0) return 0;
  if (!entry.declared && nowMs >= entry.tenure.endsAtMs()) return 0;
  // What came from another proxy was not proven here.
  if (delegation.transferred && whyNotDelegate(core, entry, nowMs) !== null) return 0;
  return wantedUntilMs(core, entry, nowMs);
}

/** Until when a lock is worth to be kept: a request is forecast, or somebody waits or is expected. */
export function wantedUntilMs(core: LockCore, entry: LockEntry, nowMs: number): number {
  const { line } = entry;
  // A key that another proxy has asked for is not kept for what is only forecast.
  const backsOff = nowMs < entry.backOffUntilMs;
  return Math.max(
    backsOff ? 0 : core.policy.retainUntilMs(entry.database, entry.key, nowMs),
    line.waits() ? nowMs + core.options.parkMs : 0,
    line.placeUntilMs(nowMs),
  );
}

/** Whether the lease is to be renewed now; a delegation that nobody uses is not. */
export function renewDueAtMs(core: LockCore, entry: LockEntry, delegation: Delegation): number {
  if (delegation.uses === 0) return Infinity;
  // Ahead of the moment itself, so that requests of the usual TTL are covered throughout.
  const aheadMs = core.options.leaseSlackMinMs / 4;
  return delegation.lease.coversUntilMs(entry.ttlMs) - aheadMs;
}

export function renew(core: LockCore, entry: LockEntry, delegation: Delegation): void {
  // Never shorter than what is left: a holder with a longer TTL may live on it. When renewals are
  // due sees to that, too; cover is not to rest on it.
  const leftMs = delegation.lease.leftAtRedisMs(core.world.monotonicMs());
  const leaseMs = Math.max(leaseMsFor(entry.ttlMs, core.options), Math.ceil(leftMs));
  const keys = [entry.key, entry.companion];
  core.send(entry, 'renew', keys, [delegation.token, leaseMs], null, (reply, flight) => {
    const nowMs = core.world.monotonicMs();
    const { sentMonotonicMs, sentWallMs } = flight;
    switch (reply.status) {
      case 'renewed':
        core.counters.renewals++;
        delegation.uses = 0;
        delegation.lease.begin(leaseMs, sentMonotonicMs, sentWallMs, nowMs, core.options);
        core.confirmLease(entry, delegation);
        return;
      case 'gone':
        noteTokenGone(core, entry, delegation, textAt(reply, 1), flight, nowMs);
        entry.holderUnknown();
        core.endDelegation(entry);
        return;
      case 'other-type':
        core.doubt(entry, 'token gone from the key, found another type');
        core.endDelegation(entry);
        return;
      default:
        // It may have run: what has to be waited out is the longer lease.
        delegation.lease.begin(
          leaseMs,
          sentMonotonicMs,
          sentWallMs,
          latestRunMs(reply, nowMs, core.options),
          core.options,
        );
        core.doubt(entry, reply.error === '' ? `renew: ${reply.status}` : reply.error);
    }
  });
}
