import type { TokenNotice } from './contract.js';
import type { LockCore } from './core.js';
import type { LockEntry, Pending } from './entry.js';
import { leaseMsFor } from './lease.js';
import { asksPlainly, refuse, shareRefusal } from './refusal.js';
import { materializeForOthers } from './settle.js';
import { giveUpTicket, strayed, strayOver } from './strays.js';
import { answerAsking, transferred } from './transfer.js';
import { stays } from './waiting/parking.js';

/**
 * What scripts of other proxies tell this one. It is told once, perhaps late, perhaps never: what is
 * done upon it is done by exact token, and only for what is known here.
 */
export function told(core: LockCore, entry: LockEntry, notice: TokenNotice): void {
  keepNotice(entry, notice);
  core.advance(entry);
}

/** More than that are on their way at a time only where somebody else writes to our channel. */
const NOTICES_MAX = 8;
const STRAYS_MAX = 16;

/** Where a script is on its way, what it does to this very token is not known yet: it waits for that. */
function keepNotice({ notices }: LockEntry, notice: TokenNotice): void {
  const known = notices.findIndex(({ kind, token }) => {
    return kind === notice.kind && token === notice.token;
  });
  const before = notices[known];
  if (before === undefined) {
    if (notices.length >= NOTICES_MAX) notices.shift();
    notices.push(notice);
  } else if (before.kind === 'recall' && notice.kind === 'recall') {
    notices[known] = { ...notice, waits: notice.waits && before.waits };
  }
}

/** Goes through what was told, as long as no script of the key is on its way. */
export function heed(core: LockCore, entry: LockEntry): void {
  while (entry.script === null) {
    const notice = entry.notices.shift();
    if (notice === undefined) return;
    switch (notice.kind) {
      case 'recall':
        recalled(core, entry, notice.token, notice.waits);
        break;
      case 'transfer':
        passedToUs(core, entry, notice);
        break;
      case 'held':
        heldElsewhere(core, entry, notice.token);
    }
  }
}

/** Invariant 7: an idle reservation is given back at once; who holds the lock, holds it. */
function recalled(core: LockCore, entry: LockEntry, token: string, waits: boolean): void {
  const { delegation, ticket } = entry;
  if (delegation?.token === token) {
    if (delegation.doubted !== null) return;
    const nowMs = core.world.monotonicMs();
    if (!delegation.recalled) backOff(core, entry, nowMs);
    core.counters.recalls++;
    delegation.recall(nowMs);
    // Who does not wait for the lock is to know that it is held.
    if (delegation.grant.live(nowMs) && !waits) materializeForOthers(core, entry, delegation);
    return;
  }
  if (ticket?.token === token) {
    // It was passed on to us, since others find it in the key: to be told of it is not needed.
    transferred(core, entry, ticket, { token, fence: 0, fences: 0, keptMs: 0, further: true });
    return;
  }
  if (token !== entry.endedToken) freeUnknown(core, entry, token);
}

/** The key is used elsewhere: it is not reserved here for a while. */
function backOff(core: LockCore, entry: LockEntry, nowMs: number): void {
  const { recallBackOffMs, recallBackOffMaxMs } = core.options;
  const isRepeated = nowMs < entry.backOffUntilMs + 2 * entry.backOffMs;
  entry.backOffMs = isRepeated
    ? Math.min(2 * entry.backOffMs, recallBackOffMaxMs)
    : recallBackOffMs;
  entry.backOffUntilMs = nowMs + entry.backOffMs;
}

function passedToUs(
  core: LockCore,
  entry: LockEntry,
  notice: Extract<TokenNotice, { kind: 'transfer' }>,
): void {
  const { ticket, delegation } = entry;
  const { token } = notice;
  if (ticket?.token === token) transferred(core, entry, ticket, notice);
  else if (delegation?.token !== token && token !== entry.endedToken) {
    freeUnknown(core, entry, token);
  }
}

