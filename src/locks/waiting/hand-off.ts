import type { LockCore } from '../core.js';
import type { Delegation } from '../delegation.js';
import type { LockEntry } from '../entry.js';
import { grantFromMemory } from '../grant.js';

/**
 * The lock is free and ours: the next in the line has it at once, from memory, before anything else
 * happens. Whether somebody has it now.
 */
export function handOff(core: LockCore, entry: LockEntry, delegation: Delegation): boolean {
  const { line } = entry;
  if (!line.waits()) return false;
  let handed = false;
  core.holding(entry, () => {
    while (!handed && line.waits()) {
      const nowMs = core.world.monotonicMs();
      if (othersHaveTheirTurn(core, delegation, nowMs)) return;
      const pending = line.next();
      if (pending === null) return;
      const { place } = pending;
      if (place === null) return;
      if (!grantFromMemory(core, entry, delegation, pending.request, nowMs)) {
        line.back(place, pending);
        return;
      }
      if (delegation.recalled) delegation.handOffs++;
      core.counters.handOffs++;
      handed = core.deliver(entry, pending, 'granted');
      if (handed) {
        core.wakeBy(entry, delegation.grant.endsAtMs);
      } else {
        // Invariant 12: nobody heard of this grant, so it is the next one's turn.
        core.counters.grantsUndone++;
        delegation.grant.free();
      }
    }
  });
  // What clients asked from within their verdicts has waited for the end of it.
  if (!entry.advancing && entry.queue.length > 0) core.advance(entry);
  return handed;
}

/**
 * Those who wait at other proxies have their turn once they have asked for it, and a moment or some
 * hand-offs later; but whoever was given the key by another proxy serves one of its own first: else
 * two proxies could pass it to and fro without end.
 */
export function othersHaveTheirTurn(
  { options }: LockCore,
  delegation: Delegation,
  nowMs: number,
): boolean {
  if (!delegation.recalled) return false;
  if (delegation.transferred && delegation.grant.number === 0) return false;
  const { recallHoldMs, localHandOffsMax } = options;
  return delegation.handOffs >= localHandOffsMax || nowMs >= delegation.recalledAtMs + recallHoldMs;
}
