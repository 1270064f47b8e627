import type { LockCore } from './core.js';
import { Delegation } from './delegation.js';
import type { LockEntry } from './entry.js';
import { numberAt, type Reply, textAt } from './replies.js';
import type { Ticket } from './ticket.js';

/** What comes along with a token that is passed on. */
export interface Passed {
  readonly token: string;
  /** The first number of its block of fences, and how many there are. */
  readonly fence: number;
  readonly fences: number;
  /** For how long the fleet has kept the key. */
  readonly keptMs: number;
  /** Whether others wait behind, or may. */
  readonly further: boolean;
}

/**
 * Redis has passed the key on to our ticket: we alone decide who gets it, until its lease is over.
 * Counts once: the ticket is over with it. The caller has made sure that no script of the key is on
 * its way, which might have replaced that ticket.
 */
export function transferred(
  core: LockCore,
  entry: LockEntry,
  ticket: Ticket,
  { token, fence, fences, keptMs, further }: Passed,
): void {
  if (ticket.token !== token || entry.ticket !== ticket) throw new Error('not our ticket');
  const nowMs = core.world.monotonicMs();
  core.counters.transfersIn++;
  const delegation = new Delegation(token, fence, fence + fences, Number.NaN, -Infinity);
  ticket.begin(delegation.lease, nowMs, core.options);
  // Others are served once one of ours was, who has waited for this.
  delegation.transferred = true;
  if (further) delegation.recall(nowMs);
  entry.sawNoHolder();
  entry.tenure.kept(nowMs, keptMs);
  core.beginDelegation(entry, delegation);
  entry.ticket = null;
  answerAsking(entry);
}

/** Whoever has waited for another proxy's answer goes on, before all who came later. */
export function answerAsking(entry: LockEntry): void {
  const { asking } = entry;
  if (asking === null) return;
  entry.asking = null;
  entry.queue.unshift(...asking.pendings.filter(({ abandoned }) => !abandoned));
}

/** A script of ours has passed the key on: to another proxy, or to a ticket of our own. */
export function passedOn(core: LockCore, entry: LockEntry, reply: Reply): void {
  const token = textAt(reply, 1);
  const { ticket } = entry;
  if (ticket === null || ticket.token !== token) {
    core.counters.transfersOut++;
    entry.sawNoHolder();
    entry.holderUnknown();
    entry.tenure.passedOn(core.world.monotonicMs());
    // Who waits here takes a place behind those.
    entry.line.changed();
    return;
  }
  const [fence, fences, keptMs] = [numberAt(reply, 2), numberAt(reply, 3), numberAt(reply, 4)];
  transferred(core, entry, ticket, {
    token,
    fence,
    fences,
    keptMs,
    further: numberAt(reply, 5) > 0,
  });
}
