import type {
  AllocationPolicy,
  LockFeedback,
  LockRequest,
  LockWorld,
  ScriptName,
  Touch,
  Verdict,
} from './contract.js';
import { LockCounters } from './counters.js';
import type { Delegation } from './delegation.js';
import type { Certainty, LockEntry, Pending, TouchInFlight } from './entry.js';
import { MaterializeQueue } from './materializing.js';
import { OWN_PREFIX } from './names.js';
import type { LockOptions } from './options.js';
import { type Reply, replyOf } from './replies.js';
import { RoundTrip } from './round-trip.js';
import { Sightings } from './sightings.js';
import { giveUpTicket } from './strays.js';
import { LockTable } from './table.js';
import { Retries } from './waiting/retries.js';

/** Nothing is sure of it. */
export const UNSURE: Certainty = {
  untilMonotonicMs: -Infinity,
  untilWallMs: -Infinity,
  generation: -1,
};

/** When a script was sent, and whether what it was sent under still holds. */
export interface Flight {
  readonly sentMonotonicMs: number;
  readonly sentWallMs: number;
  /** No doubt about the whole upstream came up while the script was on its way. */
  readonly trusted: boolean;
  /** No command of our own clients overlapped it on this key. */
  readonly alone: boolean;
}

export interface LockRules {
  /** Goes on with whatever waits for this entry. */
  advance(core: LockCore, entry: LockEntry): void;
  /** Looks at what time has done to this entry. */
  review(core: LockCore, entry: LockEntry): void;
}

/**
 * What the rules of the lock manager share: the world, the table, and the few acts that every rule
 * is made of (send a script, begin and end a delegation, doubt). The rules themselves are in the
 * files named after them.
 */
export class LockCore {
  readonly table: LockTable;
  readonly sightings: Sightings;
  readonly counters = new LockCounters();
  /** Entries in whose key Redis may have a token of ours: doubted, or on its way there, too. */
  readonly delegated = new Set<LockEntry>();
  /** Touches that concern entries, or a database as a whole. */
  readonly touches = new Map<Touch, TouchInFlight>();
  /** Lock commands that went to Redis as the client wrote them. */
  private readonly passes = new Map<LockRequest, LockEntry>();
  readonly materializing: MaterializeQueue;
  /** What clients do when they are refused. */
  readonly retries: Retries;
  /**
   * Those that were passed on while their key was not in the table: seen once, or without room.
   * By database and key, since thousands may be on their way when one of their keys enters.
   */
  private readonly passesWithoutEntry = new Map<string, Set<LockRequest>>();
  upstreamDown = false;
  /** No new delegations, and those that are there are given back. */
  paused = false;
  /** Called when a delegation ended: a drain may be over. */
  delegationEnded: () => void = () => {};
  /** To other proxies. */
  questions = 0;
  /** Counts doubts about the whole upstream: what was heard before one proves nothing after it. */
  generation = 0;
  readonly roundTrip: RoundTrip;
  private tokens = 0;

  constructor(
    readonly options: LockOptions,
    readonly world: LockWorld,
    readonly feedback: LockFeedback,
    readonly policy: AllocationPolicy,
    readonly proxy: string,
    readonly epoch: string,
    private readonly rules: LockRules,
  ) {
    this.table = new LockTable(options, this.counters);
    this.sightings = new Sightings(options);
    this.roundTrip = new RoundTrip(options);
    this.retries = new Retries(options);
    this.materializing = new MaterializeQueue(world, entry => this.advance(entry));
  }

  advance(entry: LockEntry): void {
    this.rules.advance(this, entry);
  }

  /** Makes sure that the entry is reviewed by then; a review arms the next one itself. */
  wakeBy(entry: LockEntry, atMs: number): void {
    if (atMs >= entry.wakeAtMs) return;
    if (entry.wakeHandle !== null) this.world.cancelTimer(entry.wakeHandle);
    entry.wakeAtMs = atMs;
    entry.wakeHandle = this.world.setTimer(atMs, () => {
      entry.wakeAtMs = Infinity;
      entry.wakeHandle = null;
      this.rules.review(this, entry);
    });
  }

  /** Never used twice: the epoch is new with each start, the number with each token. */
  newToken(): string {
    return `${this.tokenPrefix()}${++this.tokens}`;
  }

  tokenPrefix(): string {
    return `${OWN_PREFIX}${this.proxy}:${this.epoch}:`;
  }

  /** Runs what may call clients: what they ask of this key meanwhile waits until it is done. */
  holding(entry: LockEntry, act: () => void): void {
    const advancing = entry.advancing;
    entry.advancing = true;
    try {
      act();
    } finally {
      entry.advancing = advancing;
    }
  }

