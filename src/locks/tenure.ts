import type { LockCounters } from './counters.js';
import type { LockOptions } from './options.js';

/**
 * How long this fleet keeps a key from others, and the breaths between: the rule for mixed fleets
 * in docs/protocol.md. Without it a client straight on Redis would never get a busy key, and its
 * existence would never be seen. All times are monotonic.
 *
 *   open ──kept()──▶ kept ──limit reached──▶ owed ──left()──▶ breathing ──time and a grant──▶ open
 */
export class Tenure {
  private phase: 'open' | 'kept' | 'owed' | 'breathing' = 'open';
  private sinceMs = 0;
  /** When the key was last left to Redis; NaN while somebody of this fleet has it. */
  private freeSinceMs = Number.NaN;
  private breathUntilMs = 0;
  private breathGrants = 0;
  /** How long the next tenure may be. */
  limitMs: number;

  constructor(
    private readonly options: LockOptions,
    private readonly counters: LockCounters,
  ) {
    this.limitMs = options.tenureMs;
  }

  /** Whether the key may be, or stay, delegated now. */
  mayKeep(nowMs: number): boolean {
    if (this.phase === 'breathing') {
      if (nowMs < this.breathUntilMs || this.breathGrants === 0) return false;
      // Nobody else came: had one, `foreign` would have ended this breath.
      this.limitMs = Math.min(this.limitMs * 2, this.options.tenureMaxMs);
      this.phase = 'open';
    }
    this.endIfFree(nowMs);
    if (this.phase === 'kept' && nowMs >= this.sinceMs + this.limitMs) this.phase = 'owed';
    return this.phase === 'open' || this.phase === 'kept';
  }

  /** Monotonic end of the present tenure, perhaps over already; Infinity where none runs. */
  endsAtMs(): number {
    return this.phase === 'kept' || this.phase === 'owed' ? this.sinceMs + this.limitMs : Infinity;
  }

  /** Whether the key has been kept for long enough, and is to be left to Redis for a breath. */
  isOver(nowMs: number): boolean {
    return !this.mayKeep(nowMs) && this.phase === 'owed';
  }

  /** For how long the key has been kept from others, 0 where it is not. */
  keptMs(nowMs: number): number {
    return this.phase === 'kept' || this.phase === 'owed' ? nowMs - this.sinceMs : 0;
  }

  /** Our token is in the key; Redis may know of a tenure that began before. */
  kept(nowMs: number, keptBeforeMs: number): void {
    if (this.phase === 'open') {
      this.phase = 'kept';
      this.sinceMs = nowMs;
    }
    this.sinceMs = Math.min(this.sinceMs, nowMs - keptBeforeMs);
    this.freeSinceMs = Number.NaN;
  }

  /** The key is absent now, and not by a holder's hand alone: others can take it. */
  left(nowMs: number): void {
    this.freeSinceMs = nowMs;
    if (this.phase === 'kept' && nowMs >= this.sinceMs + this.limitMs) this.phase = 'owed';
    if (this.phase === 'owed') {
      this.phase = 'breathing';
      this.breathUntilMs = nowMs + this.options.breathMs;
      this.breathGrants = 0;
      this.counters.breaths++;
    }
  }

  /** Another proxy has the key now: whoever gets it next, is told by Redis since when it is kept. */
  passedOn(nowMs: number): void {
    this.freeSinceMs = nowMs;
  }

  /** A client of ours got the lock through Redis, in fair competition. */
  granted(nowMs: number): void {
    // A holder whose TTL ran out left the key without our seeing it.
    if (this.phase === 'owed') this.left(nowMs);
    else if (this.phase === 'breathing') this.breathGrants++;
    this.endIfFree(nowMs);
    this.freeSinceMs = Number.NaN;
  }

  /** Somebody outside this fleet holds the lock: it is theirs as much as ours. */
  foreign(): void {
    this.phase = 'open';
    this.limitMs = this.options.tenureMs;
    this.freeSinceMs = Number.NaN;
  }

  /** As long without us as a breath is one, whatever it was for: the tenure is over with it. */
  private endIfFree(nowMs: number): void {
    if (this.phase === 'kept' && nowMs - this.freeSinceMs >= this.options.breathMs) {
      this.phase = 'open';
    }
  }

  state(): string {
    return this.phase;
  }
}
