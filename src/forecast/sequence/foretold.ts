import type { DelayLaw } from './delay.js';
import type { Followers } from './followers.js';
import type { By, KeyRecord } from './key-record.js';
import { boundKey, type Rule } from './rule.js';
import { Successor } from './successor.js';

/** Less likely successors are not worth being waited for. */
const PROBABILITY_MIN = 0.03;
/** Delays of a key's own that weigh as much as those of its template. */
const TEMPLATE_DELAY_WEIGHT = 2;

/** What is foretold after one request, gathered from what is known; used again for the next one. */
export class Foretold {
  readonly list: Successor[] = [];
  private readonly spare: Successor[] = [];
  /** Keys that the rules of one thread lead to. */
  private readonly bound: string[] = [];

  clear(): void {
    this.list.length = 0;
  }

  /** The likeliest first. */
  sorted(): readonly Successor[] {
    return this.list.sort((one, other) => other.probability - one.probability);
  }

  /** Adds what comes next in one thread; where others foretold a key too, the more certain one counts. */
  addThread(record: KeyRecord, by: By): void {
    const own = record.next?.known(by);
    const rules = record.template.next?.known(by);
    this.bound.length = 0;
    if (rules !== undefined) this.addRules(record, by, rules, own);
    if (own === undefined) return;
    for (const follower of own.list) {
      if (this.bound.includes(follower.target)) continue;
      this.add(record, by, follower.target, own.probability(follower), follower.delays);
    }
  }

  /** A key's own followers go before those of its template, which have the probability that they leave. */
  private addRules(
    record: KeyRecord,
    by: By,
    rules: Followers<Rule>,
    own: Followers<string> | undefined,
  ): void {
    const left = own?.left ?? 1;
    for (const rule of rules.list) {
      const probability = left * rules.probability(rule);
      if (probability < PROBABILITY_MIN) continue;
      const key = boundKey(rule.target, record);
      // Two rules may lead to one key by chance; the first is as good as the other.
      if (key === null || this.bound.includes(key)) continue;
      this.bound.push(key);
      const same = own?.find(key);
      if (own === undefined || same === undefined) {
        this.add(record, by, key, probability, rule.delays);
        continue;
      }
      const both = probability + own.probability(same);
      const { count } = same.delays;
      this.add(record, by, key, both, rule.delays)?.drawTo(
        same.delays,
        count / (count + TEMPLATE_DELAY_WEIGHT),
      );
    }
  }

  /** Null where it is too unlikely, or foretold with more certainty already. */
  private add(
    { database }: KeyRecord,
    by: By,
    key: string,
    probability: number,
    law: DelayLaw,
  ): Successor | null {
    if (probability < PROBABILITY_MIN) return null;
    const successor = this.successorFor(key);
    if (successor.probability >= probability) return null;
    successor.database = database;
    successor.by = by;
    successor.probability = probability;
    successor.drawTo(law, 1);
    return successor;
  }

  private successorFor(key: string): Successor {
    for (const successor of this.list) if (successor.key === key) return successor;
    let successor = this.spare[this.list.length];
    if (successor === undefined) {
      successor = new Successor();
      this.spare.push(successor);
    }
    successor.key = key;
    successor.probability = 0;
    this.list.push(successor);
    return successor;
  }
}
