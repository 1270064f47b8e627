import type { Touch } from './contract.js';
import type { LockCore } from './core.js';
import type { LockEntry, TouchInFlight } from './entry.js';

/**
 * Commands that see a lock key otherwise than by locking: invariant 5 of docs/protocol.md. What they
 * see is what Redis alone would have shown, so the key is settled before, and no token is written
 * into it until they are answered.
 */

/** True: the command may go. False: `touch.ready` is called once it may. */
export function touch(core: LockCore, touching: Touch): boolean {
  core.counters.touches++;
  const inFlight: TouchInFlight = {
    touch: touching,
    sinceMs: core.world.monotonicMs(),
    entries: [],
    unsettled: 0,
    over: false,
  };
  core.touches.set(touching, inFlight);
  if (touching.keys === null) touchDatabase(core, inFlight);
  else touchKeys(core, inFlight, touching.keys);

  for (const entry of inFlight.entries) {
    if (!entry.mayHoldToken()) continue;
    inFlight.unsettled++;
    entry.waitingTouches.push(inFlight);
  }
  if (inFlight.unsettled === 0) return true;
  core.counters.touchesDelayed++;
  for (const entry of inFlight.entries) core.advance(entry);
  return false;
}

/** All that may hold a token are settled; the database itself bars new ones meanwhile. */
function touchDatabase(core: LockCore, inFlight: TouchInFlight): void {
  const { database } = inFlight.touch;
  const home = core.table.database(database);
  core.counters.wholeDatabaseTouches++;
  home.touchesInFlight++;
  home.wholeTouches++;
  home.touched(core.world.monotonicMs(), core.options.wholeDatabaseTouchesPerS);
  for (const entry of core.delegated) if (entry.database === database) count(inFlight, entry);
}

function touchKeys(core: LockCore, inFlight: TouchInFlight, keys: readonly string[]): void {
  const { database, bars } = inFlight.touch;
  const nowMs = core.world.monotonicMs();
  const home = core.table.database(database);
  for (const key of new Set(keys)) {
    const entry = home.entries.get(key);
    if (entry !== undefined) {
      count(inFlight, entry);
      if (bars) core.barForTouch(entry, nowMs);
      continue;
    }
    // The key may become a lock key while a WATCH or a transaction still sees it.
    home.touchNoLock(key, inFlight);
    if (bars && core.sightings.touched(database, key) && !core.table.declares(key)) {
      core.table.barTemplateOf(key, nowMs);
    }
  }
}

/** A touch that is on its way concerns this entry. */
export function count(inFlight: TouchInFlight, entry: LockEntry): void {
  inFlight.entries.push(entry);
  entry.touchesInFlight++;
  entry.holderUnknown();
}

export function touchEnded(core: LockCore, touching: Touch): void {
  const inFlight = core.touches.get(touching);
  if (inFlight === undefined) return;
  core.touches.delete(touching);
  inFlight.over = true;
  const home = core.table.database(touching.database);
  if (touching.keys === null) {
    home.touchesInFlight--;
    home.wholeTouches++;
  } else {
    home.touchOfNoLockEnded(touching.keys, inFlight);
  }
  for (const entry of inFlight.entries) {
    entry.touchesInFlight--;
    // Whatever it wrote, it wrote by now at the latest.
    entry.holderUnknown();
    const waiting = entry.waitingTouches.indexOf(inFlight);
    if (waiting >= 0) entry.waitingTouches.splice(waiting, 1);
  }
  core.table.touchOver(touching.database);
}

/** Redis is away and the key not settled: touches that have waited for long enough are told. */
export function expireTouches(core: LockCore, entry: LockEntry, nowMs: number): void {
  const dueMs = nowMs - core.options.reconnectWaitMs;
  for (const inFlight of entry.waitingTouches.filter(({ sinceMs }) => sinceMs <= dueMs)) {
    // They wait for no other key any more either.
    for (const one of inFlight.entries) {
      const at = one.waitingTouches.indexOf(inFlight);
      if (at >= 0) one.waitingTouches.splice(at, 1);
    }
    try {
      if (!inFlight.over) inFlight.touch.unsettled();
    } catch (error) {
      core.broken(entry, error);
    }
  }
}

/** No token of ours is in this key, nor on its way there. */
export function readyTouches(core: LockCore, entry: LockEntry): void {
  if (entry.mayHoldToken()) throw new Error('touches let go on with a token in the key');
  for (const inFlight of entry.waitingTouches.splice(0)) {
    inFlight.unsettled--;
    if (inFlight.unsettled > 0 || inFlight.over) continue;
    try {
      inFlight.touch.ready();
    } catch (error) {
      core.broken(entry, error);
    }
  }
}
