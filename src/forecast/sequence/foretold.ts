import type { Follower, Followers } from './followers.js';
import type { By, KeyRecord } from './key-record.js';
import { boundKey, type Rule } from './rule.js';
import { Successor } from './successor.js';

/** Less likely successors are not worth being waited for … */
const PROBABILITY_MIN = 0.03;
/** … and what adds less to one is not worth being looked at. */
const ADDS_MIN = 0.01;
/** Delays that are known of a key itself and weigh as much as those that its template or its like have. */
const GENERAL_DELAY_WEIGHT = 2;

/**
 * What is foretold after one request, gathered from what is known, from the special to the general:
 * what came after this key and the one before it, after this key, after one of its template. Each has
 * the probability that the more special leaves. Used again for the next request.
 */
export class Foretold {
  /** The first `count` count; the rest are to be used again. */
  private readonly successors: Successor[] = [];
  private count = 0;

  clear(): void {
    this.count = 0;
  }

  get size(): number {
    return this.count;
  }

  at(index: number): Successor | undefined {
    return index < this.count ? this.successors[index] : undefined;
  }

  /** The likeliest first. */
  sorted(): readonly Successor[] {
    return this.successors
      .slice(0, this.count)
      .sort((one, other) => other.probability - one.probability);
  }

  /**
   * Adds what comes next in one thread; where another foretold a key too, the more certain one counts.
   * `afterTwo` is what is known of this key after the one that the thread had before it.
   */
  addThread(record: KeyRecord, by: By, afterTwo: Followers<string> | undefined): void {
    const from = this.count;
    const own = record.next?.known(by);
    const rules = record.template.next?.known(by);
    let left = afterTwo?.left ?? 1;
    if (afterTwo !== undefined) this.addKeys(from, afterTwo, 1);
    if (own !== undefined) {
      this.addKeys(from, own, left);
      left *= own.left;
    }
    if (rules !== undefined && left >= ADDS_MIN) this.addRules(from, rules, left, record);
    this.settle(from, record.database, by);
  }

  private addKeys(from: number, followers: Followers<string>, share: number): void {
    for (const follower of followers.list) {
      const probability = share * followers.probability(follower);
      if (probability >= ADDS_MIN) this.add(from, follower.target, probability, follower);
    }
  }

  private addRules(from: number, rules: Followers<Rule>, share: number, record: KeyRecord): void {
    for (const rule of rules.list) {
      const probability = share * rules.probability(rule);
      if (probability < ADDS_MIN) continue;
      const key = boundKey(rule.target, record);
      if (key !== null) this.add(from, key, probability, rule);
    }
  }

  /** The special came before the general, which adds to it, and to its delays the more, the fewer it has seen. */
  private add(from: number, key: string, probability: number, { delays }: Follower<unknown>): void {
    for (let index = from; index < this.count; index++) {
      const known = this.successors[index];
      if (known?.key !== key) continue;
      known.probability += probability;
      known.drawTo(delays, GENERAL_DELAY_WEIGHT / (GENERAL_DELAY_WEIGHT + known.seen));
      return;
    }
    let successor = this.successors[this.count];
    if (successor === undefined) {
      successor = new Successor();
      this.successors.push(successor);
    }
    this.count++;
    successor.key = key;
    successor.probability = probability;
    successor.begin(delays);
  }

  /** Of what was added from there on, what is likely enough and not yet foretold with more certainty stays. */
  private settle(from: number, database: number, by: By): void {
    const until = this.count;
    this.count = from;
    for (let index = from; index < until; index++) {
      const successor = this.successors[index];
      if (successor === undefined || successor.probability < PROBABILITY_MIN) continue;
      successor.database = database;
      successor.by = by;
      const at = this.placeOf(successor, from);
      const other = this.successors[at];
      if (at < from && other !== undefined && other.probability >= successor.probability) continue;
      if (other === undefined) continue;
      this.successors[at] = successor;
      this.successors[index] = other;
      if (at >= from) this.count++;
    }
  }

  /** Where the same key stands among those of other threads; else the next free place. */
  private placeOf({ key }: Successor, from: number): number {
    for (let index = 0; index < from; index++) {
      if (this.successors[index]?.key === key) return index;
    }
    return this.count;
  }
}
