import { acquireFromMemory, acquireThroughRedis } from './acquire.js';
import type { Verdict } from './contract.js';
import type { LockCore } from './core.js';
import type { Delegation } from './delegation.js';
import type { LockEntry, Pending } from './entry.js';
import { extendFromMemory, extendThroughRedis } from './extend.js';
import { heed } from './recall.js';
import { releaseFromMemory, releaseThroughRedis, releaseUnsettled } from './release.js';
import { keepOrYield } from './reservation.js';
import { scheduleReview } from './review.js';
import { settle, settleStray, takeBack, undoGrant } from './settle.js';
import { giveUpTicket } from './strays.js';
import { expireTouches, readyTouches } from './touch.js';
import { parkOrRefuse } from './waiting/parking.js';
import { serveWaiters } from './waiting/serve.js';

/**
 * What a key's next request meets.
 * `open`: decide. `settling`: a script is on its way that has to be answered first. `down`: a token
 * of ours may be in the key, and Redis is away. `refused`: so it may, and Redis refuses to settle.
 */
export type Gate = 'open' | 'settling' | 'down' | 'refused';

/** Goes on with what waits for this key, in order, until a script is on its way or nothing waits. */
export function advance(core: LockCore, entry: LockEntry): void {
  if (entry.advancing) return;
  entry.advancing = true;
  try {
    work(core, entry);
  } catch (error) {
    core.broken(entry, error);
  } finally {
    entry.advancing = false;
  }
  scheduleReview(core, entry);
}

function work(core: LockCore, entry: LockEntry): void {
  while (entry.script === null) {
    heed(core, entry);
    if (entry.script !== null) return;
    if (entry.undo !== null) {
      const value = entry.undo;
      entry.undo = null;
      // Without Redis it stays until its TTL is over, as it would in Redis.
      if (core.upstreamAway()) entry.holderUnknown();
      else undoGrant(core, entry, value);
      continue;
    }
    const gate = passGate(core, entry);
    if (gate === 'settling') continue;
    if (gate === 'down') return expireWaiting(core, entry);
    if (gate === 'open' && entry.waitingTouches.length > 0) readyTouches(core, entry);
    // Who waits in the line came before whatever waits for its turn to be decided.
    if (gate === 'open' && serveWaiters(core, entry)) continue;
    // Who came later waits with those who wait for an answer; a release or an extension does not,
    // save behind such a one.
    if (entry.asking !== null && entry.queue[0]?.request.intent.kind === 'acquire') return;
    const pending = entry.queue.shift();
    if (pending === undefined) {
      if (gate === 'open' && isDueBack(core, entry) && settle(core, entry)) continue;
      return;
    }
    // Nobody would hear of the grant; a release or an extension is carried out all the same.
    if (pending.abandoned && pending.request.intent.kind === 'acquire') continue;
    performQueued(core, entry, pending, gate);
  }
}

function performQueued(core: LockCore, entry: LockEntry, pending: Pending, gate: Gate): void {
  let verdict: Verdict | null;
  try {
    verdict = perform(core, entry, pending, gate);
  } catch (error) {
    core.broken(entry, error);
    verdict = 'lost';
  }
  if (verdict === null) return;
  const heard = core.deliver(entry, pending, verdict);
  if (verdict === 'granted' && !heard && entry.delegation !== null) {
    // Invariant 12: nobody heard of this grant, so the lock is free again.
    core.counters.grantsUndone++;
    entry.delegation.grant.free();
    keepOrYield(core, entry, entry.delegation);
  }
}

/** Whether requests may be decided; sends the settling that has to come first. */
export function passGate(core: LockCore, entry: LockEntry): Gate {
  if (entry.ticket !== null && ticketMustGo(core, entry)) giveUpTicket(core, entry);
  if (entry.strays.length > 0) {
    if (settleStray(core, entry)) return 'settling';
    return core.upstreamAway() ? 'down' : 'refused';
  }
  const delegation = entry.delegation;
  if (delegation === null || !mustSettle(core, entry, delegation)) return 'open';
  if (settle(core, entry)) return 'settling';
  return core.upstreamAway() ? 'down' : 'refused';
}

/** Its token may come into the key while a client looks at it. */
function ticketMustGo(core: LockCore, entry: LockEntry): boolean {
  return core.paused || entry.waitingTouches.length > 0 || entry.queue[0]?.mustPass === true;
}

/** Nobody holds the lock, and it is kept for nobody here. */
function isDueBack(core: LockCore, { delegation, asking }: LockEntry): boolean {
  if (delegation === null || delegation.doubted !== null || asking !== null) return false;
  if (delegation.grant.taken) return false;
  return delegation.recalled || core.world.monotonicMs() >= delegation.keptUntilMs;
}

function mustSettle(core: LockCore, entry: LockEntry, delegation: Delegation): boolean {
  if (delegation.doubted !== null || core.paused) return true;
  if (entry.waitingTouches.length > 0 || entry.queue[0]?.mustPass === true) return true;
  const { grant } = delegation;
  return entry.materializeGrant === grant.number && grant.live(core.world.monotonicMs());
}

/** Decides one request: its verdict, or null once a script for it is on its way. */
export function perform(
  core: LockCore,
  entry: LockEntry,
  pending: Pending,
  gate: Gate,
): Verdict | null {
  if (pending.mustPass) return passSettled(core, entry, pending, gate);
  const { request } = pending;
  const { intent } = request;
  const nowMs = core.world.monotonicMs();
  const refused = gate === 'refused';
  switch (intent.kind) {
    case 'acquire': {
      const verdict = acquireFromMemory(core, entry, request, intent, nowMs);
      if (verdict === 'held') return parkOrRefuse(core, entry, pending, true, nowMs);
      if (verdict !== null) return verdict;
      return refused ? 'pass' : acquireThroughRedis(core, entry, pending, intent);
    }
    case 'release':
      if (refused) return releaseUnsettled(core, entry, pending, intent);
      return (
        releaseFromMemory(core, entry, request, intent, nowMs) ??
        releaseThroughRedis(core, entry, pending, intent)
      );
    case 'extend':
      if (refused) return 'pass';
      return (
        extendFromMemory(core, entry, intent, nowMs) ??
        extendThroughRedis(core, entry, pending, intent)
      );
  }
}

/** Redis alone may answer: it is asked once no token of ours is in its way. */
function passSettled(
  core: LockCore,
  entry: LockEntry,
  pending: Pending,
  gate: Gate,
): Verdict | null {
  if (!entry.mayHoldToken() || gate === 'refused') return 'pass';
  entry.queue.unshift(pending);
  takeBack(core, entry);
  return null;
}

/** Redis is away and the key not settled: who has waited for long enough is told. */
function expireWaiting(core: LockCore, entry: LockEntry): void {
  const nowMs = core.world.monotonicMs();
  expireTouches(core, entry, nowMs);
  for (;;) {
    const first = entry.queue[0];
    if (first === undefined || nowMs < first.sinceMs + core.options.reconnectWaitMs) return;
    entry.queue.shift();
    core.deliver(entry, first, 'lost');
  }
}
