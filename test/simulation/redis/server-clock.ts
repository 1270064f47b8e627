/** The wall clock of a server: it runs at its own rate, and can jump. */
export class ServerClock {
  private readonly trueMs: () => number;
  private sinceTrueMs: number;
  private sinceMs: number;
  private rate = 1;

  /** `trueMs` is the time of the world; `aheadMs` what this clock is ahead of it. */
  constructor(trueMs: () => number, aheadMs = 0) {
    this.trueMs = trueMs;
    this.sinceTrueMs = 0;
    this.sinceMs = aheadMs;
  }

  /** With fractions of a millisecond: Redis counts microseconds. */
  exactMs(): number {
    return this.sinceMs + (this.trueMs() - this.sinceTrueMs) * this.rate;
  }

  /** Whole milliseconds, by which keys expire. */
  nowMs(): number {
    return Math.floor(this.exactMs());
  }

  jump(byMs: number): void {
    this.sinceMs += byMs;
  }

  /** From now on it runs faster by that share of true time, or slower where that is negative. */
  drift(share: number): void {
    this.sinceMs = this.exactMs();
    this.sinceTrueMs = this.trueMs();
    this.rate = 1 + share;
  }
}
