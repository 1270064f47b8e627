import type { Flight, LockCore } from './core.js';
import type { Delegation } from './delegation.js';
import type { LockEntry } from './entry.js';
import { suspectForeign } from './foreign.js';

/**
 * Whether a key may be delegated: the rules for mixed fleets of docs/protocol.md. A client straight
 * on Redis sees a reserved key as present, so a key has to prove first that its clients lock and
 * do nothing else with it, and all of them through here.
 */

/** Why this key is not delegated now, for people; null if it may be. */
export function whyNotDelegate(core: LockCore, entry: LockEntry, nowMs: number): string | null {
  if (core.options.mode === 'observe') return 'mode is observe';
  if (core.paused) return 'paused';
  if (core.upstreamAway()) return 'upstream is down';
  if (entry.touchesInFlight > 0) return 'a command that touches the key is on its way';
  if (entry.home.touchesInFlight > 0) return 'a command on the whole database is on its way';
  if (entry.passesInFlight > 0) return 'a lock command on the key is on its way';
  if (entry.ttlMs === 0) return 'no TTL was seen yet';
  if (nowMs < entry.template.foreignUntilMs) return 'a foreign holder bars its template';
  const unconfirmed = core.world.confirmation?.bar() ?? null;
  if (unconfirmed !== null) return unconfirmed;
  if (entry.declared) return null;
  if (nowMs < entry.template.barredUntilMs) return 'a touch bars its template';
  if (!proven(core, entry)) return 'not proven yet';
  if (!entry.tenure.mayKeep(nowMs)) return 'left to Redis for a breath';
  if (entry.home.touchedOften(nowMs, core.options.wholeDatabaseTouchesPerS)) {
    return 'the whole database is touched too often';
  }
  const bar = core.world.delegationBar();
  if (bar !== null) return bar;
  if (core.world.oldestUnansweredAtMs() <= entry.enteredAtMs) {
    return 'commands from before it was a lock key are on their way';
  }
  return null;
}

/** Why this key is not taken ahead of a request now, for people; null if it may be. */
export function whyNotReserve(core: LockCore, entry: LockEntry, nowMs: number): string | null {
  if (nowMs < entry.backOffUntilMs) return 'another proxy has asked for it';
  return whyNotDelegate(core, entry, nowMs);
}

export function proven(core: LockCore, entry: LockEntry): boolean {
  return (
    entry.proof >= core.options.proofGrants ||
    core.table.templates.proven(entry.template, entry.key)
  );
}

/** A grant to a client of ours was released by compare. */
export function noteReleased(core: LockCore, entry: LockEntry): void {
  entry.proof++;
  core.table.templates.released(entry.template, entry.key);
}

/** A script found a client's value in the key: a foreign holder's, if none of ours can own it. */
export function noteHeld(
  core: LockCore,
  entry: LockEntry,
  isKnownHolder: boolean,
  flight: Flight,
  nowMs: number,
): void {
  if (isKnownHolder || !flight.alone || !entry.knowsHolder()) return;
  if (!entry.declared && core.world.oldestUnansweredAtMs() <= entry.enteredAtMs) return;
  suspectForeign(core, entry, nowMs);
}

/** A script found something else in place of the token that was relied on. */
export function noteTokenGone(
  core: LockCore,
  entry: LockEntry,
  delegation: Delegation,
  found: string,
  flight: Flight,
  nowMs: number,
): void {
  // In doubt it is no surprise: an earlier script of unknown fate may have settled the key, or its
  // lease may have run out.
  if (delegation.doubted !== null || !flight.trusted) return;
  if (delegation.lease.over(nowMs, core.world.wallMs())) return;
  core.doubt(entry, `token gone from the key, found ${found}`);
  // Somebody deleted, renamed or overwrote it: who does that is no client of ours that only locks.
  if (found === 'value') core.foreignHolder(entry, nowMs);
  else core.barForTouch(entry, nowMs);
}
