import type { Lease } from './lease.js';
import type { LockOptions } from './options.js';

/**
 * This proxy's place in the line of those who wait for a key: Redis passes the key on with the
 * ticket's own token, which is new with each `want`, and tells us.
 */
export class Ticket {
  /** Monotonic; from then on nothing is passed on by it, and what was, was told or never will be. */
  readonly overAtMs: number;

  constructor(
    readonly token: string,
    private readonly ttlMs: number,
    /** The lease that comes with the token. */
    readonly leaseMs: number,
    /** Before the `want` was sent that carried it. */
    readonly sentMonotonicMs: number,
    readonly sentWallMs: number,
    ranByMs: number,
    options: LockOptions,
  ) {
    const driftMs = (ttlMs * options.marginPercent) / 100 + options.marginMinMs;
    this.overAtMs = ranByMs + ttlMs + driftMs + options.toldWithinMs;
  }

  /** While retriers wait, another one replaces it after so long, in its place. */
  get renewMs(): number {
    return this.ttlMs / 2;
  }

  /** Monotonic; from then on no token of it is in the key, whatever became of it. */
  get goneAtMs(): number {
    return this.overAtMs + this.leaseMs * 1.02;
  }

  /**
   * The lease of the delegation that came with it, counted from before the `want` was sent: when
   * it was passed on, nobody here has seen (invariant 3 of docs/protocol.md).
   */
  begin(lease: Lease, nowMs: number, options: LockOptions): void {
    lease.begin(this.leaseMs, this.sentMonotonicMs, this.sentWallMs, nowMs, options);
  }
}

/**
 * A token of ours that may be in the key, or still come into it by a ticket, and from which nothing
 * is granted: it is taken back by name, or waited out.
 */
export interface Stray {
  readonly token: string;
  /** Monotonic; by then it is gone of itself. */
  readonly goneAtMs: number;
}
