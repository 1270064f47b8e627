import type { LockOptions } from './options.js';

/** By both clocks. */
export interface LeaseEnd {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

/**
 * For how long Redis is sure to keep our token in a key: invariant 3 of docs/protocol.md.
 *
 * A lease runs from before its script was sent, never from the answer, and it is checked on the
 * monotonic *and* the wall clock: the monotonic one stands still while a machine sleeps, the wall
 * clock can be set back. Whichever says 'over' wins.
 */
export class Lease {
  private coveredMonotonicMs = -Infinity;
  private coveredWallMs = -Infinity;
  lengthMs = 0;
  marginMs = 0;
  private endsMonotonicMs = -Infinity;
  private endsWallMs = -Infinity;
  /** Monotonic; from then on Redis has certainly dropped the token by itself. */
  goneAtMs = -Infinity;

  /** A script that set this lease was sent at these two times, and has run by the third. */
  begin(
    lengthMs: number,
    sentMonotonicMs: number,
    sentWallMs: number,
    ranByMs: number,
    options: LockOptions,
  ): void {
    this.lengthMs = lengthMs;
    this.marginMs = Math.max((lengthMs * options.marginPercent) / 100, options.marginMinMs);
    this.endsMonotonicMs = sentMonotonicMs + lengthMs;
    this.endsWallMs = sentWallMs + lengthMs;
    if (options.confirm === null) this.confirm(this.end());
    // Redis counts from the execution, at the latest just before the answer. The monotonic clock
    // alone is asked here, since it never runs ahead of the time that Redis lives in.
    this.goneAtMs = Math.max(this.goneAtMs, ranByMs + lengthMs + this.marginMs);
  }

  /** Up to where it is to be confirmed now. */
  end(): LeaseEnd {
    return { monotonicMs: this.endsMonotonicMs, wallMs: this.endsWallMs };
  }

  /** Until then it would survive whatever it has to survive: only that counts for cover. */
  confirm(end: LeaseEnd): void {
    this.coveredMonotonicMs = end.monotonicMs;
    this.coveredWallMs = end.wallMs;
  }

  get isConfirmed(): boolean {
    return this.coveredMonotonicMs > -Infinity;
  }

  leftMs(monotonicMs: number, wallMs: number): number {
    return Math.min(this.endsMonotonicMs - monotonicMs, this.endsWallMs - wallMs);
  }

  /** Invariant 2: whether a grant of that TTL, made now, is over before the lease can be. */
  covers(ttlMs: number, monotonicMs: number, wallMs: number): boolean {
    const coveredMs = Math.min(this.coveredMonotonicMs - monotonicMs, this.coveredWallMs - wallMs);
    return coveredMs >= ttlMs + this.marginMs;
  }

  over(monotonicMs: number, wallMs: number): boolean {
    return this.leftMs(monotonicMs, wallMs) <= 0;
  }

  /** What is left as far as Redis's own clock may see it, which our wall clock tells nothing of. */
  leftAtRedisMs(monotonicMs: number): number {
    return this.endsMonotonicMs - monotonicMs;
  }

  /** Too little is left to grant anything from. */
  spent(monotonicMs: number, wallMs: number): boolean {
    return this.leftMs(monotonicMs, wallMs) <= this.marginMs;
  }

  /** Monotonic moment after which grants of that TTL are no longer covered. */
  coversUntilMs(ttlMs: number): number {
    return this.endsMonotonicMs - ttlMs - this.marginMs;
  }
}

/** The usual TTL and a slack: long enough for few renewals, short enough for a crash. */
export function leaseMsFor(ttlMs: number, options: LockOptions): number {
  const slackMs = Math.min(Math.max(ttlMs, options.leaseSlackMinMs), options.leaseSlackMaxMs);
  return Math.ceil(ttlMs + slackMs);
}