/** Nothing was ever granted from it: a ticket that was given up, a script of unknown fate. */
function freeUnknown(core: LockCore, entry: LockEntry, token: string): void {
  if (!token.startsWith(core.tokenPrefix())) return;
  // What is more than that is left to its lease.
  if (entry.strays.length >= STRAYS_MAX) return;
  const { coverLimitMs } = core.options;
  const leaseMs = leaseMsFor(coverLimitMs, core.options);
  strayed(core, entry, token, core.world.monotonicMs() + leaseMs * 1.02);
}

/**
 * The owner has written its holder's value into the key: the answer to those who have asked. Not to
 * who came later, since what was told may have waited here while the holder was.
 */
function heldElsewhere(core: LockCore, entry: LockEntry, token: string): void {
  if (entry.ticket?.token === token) refuseAsking(core, entry);
}

/**
 * Another proxy has the key in delegation, and was told of it: who may wait is parked, and the others
 * wait for its answer, with those who came before the question was sent.
 */
export function askOwner(
  core: LockCore,
  entry: LockEntry,
  first: Pending,
  waiting: number,
  nowMs: number,
): void {
  core.counters.asks++;
  const pendings: Pending[] = [];
  let next: Pending | undefined = first;
  for (let shared = 0; next !== undefined; shared++) {
    if (!next.abandoned && !stays(core, entry, next, false, nowMs)) pendings.push(next);
    const head: Pending | undefined = entry.queue[0];
    const takesPart = shared < waiting && head !== undefined && asksPlainly(core, head);
    next = takesPart ? entry.queue.shift() : undefined;
  }
  if (pendings.length === 0) return;
  const timeoutMs = core.roundTrip.recallTimeoutMs();
  let untilMs = nowMs + timeoutMs;
  let againAtMs = nowMs + timeoutMs / 2;
  for (const pending of pendings) {
    if (Number.isNaN(pending.askedUntilMs)) continue;
    untilMs = Math.min(untilMs, pending.askedUntilMs);
    // Without a ticket no answer can come but by asking.
    againAtMs = entry.ticket === null ? nowMs + timeoutMs / 4 : Infinity;
  }
  for (const pending of pendings) pending.askedUntilMs = untilMs;
  entry.asking = { pendings, untilMs, againAtMs };
}

function refuseAsking(core: LockCore, entry: LockEntry): void {
  const { asking } = entry;
  if (asking === null) return;
  entry.asking = null;
  const nowMs = core.world.monotonicMs();
  for (const pending of asking.pendings) {
    if (!pending.abandoned) refuse(core, entry, pending, nowMs);
  }
}

/** What time does to those who wait for another proxy, and to what they wait by. */
export function reviewAsking(core: LockCore, entry: LockEntry): void {
  const { asking, ticket, strays } = entry;
  const nowMs = core.world.monotonicMs();
  for (const stray of [...strays]) if (nowMs >= stray.goneAtMs) strayOver(core, entry, stray);
  // Nothing was heard of it, which may have been lost on the way: its token, which nobody else here
  // would know, might lie in the key until its lease is over, and refuse what is passed on (invariant 4).
  if (ticket !== null && nowMs >= ticket.overAtMs) giveUpTicket(core, entry);
  if (asking === null) return;
  if (nowMs >= asking.untilMs) {
    core.counters.recallTimeouts++;
    core.holding(entry, () => {
      refuseAsking(core, entry);
      shareRefusal(core, entry, entry.queue.length, nowMs);
    });
  } else if (nowMs >= asking.againAtMs) {
    answerAsking(entry);
  }
}

/** The next moment that matters to them; Infinity where none does. */
export function askingDueAtMs({ asking, ticket, strays }: LockEntry): number {
  let dueAtMs = asking === null ? Infinity : Math.min(asking.untilMs, asking.againAtMs);
  if (ticket !== null) dueAtMs = Math.min(dueAtMs, ticket.overAtMs);
  for (const stray of strays) dueAtMs = Math.min(dueAtMs, stray.goneAtMs);
  return dueAtMs;
}
