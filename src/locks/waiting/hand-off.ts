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
    while (!handed && line.waits() && !othersHaveTheirTurn(core, entry)) {
      const pending = line.next();
      if (pending === null) return;
      const { place } = pending;
      const nowMs = core.world.monotonicMs();
      if (place === null) return;
      if (!grantFromMemory(core, entry, delegation, pending.request, nowMs)) {
        line.back(place, pending);
        return;
      }
      line.handOffs++;
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

/** After some hand-offs in a row those who wait elsewhere have their turn. */
export function othersHaveTheirTurn(core: LockCore, entry: LockEntry): boolean {
  return entry.othersWait && entry.line.handOffs >= core.options.localHandOffsMax;
}
