import type { LockRequest, ScriptName, TokenNotice, Touch } from './contract.js';
import type { Delegation } from './delegation.js';
import type { Suspicion } from './foreign.js';
import type { LockDatabase } from './table.js';
import type { TemplateRecord } from './templates.js';
import type { Tenure } from './tenure.js';
import type { Stray, Ticket } from './ticket.js';
import { type Place, WaitingLine } from './waiting/line.js';
import type { Watch } from './watch.js';

/** A client's lock request that has not got its verdict yet. */
export interface Pending {
  readonly request: LockRequest;
  readonly sinceMs: number;
  /** The client is gone: a verdict has nobody to hear it. */
  abandoned: boolean;
  /** Our scripts can't answer this one: it goes to Redis as the client wrote it, once settled. */
  mustPass: boolean;
  settled: boolean;
  /** A proven retrier's attempt: it may be made to wait while somebody holds the lock. */
  readonly retrier: boolean;
  /** The client has sent more behind it: it waits for nobody. */
  hurried: boolean;
  /** In the line of those who wait for the lock; null: it has none. */
  place: Place | null;
  /** Monotonic; by then the owner that was asked for it has to answer. NaN: none was asked. */
  askedUntilMs: number;
}

/** Requests whose `want` was answered with a ticket: they wait until the owner has answered. */
export interface Asking {
  readonly pendings: readonly Pending[];
  /** Monotonic; an owner that has not answered by then is taken for dead. */
  readonly untilMs: number;
  /** Monotonic; Redis is asked once more then, since an answer may have been lost. */
  readonly againAtMs: number;
}

/** A touch that waits until the keys it names are settled. */
export interface TouchInFlight {
  readonly touch: Touch;
  readonly sinceMs: number;
  readonly entries: LockEntry[];
  /** Entries that still have to be settled before the touch is ready. */
  unsettled: number;
  over: boolean;
}

/** How long something that Redis was heard to say can be counted upon. */
export interface Certainty {
  /** On both clocks, and whichever says that it is over is right (invariant 3). */
  readonly untilMonotonicMs: number;
  readonly untilWallMs: number;
  /** With a doubt about the whole upstream nothing counts any more that was heard before. */
  readonly generation: number;
}

/** Who holds the lock as far as this proxy has seen: a hint, Redis is asked before it counts. */
export interface KnownHolder {
  readonly value: string;
  readonly clientId: number;
  readonly grantedAtMs: number;
  /** Monotonic; by then the grant is over. Infinity for one without TTL. */
  endsAtMs: number;
  /** 0: it has no number yet; whoever asks for it first lets it have one. */
  fence: number;
  /** The token that it was granted from, and that its value was written in place of. */
  readonly token?: string;
  /** Until when Redis keeps the value for sure, unless somebody takes it away. */
  sure: Certainty;
}

/**
 * One lock key: all that is known of it, and the order in which things happen to it.
 *
 *            ┌── want ──▶ a client's value in Redis ◀── materialize ──┐
 *   absent ──┤                     │ retain                           │
 *            └── reserve ──────────┴──────────────▶ delegation ───────┘
 *                                      local grants and releases, in memory
 *
 * One script of a key is on its way at a time (invariant 11 of docs/protocol.md): while `script` is
 * not null, nothing about the key is decided, and requests queue in order of arrival.
 */
export class LockEntry {
  /** The script that is on its way. */
  script: ScriptName | null = null;
  /** The request that this script was sent for. */
  current: Pending | null = null;
  /** Requests that wait, first come first served. */
  readonly queue: Pending[] = [];
  /** Whether the queue is being worked on now: calls that come back into it are queued. */
  advancing = false;

  /** Our token in the key, as far as we know. */
  delegation: Delegation | null = null;
  /** The token of the last delegation that is certainly over. */
  endedToken = '';
  /** Our place in the fleet's line for this key. */
  ticket: Ticket | null = null;
  /** Whether the script on its way offers Redis a ticket. */
  offersTicket = false;
  /** Tokens of ours that may be in the key, or come into it, and grant nothing. */
  readonly strays: Stray[] = [];
  /** Monotonic; no taking back of strays before, where Redis has refused one. */
  straysAtMs = -Infinity;
  /** Requests that wait for another proxy's answer. */
  asking: Asking | null = null;
  /** What was told while a script was on its way: gone through once that is answered. */
  readonly notices: TokenNotice[] = [];
  /** Monotonic; since another proxy has asked for it, the key is not reserved until then. */
  backOffUntilMs = -Infinity;
  backOffMs = 0;

