import { type DelayLaw, delayBelow } from './delay.js';

/** A key that may be asked for next, and when. */
export class Successor implements DelayLaw {
  database = 0;
  /** Binary string. */
  key = '';
  /** That it is asked for next, within the horizon, 0 to 1. */
  probability = 0;
  atOnce = 0;
  logMean = 0;
  logSpread = 1;

  /** Takes over so much, 0 to 1, of another's delays. */
  drawTo(law: DelayLaw, share: number): void {
    this.atOnce += share * (law.atOnce - this.atOnce);
    this.logMean += share * (law.logMean - this.logMean);
    this.logSpread += share * (law.logSpread - this.logSpread);
  }

  /** Probability that the delay is shorter, given that the request comes. */
  below(delayMs: number): number {
    return delayBelow(this, delayMs);
  }

  /**
   * Probability that the request comes within the window that begins so long after the antecedent,
   * given that it did not before.
   */
  score(sinceMs: number, windowMs: number): number {
    const before = this.below(sinceMs);
    const within = this.below(sinceMs + windowMs) - before;
    return (this.probability * within) / (1 - this.probability * before);
  }
}
