import { type DelayLaw, delayBelow } from './delay.js';
import { type By, CLIENT } from './key-record.js';

/** A key that may be asked for next, and when. */
export class Successor implements DelayLaw {
  database = 0;
  /** Binary string. */
  key = '';
  /** The thread in which it is: the client's, or that of a variable of the key before. */
  by: By = CLIENT;
  /** That it is asked for next in that thread, within the horizon, 0 to 1. */
  probability = 0;
  /** Delays that the rest is known from. */
  seen = 0;
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

  /** The delay before which it is unlikely. */
  get earliestMs(): number {
    return this.atOnce > 0.05 ? 0 : Math.exp(this.logMean - 3 * this.logSpread);
  }

  /** The delay after which it is unlikely still to come. */
  get latestMs(): number {
    return Math.exp(this.logMean + 3 * this.logSpread);
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
