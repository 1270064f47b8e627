import type { AcquireIntent } from '../intent/intent.js';
import type { Flight, LockCore } from './core.js';
import type { Delegation } from './delegation.js';
import type { LockEntry, Pending } from './entry.js';
import { failed } from './failure.js';
import { leaseMsFor } from './lease.js';
import { FENCE_COUNTER } from './names.js';
import { noteGranted } from './outcome.js';
import { noteHeld, noteTokenGone } from './proof.js';
import { askOwner } from './recall.js';
import { asksPlainly, refuse, shareRefusal } from './refusal.js';
import { latestRunMs, numberAt, type Reply, textAt } from './replies.js';
import { adoptUnknownToken } from './reservation.js';
import { givingArgs } from './settle.js';
import { giveUpTicket, strayed, ticketOver } from './strays.js';
import { Ticket } from './ticket.js';
import { mayStay } from './waiting/parking.js';
import { watchHolder } from './watch.js';

/** A ticket that a `want` offers. */
interface Offer {
  readonly token: string;
  readonly ttlMs: number;
  readonly leaseMs: number;
}

/** One `want` on its way: for whom, and what it may bring. */
interface Wanting {
  readonly pending: Pending;
  readonly intent: AcquireIntent;
  readonly delegation: Delegation | null;
  readonly offer: Offer | null;
  /** Whether retriers wait: the ticket stays beside a holder. */
  readonly waits: boolean;
  /** How many waited behind when it was sent. */
  readonly waiting: number;
  /** Parkings and hints of the line by then. */
  readonly parkings: number;
  readonly changes: number;
}

/**
 * Sends `want` for this request, which was taken out of the line or the queue: takes the lock where
 * it is idle, and asks the proxy for it that has it in delegation. Names our own token there, if we
 * have one in the key or in the fleet's line for it.
 */
export function askThroughRedis(core: LockCore, entry: LockEntry, pending: Pending): void {
  const { intent } = pending.request;
  if (intent.kind !== 'acquire') throw new Error('only an acquire is asked for');
  const { delegation, ticket: earlier, line } = entry;
  const nowMs = core.world.monotonicMs();
  const offer = offerOf(core, entry);
  const waits = line.waits() || mayStay(core, entry, pending, nowMs);
  const wanting: Wanting = {
    pending,
    intent,
    delegation,
    offer,
    waits,
    waiting: entry.queue.length,
    parkings: line.parkings,
    changes: line.changes,
  };
  const keys = [entry.key, entry.companion, FENCE_COUNTER];
  const args = [
    intent.value,
    intent.ttlMs,
    delegation?.token ?? earlier?.token ?? '',
    entry.holder?.value ?? '',
    core.proxy,
    ...givingArgs(core, entry),
    waits ? 1 : 0,
    offer?.token ?? '',
    offer?.ttlMs ?? 0,
    offer?.leaseMs ?? 0,
    allStay(core, entry, pending, nowMs) ? 0 : 1,
  ];
  entry.offersTicket = offer !== null;
  core.send(entry, 'want', keys, args, pending, (reply, flight) => {
    answered(core, entry, wanting, reply, flight);
  });
}

/** A ticket's token may come into the key at any time: not while a client's own command may see it. */
function offerOf(core: LockCore, entry: LockEntry): Offer | null {
  const isTouched = entry.touchesInFlight > 0 || entry.home.touchesInFlight > 0;
  if (core.paused || isTouched || entry.passesInFlight > 0) return null;
  // Who is told nothing, would let the lock lie that it is passed.
  if (core.world.hearsNotices?.() === false) return null;
  const { options } = core;
  const timeoutMs = core.roundTrip.recallTimeoutMs();
  const ttlMs = Math.ceil(Math.max(2 * timeoutMs, options.ticketMinMs));
  const marginMs = (ttlMs * options.marginPercent) / 100 + options.marginMinMs;
  const leaseMs = Math.max(
    leaseMsFor(entry.ttlMs, options),
    Math.ceil(ttlMs + marginMs + timeoutMs),
  );
  return { token: core.newToken(), ttlMs, leaseMs };
}

/** Whether all who take the answer can be made to wait: then nobody has to be told at once. */
function allStay(core: LockCore, entry: LockEntry, pending: Pending, nowMs: number): boolean {
  if (!mayStay(core, entry, pending, nowMs)) return false;
  for (const next of entry.queue) {
    if (!asksPlainly(core, next)) return true;
    if (!mayStay(core, entry, next, nowMs)) return false;
  }
  return true;
}

