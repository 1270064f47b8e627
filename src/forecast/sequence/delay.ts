import { normalBelow } from '../gaps.js';

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

/** When something follows: a share of it at once, the rest after a log-normal delay. */
export interface DelayLaw {
  /** Share, 0 to 1, of what follows at once. */
  readonly atOnce: number;
  /** Mean and standard deviation of the natural logarithm of the other delays, in ms. */
  readonly logMean: number;
  readonly logSpread: number;
}

/** Probability that a delay of this law is shorter. */
export function delayBelow(law: DelayLaw, delayMs: number): number {
  if (delayMs <= 0) return 0;
  if (delayMs < AT_ONCE_MS) return law.atOnce * (delayMs / AT_ONCE_MS);
  const later = normalBelow((Math.log(delayMs) - law.logMean) / law.logSpread);
  return law.atOnce + (1 - law.atOnce) * later;
}

/** Delays between one request and the next, as they were seen; older ones count less. */
export class Delays implements DelayLaw {
  /** Delays seen that were not at once. */
  private later = 0;
  private all = 0;
  private variance = 0;
  atOnce = 0;
  logMean = 0;
  logSpread = FIRST_SPREAD;

  get count(): number {
    return this.all;
  }

  add(delayMs: number): void {
    const shareWeight = Math.max(NEWEST_WEIGHT, 1 / (this.all + 1));
    this.all++;
    this.atOnce += shareWeight * ((delayMs < AT_ONCE_MS ? 1 : 0) - this.atOnce);
    if (delayMs < AT_ONCE_MS) return;
    const delay = Math.log(delayMs);
    const weight = Math.max(NEWEST_WEIGHT, 1 / (this.later + 1));
    const off = delay - this.logMean;
    this.variance = (1 - weight) * (this.variance + weight * off * off);
    this.logMean += weight * off;
    this.later++;
    this.logSpread = this.spread();
  }

  private spread(): number {
    // The guess fades with the square of the count: a timer is known for one after a few delays.
    const guess = FIRST_SPREAD / Math.max(1, this.later);
    const jitter = Math.min(JITTER_MS / Math.exp(this.logMean), JITTER_SPREAD_MAX);
    return Math.sqrt(this.variance + guess ** 2 + SPREAD_MIN ** 2 + jitter ** 2);
  }
}