  /** Sends one script for this entry; `answered` is told once, then the entry goes on. */
  send(
    entry: LockEntry,
    script: ScriptName,
    keys: readonly string[],
    args: readonly (string | number)[],
    pending: Pending | null,
    answered: (reply: Reply, flight: Flight) => void,
  ): void {
    if (entry.script !== null)
      throw new Error(`two scripts of one key: ${entry.script}, ${script}`);
    entry.script = script;
    entry.current = pending;
    if (entry.mayHoldToken()) this.delegated.add(entry);
    this.counters.scripts[script]++;
    const sentMonotonicMs = this.world.monotonicMs();
    const sentWallMs = this.world.wallMs();
    const generation = this.generation;
    const passesEnded = entry.passesEnded;
    const passesBefore = entry.passesInFlight;
    let told = false;
    this.world.run({ script, database: entry.database, keys, args }, answer => {
      if (told) return;
      told = true;
      entry.script = null;
      entry.current = null;
      entry.offersTicket = false;
      if (answer.kind === 'answer')
        this.roundTrip.measured(this.world.monotonicMs() - sentMonotonicMs);
      const flight: Flight = {
        sentMonotonicMs,
        sentWallMs,
        trusted: generation === this.generation && !this.upstreamDown,
        alone:
          passesBefore === 0 && entry.passesInFlight === 0 && passesEnded === entry.passesEnded,
      };
      // A client that asks again from within its verdict waits until this answer is dealt with.
      const advancing = entry.advancing;
      entry.advancing = true;
      try {
        answered(replyOf(script, answer), flight);
      } catch (error) {
        this.broken(entry, error);
        if (pending !== null && !pending.settled) this.deliver(entry, pending, 'lost');
      }
      entry.advancing = advancing;
      this.leaveIfClean(entry);
      this.advance(entry);
    });
  }

  /** A broken assumption is a defect of ours: it ends the delegation of that key, no more. */
  broken(entry: LockEntry, error: unknown): void {
    this.counters.assertions++;
    this.doubt(entry, `broken assumption: ${error instanceof Error ? error.message : error}`);
  }

  /** Our token is in the key, or may be. */
  beginDelegation(entry: LockEntry, delegation: Delegation): void {
    if (entry.delegation !== null) throw new Error('two delegations of one key');
    entry.delegation = delegation;
    this.delegated.add(entry);
    const { journal } = this.world;
    if (journal !== undefined) {
      const number = journal.delegated(entry.database, entry.key, delegation.token);
      delegation.grant.writeTo(journal, number);
    }
    this.confirmLease(entry, delegation);
  }

  /** A lease has begun, or begun anew: where it has to be confirmed, it counts for cover only then. */
  confirmLease(entry: LockEntry, delegation: Delegation): void {
    const { confirmation } = this.world;
    if (confirmation === undefined) return;
    const { lease, grant } = delegation;
    const end = lease.end();
    confirmation.ask(yes => {
      if (yes) {
        this.counters.leasesConfirmed++;
        lease.confirm(end);
        return;
      }
      this.counters.leasesUnconfirmed++;
      if (entry.delegation !== delegation || grant.taken || lease.isConfirmed) return;
      // Nothing can be granted from it: it is given back.
      delegation.keptUntilMs = -Infinity;
      this.wakeBy(entry, this.world.monotonicMs());
    });
  }

  /** Our token is certainly not in the key any more. */
  endDelegation(entry: LockEntry): void {
    if (entry.delegation !== null) entry.endedToken = entry.delegation.token;
    entry.delegation?.grant.end();
    entry.delegation = null;
    this.leaveIfClean(entry);
  }

  /** No token of ours is in the key, nor can come into it. */
  leaveIfClean(entry: LockEntry): void {
    if (!entry.mayHoldToken() && this.delegated.delete(entry)) this.delegationEnded();
  }

  /** Invariant 6: no further grant from this delegation; it is settled and over. */
  doubt(entry: LockEntry, reason: string): void {
    const delegation = entry.delegation;
    if (delegation !== null) {
      delegation.doubted ??= reason;
      this.wakeBy(entry, this.world.monotonicMs());
    }
    this.counters.doubts++;
    this.world.doubt(reason, entry.database, entry.key);
  }

  /** Invariant 6 for everything at once: what was heard before proves nothing any more. */
  doubtAll(reason: string): void {
    this.generation++;
    for (const entry of this.delegated) {
      // What is told may have been missed: a ticket may have brought its token unheard.
      giveUpTicket(this, entry);
      if (entry.delegation?.doubted === null) this.doubt(entry, reason);
    }
  }

  /** An idle delegation found its request, or did not. */
  endReservation(entry: LockEntry, delegation: Delegation, used: boolean, nowMs: number): void {
    const keptMs = nowMs - delegation.keptFromMs;
    if (Number.isNaN(keptMs)) return;
    delegation.keptFromMs = Number.NaN;
    if (used) this.counters.reservationsUsed++;
    else this.counters.reservationsWasted++;
    this.feedback.reservationEnded(entry.database, entry.key, used, keptMs);
  }

