import type { GrantJournal } from './contract.js';
import { Lease } from './lease.js';

/** Grants made from memory since the start, of all keys. */
let grantsBegun = 0;

/**
 * A grant made from memory: only the holder and we know of it. One such object serves all grants of
 * its delegation in turn, so that the hot path allocates nothing.
 */
export class LocalGrant {
  private isTaken = false;
  private endMs = 0;
  value = '';
  clientId = 0;
  fence = 0;
  grantedAtMs = 0;
  /** Tells this grant from all others, also those of the next delegation; 0: there was none. */
  number = 0;
  private journal: GrantJournal | null = null;
  private delegation = 0;

  /** Whether there is a holder now; the rest means nothing without one. */
  get taken(): boolean {
    return this.isTaken;
  }

  /**
   * Monotonic. The holder believes in its lock until its TTL has passed since it *sent* the
   * request, which was earlier: this clock stands still in a suspension and is then late, which
   * keeps the lock for longer and is safe. The wall clock could be early.
   */
  get endsAtMs(): number {
    return this.endMs;
  }

  /** From now on every grant of this delegation is written down, under its number there. */
  writeTo(journal: GrantJournal, delegation: number): void {
    this.journal = journal;
    this.delegation = delegation;
  }

  begin(value: string, clientId: number, ttlMs: number, fence: number, nowMs: number): void {
    this.isTaken = true;
    this.value = value;
    this.clientId = clientId;
    this.fence = fence;
    this.grantedAtMs = nowMs;
    this.endMs = nowMs + ttlMs;
    this.number = ++grantsBegun;
    this.journal?.granted(this.delegation, value, this.endMs);
  }

  extend(endsAtMs: number): void {
    this.endMs = endsAtMs;
    this.journal?.granted(this.delegation, this.value, endsAtMs);
  }

  /** Released, taken back, or over: the delegation goes on without a holder. */
  free(): void {
    this.isTaken = false;
    this.journal?.released(this.delegation);
  }

  /** The token is certainly not in the key any more. */
  end(): void {
    this.journal?.ended(this.delegation);
  }

  live(nowMs: number): boolean {
    return this.isTaken && nowMs < this.endMs;
  }
}

/** Redis holds our token in the lock key itself; while the lease lasts, we decide who gets it. */
export class Delegation {
  readonly lease = new Lease();
  readonly grant = new LocalGrant();
  /**
   * Why this delegation is no longer relied on (invariant 6), null while it is. A doubted one makes
   * no grant; it is there to be settled by its exact token, since that may still be in Redis.
   */
  doubted: string | null = null;
  /** Monotonic; no settling before, where Redis has refused one. */
  settleAtMs = -Infinity;
  /** Monotonic; an idle delegation is given back then. */
  keptUntilMs: number;
  /** Since when it is idle and kept for the next request; NaN while a holder has it. */
  keptFromMs: number;
  /** Monotonic; since when others of the fleet are known to want the key. Infinity: they don't. */
  recalledAtMs = Infinity;
  /** Grants handed on from memory since then. */
  handOffs = 0;
  /** Whether another proxy has passed it on to us. */
  transferred = false;
  /** The value of a holder who gave the lock up while Redis refused to hear of it. */
  givenUp: string | null = null;
  /** Grants since the lease last began: an unused delegation is not renewed. */
  uses = 0;

  constructor(
    readonly token: string,
    private nextFence: number,
    private readonly fenceEnd: number,
    keptFromMs: number,
    keptUntilMs: number,
  ) {
    this.keptFromMs = keptFromMs;
    this.keptUntilMs = keptUntilMs;
  }

  get recalled(): boolean {
    return this.recalledAtMs < Infinity;
  }

  recall(nowMs: number): void {
    this.recalledAtMs = Math.min(this.recalledAtMs, nowMs);
  }

  hasFence(): boolean {
    return this.nextFence < this.fenceEnd;
  }

  takeFence(): number {
    return this.nextFence++;
  }
}
