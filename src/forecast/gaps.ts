/** Weight of the newest gap; the memory is about the last ten requests. */
const NEWEST_WEIGHT = 0.2;
/** Spread of the logarithm of a gap before anything is known: a factor of e either way. */
const FIRST_SPREAD = 1;
/** The most regular requests are spread by about that part of their gap … */
const SPREAD_MIN = 0.05;
/** … and by that many milliseconds, for timers, networks and busy event loops. */
const JITTER_MS = 5;
/** Two requests nearer than the clock's own resolution. */
const GAP_MIN_MS = 1;

/**
 * The gaps between requests: an exponentially weighted mean of their logarithms and of the spread of
 * these, since gaps of 20 ms and of 20 s are forecast alike. The next gap is taken for log-normal
 * with that mean and spread.
 */
export class Gaps {
  count = 0;
  private mean = 0;
  private variance = FIRST_SPREAD * FIRST_SPREAD;
  private spread = FIRST_SPREAD;

  add(gapMs: number): void {
    const gap = Math.log(Math.max(gapMs, GAP_MIN_MS));
    // Equal weights at first: the newest of three tells no more than the first.
    const weight = Math.max(NEWEST_WEIGHT, 1 / (this.count + 1));
    const off = gap - this.mean;
    if (this.count > 0) this.variance = (1 - weight) * (this.variance + weight * off * off);
    this.mean += weight * off;
    this.count++;
    this.spread = Math.sqrt(this.variance + SPREAD_MIN ** 2 + (JITTER_MS / this.usualMs) ** 2);
  }

  get usualMs(): number {
    return Math.exp(this.mean);
  }

  /** The gap after which a request becomes likely. */
  get earliestMs(): number {
    return this.usualMs * Math.exp(-3 * this.spread);
  }

  /** The gap after which a request is overdue. */
  get latestMs(): number {
    return this.usualMs * Math.exp(3 * this.spread);
  }

  /** Probability that a gap is shorter. */
  below(gapMs: number): number {
    if (gapMs <= 0) return 0;
    return normalBelow((Math.log(gapMs) - this.mean) / this.spread);
  }
}

/** The normal distribution function, by Abramowitz and Stegun 7.1.26; its error is below 2e-7. */
export function normalBelow(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * x);
  const poly =
    t *
    (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const tail = 0.5 * poly * Math.exp(-x * x);
  return z < 0 ? tail : 1 - tail;
}
