import { Delays } from './delay.js';
import { type By, CLIENT } from './key-record.js';

const NO_DELAYS = new Delays();

/** A key that may be asked for next, and when. */
export class Successor {
  database = 0;
  /** Binary string. */
  key = '';
  /** The thread in which it is: the client's, or that of a variable of the key before. */
  by: By = CLIENT;
  /** That it is asked for next in that thread, within the horizon, 0 to 1. */
  probability = 0;
  /** Where its delays are known from, the special before the general, and the share of each in the whole. */
  private first: Delays = NO_DELAYS;
  private second: Delays | null = null;
  private third: Delays | null = null;
  private secondShare = 0;
  private thirdShare = 0;

  /** Begins anew with these delays. */
  begin(delays: Delays): void {
    this.first = delays;
    this.second = null;
    this.third = null;
    this.secondShare = 0;
    this.thirdShare = 0;
  }

  /** So much, 0 to 1, of its delays is to be like these; twice at most. */
  drawTo(delays: Delays, share: number): void {
    if (this.second === null) {
      this.second = delays;
      this.secondShare = share;
      return;
    }
    this.secondShare *= 1 - share;
    this.third = delays;
    this.thirdShare = share;
  }

  /** Becomes like the other. */
  take(other: Successor): void {
    this.database = other.database;
    this.key = other.key;
    this.by = other.by;
    this.probability = other.probability;
    this.first = other.first;
    this.second = other.second;
    this.third = other.third;
    this.secondShare = other.secondShare;
    this.thirdShare = other.thirdShare;
  }

  /** Delays that it is known from. */
  get seen(): number {
    return this.first.count + (this.second?.count ?? 0) + (this.third?.count ?? 0);
  }

  /** Probability that the delay is shorter, given that the request comes. */
  below(delayMs: number): number {
    const { first, second, third, secondShare, thirdShare } = this;
    let below = (1 - secondShare - thirdShare) * first.below(delayMs);
    if (second !== null) below += secondShare * second.below(delayMs);
    if (third !== null) below += thirdShare * third.below(delayMs);
    return Math.min(1, below);
  }

  /** The delay before which it is unlikely. */
  get earliestMs(): number {
    const { first, second, third } = this;
    return Math.min(
      first.earliestMs,
      second?.earliestMs ?? Number.POSITIVE_INFINITY,
      third?.earliestMs ?? Number.POSITIVE_INFINITY,
    );
  }

  /** The delay after which it is unlikely still to come. */
  get latestMs(): number {
    const { first, second, third } = this;
    return Math.max(first.latestMs, second?.latestMs ?? 0, third?.latestMs ?? 0);
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
