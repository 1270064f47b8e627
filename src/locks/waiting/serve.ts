import type { LockCore } from '../core.js';
import type { LockEntry } from '../entry.js';
import { settle } from '../settle.js';
import { askThroughRedis } from '../want.js';
import { handOff, othersHaveTheirTurn } from './hand-off.js';
import { askAtMs } from './wake.js';

/**
 * Gives the lock to whoever has waited for longest, if it may be free: from memory where that is
 * covered, else by asking Redis. Whether anything was done; the caller has made sure that no script
 * of the key is on its way, and that nothing has to be settled first.
 */
export function serveWaiters(core: LockCore, entry: LockEntry): boolean {
  const { line, delegation } = entry;
  if (!line.waits() || entry.asking !== null) return false;
  const nowMs = core.world.monotonicMs();
  if (delegation !== null) {
    const { grant } = delegation;
    if (delegation.doubted !== null || grant.live(nowMs)) return false;
    // A holder whose TTL ran out has lost its lock, as in Redis.
    if (grant.taken) grant.free();
    if (handOff(core, entry, delegation)) return true;
    if (othersHaveTheirTurn(core, delegation, nowMs)) return settle(core, entry);
  } else if (nowMs < askAtMs(core, entry, nowMs)) {
    return false;
  }
  if (core.upstreamAway() || entry.script !== null) return false;
  if (entry.delegation !== delegation || delegation?.doubted != null) return true;
  const pending = line.next();
  if (pending === null) return false;
  askThroughRedis(core, entry, pending);
  return true;
}
