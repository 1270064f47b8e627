import { normalBelow } from '../statistics/normal.js';

/** Weight of the newest delay once there are many: the memory is about the last twenty. */
const NEWEST_WEIGHT = 0.05;
/** Spread of the logarithm before anything is known: a factor of e either way. */
const FIRST_SPREAD = 1;
/** The most regular delays are spread by about that part of them … */
const SPREAD_MIN = 0.05;
/** … and by that many milliseconds, for timers, networks and busy event loops … */
const JITTER_MS = 2;
/** … which make short delays no more uncertain than a factor of e. */
const JITTER_SPREAD_MAX = 1;
/** What comes sooner comes at once: no clock of ours tells how soon, and nothing can be reserved in between. */
const AT_ONCE_MS = 0.001;
/** A share above that is no chance. */
const AT_ONCE_SHARE = 0.05;

/** Bins of the histogram in each doubling of the delay, and where the first one ends. */
const BINS_PER_DOUBLING = 1.5;
const FIRST_BIN_MS = 0.25;
/** So that the last one ends after 26 s: longer than any horizon that is of use. */
const BINS = 26;
/** Fewer delays make no histogram. */
const HISTOGRAM_FROM = 4;
/** What is left of a bin after one further delay: a memory of about 30. */
const HISTOGRAM_KEEP = 0.97;
/** Then all is counted in smaller units again. */
const INCREMENT_MAX = 1e6;
/** Delays in the histogram that weigh as much as the log-normal law: that is sharper, and often wrong. */
const LOG_NORMAL_WEIGHT = 16;

/**
 * Delays between one request and the next, as they were seen; older ones count less. A share of them is
 * at once. The others are taken for log-normal while they are few; once they are many, a histogram of
 * their logarithms counts more, for a retry after 50 ms and a next step after 2 s have no mean that
 * tells of either.
 */
export class Delays {
  count = 0;
  /** Delays that were not at once. */
  private later = 0;
  private atOnce = 0;
  private mean = 0;
  private variance = 0;
  private spread = FIRST_SPREAD;
  private bins: Float32Array | null = null;
  /** Sum of the bins. */
  private binned = 0;
  /** What the newest delay counts: more than the one before, so that no other bin has to be touched. */
  private increment = 1;

  add(delayMs: number): void {
    const shareWeight = Math.max(NEWEST_WEIGHT, 1 / (this.count + 1));
    this.count++;
    this.atOnce += shareWeight * ((delayMs < AT_ONCE_MS ? 1 : 0) - this.atOnce);
    if (delayMs < AT_ONCE_MS) return;
    this.addLogarithm(Math.log(delayMs));
    if (this.later >= HISTOGRAM_FROM) this.addToBin(delayMs);
  }

  /** Probability that the next one is shorter. */
  below(delayMs: number): number {
    if (delayMs <= 0) return 0;
    if (delayMs < AT_ONCE_MS) return this.atOnce * (delayMs / AT_ONCE_MS);
    let later = normalBelow((Math.log(delayMs) - this.mean) / this.spread);
    if (this.bins !== null) {
      const weight = this.binned / (this.binned + LOG_NORMAL_WEIGHT * this.increment);
      later += weight * (this.binnedBelow(this.bins, delayMs) - later);
    }
    return this.atOnce + (1 - this.atOnce) * later;
  }

  /** The delay before which the next one is unlikely. */
  get earliestMs(): number {
    return this.atOnce > AT_ONCE_SHARE ? 0 : Math.exp(this.mean - 3 * this.spread);
  }

  /** The delay after which the next one is unlikely still to come. */
  get latestMs(): number {
    return Math.exp(this.mean + 3 * this.spread);
  }

  private addLogarithm(delay: number): void {
    const weight = Math.max(NEWEST_WEIGHT, 1 / (this.later + 1));
    const off = delay - this.mean;
    this.variance = (1 - weight) * (this.variance + weight * off * off);
    this.mean += weight * off;
    this.later++;
    // The guess fades with the square of the count: a timer is known for one after a few delays.
    const guess = FIRST_SPREAD / this.later;
    const jitter = Math.min(JITTER_MS / Math.exp(this.mean), JITTER_SPREAD_MAX);
    this.spread = Math.sqrt(this.variance + guess ** 2 + SPREAD_MIN ** 2 + jitter ** 2);
  }

  private addToBin(delayMs: number): void {
    this.bins ??= new Float32Array(BINS);
    const { bins } = this;
    this.increment /= HISTOGRAM_KEEP;
    if (this.increment > INCREMENT_MAX) {
      for (let bin = 0; bin < BINS; bin++) bins[bin] = (bins[bin] ?? 0) / this.increment;
      this.binned /= this.increment;
      this.increment = 1;
    }
    const bin = Math.floor(placeOf(delayMs));
    bins[bin] = (bins[bin] ?? 0) + this.increment;
    this.binned += this.increment;
  }

  private binnedBelow(bins: Float32Array, delayMs: number): number {
    const place = placeOf(delayMs);
    const last = Math.floor(place);
    let below = (bins[last] ?? 0) * (place - last);
    for (let bin = 0; bin < last; bin++) below += bins[bin] ?? 0;
    return Math.min(1, below / this.binned);
  }
}

/** A bin, and how far into it the delay is; within one, logarithms are spread evenly. */
function placeOf(delayMs: number): number {
  const place = 1 + Math.log2(delayMs / FIRST_BIN_MS) * BINS_PER_DOUBLING;
  return Math.min(BINS - 1e-6, Math.max(0, place));
}