  /** A grant that nobody heard of, to be taken back from Redis before anything else. */
  undo: string | null = null;
  /** The local grant, by its number, that has been held for long enough to be written to Redis. */
  materializeGrant = 0;

  /** Those who wait for the lock, and places of those who are expected again. */
  readonly line = new WaitingLine();

  /** The client's value in the key, as far as we know. */
  holder: KnownHolder | null = null;
  /** Monotonic; when a client of ours last got the lock. */
  grantedAtMs = -Infinity;
  /** Somebody was refused the lock since it was last granted. */
  contested = false;
  /** Since when Redis would tell of a change by another hand; null: it was not asked. */
  watch: Watch | null = null;
  /** The other proxies are asked whose the value in the key is. */
  suspicion: Suspicion | null = null;
  /** Where `home.wholeTouches` stood when the key was last seen without a client's value. */
  private sureAtWholeTouches = -1;

  /** Commands on their way that may see the key: no script that writes a token meanwhile. */
  touchesInFlight = 0;
  /** Lock commands that went to Redis as the client wrote them. */
  passesInFlight = 0;
  /** Counts those that ended: one that overlapped a script makes the script's view unsure. */
  passesEnded = 0;
  readonly waitingTouches: TouchInFlight[] = [];

  /** Grants released by compare in a row, with no foreign holder and no touch between. */
  proof = 0;
  /** The usual TTL asked for: follows a longer one at once, a shorter one slowly. */
  ttlMs = 0;
  /** Shadow mode: until when a lock would have been ready in memory. */
  shadowUntilMs = -Infinity;
  shadowFromMs = 0;

  wakeAtMs = Infinity;
  wakeHandle: unknown = null;
  /** Second chance for the table: set by use, cleared by the search for room. */
  usedLately = true;

  memoryGrants = 0;
  redisGrants = 0;
  refusals = 0;

  constructor(
    readonly database: number,
    readonly home: LockDatabase,
    readonly key: string,
    readonly companion: string,
    readonly template: TemplateRecord,
    /** Named by a `--delegate` pattern. */
    readonly declared: boolean,
    readonly tenure: Tenure,
    /** Monotonic; commands sent before were not looked at for this key. */
    readonly enteredAtMs: number,
  ) {}

  /** Whether the next decision has to wait for its turn. */
  busy(): boolean {
    return (
      this.script !== null ||
      this.queue.length > 0 ||
      this.advancing ||
      this.undo !== null ||
      this.asking !== null
    );
  }

  /**
   * The holder's release goes before all others: what refused clients send is answered as well after
   * it, and each of their scripts would make the lock last for one more round trip.
   */
  enqueue(pending: Pending): void {
    const { kind, value } = pending.request.intent;
    const held = this.delegation === null ? this.holder?.value : this.delegation.grant.value;
    if (kind !== 'release' || value !== held) this.queue.push(pending);
    else this.queue.splice(this.queue[0]?.mustPass === true ? 1 : 0, 0, pending);
  }

  /** Whether Redis may have a token of ours in this key, now, or by a script on its way or a ticket. */
  mayHoldToken(): boolean {
    return (
      this.delegation !== null ||
      this.ticket !== null ||
      this.strays.length > 0 ||
      this.offersTicket ||
      this.script === 'reserve' ||
      this.script === 'retain'
    );
  }

  noteTtl(ttlMs: number): void {
    this.ttlMs = ttlMs >= this.ttlMs ? ttlMs : this.ttlMs - (this.ttlMs - ttlMs) / 16;
  }

  /** The key was seen absent or with our own token in it: no client's value is left in it. */
  sawNoHolder(): void {
    this.holder = null;
    this.line.changed();
    this.sureAtWholeTouches = this.home.wholeTouches;
  }

  /** A client of ours may have put a value into the key that we do not know of. */
  holderUnknown(): void {
    this.sureAtWholeTouches = -1;
  }

  /** Whether a value in the key that is not `holder`'s can only be a foreign holder's. */
  knowsHolder(): boolean {
    return (
      this.sureAtWholeTouches === this.home.wholeTouches &&
      this.touchesInFlight === 0 &&
      this.home.touchesInFlight === 0
    );
  }

  /** Until when a client of ours holds the lock in Redis, if that is certain; else -Infinity. */
  heldUntilMs(): number {
    return this.holder === null || !this.knowsHolder() ? -Infinity : this.holder.endsAtMs;
  }

  /** Whether nothing would be lost with this entry but its history. */
  idle(): boolean {
    return (
      !this.busy() &&
      !this.mayHoldToken() &&
      this.line.size === 0 &&
      this.touchesInFlight === 0 &&
      this.passesInFlight === 0 &&
      this.waitingTouches.length === 0
    );
  }
}
