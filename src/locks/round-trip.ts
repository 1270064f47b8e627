import type { LockOptions } from './options.js';

/** How long our scripts take, smoothed, and what follows for the patience with others. */
export class RoundTrip {
  private ms = 1;

  constructor(private readonly options: LockOptions) {}

  measured(ms: number): void {
    this.ms += (ms - this.ms) / 8;
  }

  /** Four of them: to Redis and from there to the owner, and the same way back. */
  recallTimeoutMs(): number {
    const { recallTimeoutMinMs, recallTimeoutMaxMs } = this.options;
    return Math.min(Math.max(4 * this.ms, recallTimeoutMinMs), recallTimeoutMaxMs);
  }
}
