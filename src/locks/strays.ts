import type { LockCore } from './core.js';
import type { LockEntry } from './entry.js';
import type { Stray } from './ticket.js';

/** Tickets that end, and tokens of ours from which nothing is granted. */

/** A token that may be in the key, or come into it, is taken back by name before all else. */
export function strayed(core: LockCore, entry: LockEntry, token: string, goneAtMs: number): void {
  if (entry.strays.some(stray => stray.token === token)) return;
  entry.strays.push({ token, goneAtMs });
  core.delegated.add(entry);
  core.wakeBy(entry, core.world.monotonicMs());
}

export function strayOver(core: LockCore, entry: LockEntry, stray: Stray): void {
  const index = entry.strays.indexOf(stray);
  if (index >= 0) entry.strays.splice(index, 1);
  core.leaveIfClean(entry);
}

/** The ticket is not relied on any more: it is withdrawn, and the token that it may have brought. */
export function giveUpTicket(core: LockCore, entry: LockEntry): void {
  const { ticket } = entry;
  if (ticket === null) return;
  entry.ticket = null;
  strayed(core, entry, ticket.token, ticket.goneAtMs);
  // By that ticket the owner would have answered: Redis is asked instead.
  const { asking } = entry;
  if (asking !== null) entry.asking = { ...asking, againAtMs: core.world.monotonicMs() };
}

/** The ticket is over in Redis, one way or the other. */
export function ticketOver(core: LockCore, entry: LockEntry): void {
  entry.ticket = null;
  core.leaveIfClean(entry);
}