function answered(
  core: LockCore,
  entry: LockEntry,
  wanting: Wanting,
  reply: Reply,
  flight: Flight,
): void {
  const { pending, delegation, waiting } = wanting;
  const nowMs = core.world.monotonicMs();
  switch (reply.status) {
    case 'yours':
      ticketOver(core, entry);
      yours(core, entry, wanting, reply, flight, nowMs);
      return;
    case 'held':
      takeTicket(core, entry, wanting.waits ? wanting.offer : null, flight, nowMs);
      if (delegation !== null) {
        noteTokenGone(core, entry, delegation, 'value', flight, nowMs);
        core.endDelegation(entry);
      } else {
        noteHeld(core, entry, numberAt(reply, 1) === 1, flight, nowMs);
      }
      holderSeen(core, entry, reply, flight, nowMs);
      watchHolder(core, entry);
      notFree(entry, wanting, reply, 2, flight, nowMs);
      entry.line.answeredHeld(wanting.parkings);
      refuse(core, entry, pending, nowMs);
      shareRefusal(core, entry, waiting, nowMs);
      return;
    case 'asked':
      if (delegation !== null) {
        noteTokenGone(core, entry, delegation, 'token', flight, nowMs);
        core.endDelegation(entry);
      }
      // Another client of this fleet may have it next, unseen by us.
      entry.holderUnknown();
      takeTicket(core, entry, wanting.offer, flight, nowMs);
      notFree(entry, wanting, reply, 1, flight, nowMs);
      askOwner(core, entry, pending, waiting, nowMs);
      return;
    case 'delegated':
      if (delegation !== null) {
        noteTokenGone(core, entry, delegation, 'token', flight, nowMs);
        core.endDelegation(entry);
      }
      if (adoptUnknownToken(core, entry, reply)) entry.queue.unshift(pending);
      else {
        // An earlier run's: till its lease is over it is asked about no more often than a holder.
        notFree(entry, wanting, reply, 1, flight, nowMs);
        refuse(core, entry, pending, nowMs);
      }
      return;
    default:
      if (reply.status === 'unknown' || reply.status === 'unexpected') {
        ticketsInDoubt(core, entry, wanting, reply, flight, nowMs);
      }
      failed(core, entry, pending, reply);
  }
}

function yours(
  core: LockCore,
  entry: LockEntry,
  { pending, intent, delegation }: Wanting,
  reply: Reply,
  flight: Flight,
  nowMs: number,
): void {
  const { value, ttlMs } = intent;
  if (delegation !== null) {
    core.endReservation(entry, delegation, true, nowMs);
    if (textAt(reply, 2) === 'absent') {
      noteTokenGone(core, entry, delegation, 'absent', flight, nowMs);
    }
    core.endDelegation(entry);
  }
  entry.sawNoHolder();
  if (!core.deliver(entry, pending, 'granted')) {
    // Invariant 12: nobody heard of this grant, so it may be taken back.
    core.counters.grantsUndone++;
    entry.undo = value;
    return;
  }
  entry.holder = {
    value,
    clientId: pending.request.clientId,
    grantedAtMs: nowMs,
    endsAtMs: nowMs + ttlMs,
    fence: numberAt(reply, 1),
    sure: core.sureFor(ttlMs, flight),
  };
  entry.tenure.granted(nowMs);
  noteGranted(core, entry, pending.request, false, nowMs);
  if (entry.line.waits() || entry.queue.length > 0) watchHolder(core, entry);
}

/** What a refusal by Redis tells of the holder: who it is, and for how long at most. */
function holderSeen(
  core: LockCore,
  entry: LockEntry,
  reply: Reply,
  flight: Flight,
  nowMs: number,
): void {
  const leftMs = numberAt(reply, 2);
  const { holder } = entry;
  if (holder === null || numberAt(reply, 1) !== 1 || leftMs < 0) return;
  holder.endsAtMs = nowMs + leftMs;
  if (flight.trusted && flight.alone) holder.sure = core.sureFor(leftMs, flight);
}

/** Until when what is in the key stays there, as the number at `leftAt` of the answer has it. */
function notFree(
  { line }: LockEntry,
  { changes, waits }: Wanting,
  reply: Reply,
  leftAt: number,
  flight: Flight,
  nowMs: number,
): void {
  const leftMs = numberAt(reply, leftAt);
  line.askedAtMs = flight.sentMonotonicMs;
  line.askedWithPlace = waits;
  line.heldUntilMs = leftMs >= 0 ? nowMs + leftMs : Infinity;
  if (line.changes !== changes) line.changed();
}

/** The offered ticket is in Redis, in place of an earlier one. */
function takeTicket(
  core: LockCore,
  entry: LockEntry,
  offer: Offer | null,
  flight: Flight,
  nowMs: number,
): void {
  ticketOver(core, entry);
  if (offer === null) return;
  entry.ticket = ticketOf(core, offer, flight, nowMs);
  core.delegated.add(entry);
  // What was told since it was sent may have been missed.
  if (!flight.trusted) giveUpTicket(core, entry);
}

function ticketOf(core: LockCore, offer: Offer, flight: Flight, ranByMs: number): Ticket {
  const { token, ttlMs, leaseMs } = offer;
  const { sentMonotonicMs, sentWallMs } = flight;
  return new Ticket(token, ttlMs, leaseMs, sentMonotonicMs, sentWallMs, ranByMs, core.options);
}

/** Neither the ticket that was there nor the one that was offered can be relied upon. */
function ticketsInDoubt(
  core: LockCore,
  entry: LockEntry,
  { offer }: Wanting,
  reply: Reply,
  flight: Flight,
  nowMs: number,
): void {
  giveUpTicket(core, entry);
  if (offer === null) return;
  const ticket = ticketOf(core, offer, flight, latestRunMs(reply, nowMs, core.options));
  strayed(core, entry, ticket.token, ticket.goneAtMs);
}