  /**
   * How long Redis keeps a value for sure to which a script, sent at those times, gave that TTL: as
   * long as the margin lets it, since Redis's clock may run faster.
   */
  sureFor(ttlMs: number, { sentMonotonicMs, sentWallMs }: Flight): Certainty {
    const { marginPercent, marginMinMs } = this.options;
    const sureMs = ttlMs - Math.max((ttlMs * marginPercent) / 100, marginMinMs);
    return {
      untilMonotonicMs: sentMonotonicMs + sureMs,
      untilWallMs: sentWallMs + sureMs,
      generation: this.generation,
    };
  }

  isSure({ untilMonotonicMs, untilWallMs, generation }: Certainty, nowMs: number): boolean {
    return (
      generation === this.generation &&
      nowMs < untilMonotonicMs &&
      this.world.wallMs() < untilWallMs &&
      this.upstreamHeard(nowMs)
    );
  }

  /** Whether scripts can't be sent: the world may know before it says so. */
  upstreamAway(): boolean {
    return this.upstreamDown || this.world.lastHeardAtMs() === -Infinity;
  }

  /** Whether Redis has answered anything lately: asked at every grant from memory. */
  upstreamHeard(nowMs: number): boolean {
    return (
      !this.upstreamDown && nowMs - this.world.lastHeardAtMs() <= this.options.upstreamSilenceMs
    );
  }

  /**
   * The key's clients don't all come through here, or do more with it than lock: it and its
   * template are left to Redis for a while.
   */
  foreignHolder(entry: LockEntry, nowMs: number): void {
    this.counters.foreignHolders++;
    this.counters.templateBars++;
    entry.proof = 0;
    entry.tenure.foreign();
    this.table.templates.barForForeignHolder(entry.template, nowMs);
  }

  barForTouch(entry: LockEntry, nowMs: number): void {
    entry.proof = 0;
    if (entry.declared) return;
    this.counters.templateBars++;
    this.table.templates.barForTouch(entry.template, nowMs);
  }

  /** Gives a request its verdict; false where nobody heard it. */
  deliver(entry: LockEntry, pending: Pending, verdict: Verdict): boolean {
    if (verdict === 'lost') this.counters.losses++;
    if (verdict === 'pass') this.beginPass(entry, pending.request);
    pending.settled = true;
    const { place } = pending;
    if (place !== null && place.state !== 'kept') entry.line.leave(place);
    pending.place = null;
    // What a client that is gone has given up, shall not stay until its TTL: Redis is to hear of it.
    const outlives = verdict === 'pass' && pending.request.intent.kind !== 'acquire';
    const heard = (!pending.abandoned || outlives) && pending.request.settle(verdict);
    if (verdict === 'pass' && !heard) this.endPass(pending.request);
    return heard;
  }

  beginPass(entry: LockEntry, request: LockRequest): void {
    this.counters.passes++;
    entry.passesInFlight++;
    this.passes.set(request, entry);
  }

  /** Whether a client of ours may have got a lock on a key that is not in the table. */
  maySee(database: number, key: string): boolean {
    return this.passesWithoutEntry.has(placeOf(database, key)) || this.sightings.has(database, key);
  }

  beginPassWithoutEntry(request: LockRequest): void {
    this.counters.passes++;
    const place = placeOf(request.database, request.intent.key);
    const passes = this.passesWithoutEntry.get(place);
    if (passes === undefined) this.passesWithoutEntry.set(place, new Set([request]));
    else passes.add(request);
  }

  /** The entry that it was counted for. */
  endPass(request: LockRequest): LockEntry | undefined {
    const entry = this.passes.get(request);
    if (entry === undefined) {
      this.endPassWithoutEntry(request);
      return undefined;
    }
    this.passes.delete(request);
    entry.passesInFlight--;
    entry.passesEnded++;
    return entry;
  }

  private endPassWithoutEntry(request: LockRequest): void {
    const place = placeOf(request.database, request.intent.key);
    const passes = this.passesWithoutEntry.get(place);
    if (passes?.delete(request) === true && passes.size === 0) {
      this.passesWithoutEntry.delete(place);
    }
  }

  /** The key becomes a lock key, if there is room for it. */
  enter(
    database: number,
    key: string,
    nowMs: number,
    sinceMs: number = nowMs,
  ): LockEntry | undefined {
    const entry = this.table.enter(database, key, nowMs, sinceMs);
    if (entry === undefined) return undefined;
    const place = placeOf(database, key);
    for (const request of this.passesWithoutEntry.get(place) ?? []) {
      entry.passesInFlight++;
      this.passes.set(request, entry);
    }
    this.passesWithoutEntry.delete(place);
    return entry;
  }
}

function placeOf(database: number, key: string): string {
  return `${database} ${key}`;
}
