import { ByKey } from '../by-key.js';
import type { ForecastKey } from '../forecast.js';
import type { Foretold } from './foretold.js';
import type { By } from './key-record.js';
import { Successor } from './successor.js';

/** All that a key is expected by. */
interface Awaited extends ForecastKey {
  readonly list: Expectation[];
}

/** A key that is waited for since a request. */
class Expectation extends Successor {
  constructor(
    successor: Successor,
    readonly sinceMs: number,
    /** Where it stands. */
    readonly awaited: Awaited,
  ) {
    super();
    this.take(successor);
  }
}

/** What one request lets expect; its threads share it. */
export type Expected = Expectation[];

/**
 * The keys that are waited for at present, a bounded number of them. What one thread expects ends with
 * the thread's next request, whichever that is, or with the horizon.
 */
export class Expectations {
  private readonly awaited = new ByKey<Awaited>();

  constructor(private readonly most: number) {}

  /** Keys. */
  get size(): number {
    return this.awaited.size;
  }

  /**
   * After a request for `asked`. When that itself comes again is the time model's affair: what both said
   * of it would count twice.
   */
  expect(foretold: Foretold, asked: ForecastKey, atMs: number): Expected {
    const expected: Expected = [];
    for (let index = 0; index < foretold.size && this.size < this.most; index++) {
      const successor = foretold.at(index);
      if (successor === undefined) break;
      if (successor.key === asked.key && successor.database === asked.database) continue;
      const awaited = this.awaitedOf(successor);
      const expectation = new Expectation(successor, atMs, awaited);
      awaited.list.push(expectation);
      expected.push(expectation);
    }
    return expected;
  }

  /** The thread that goes by this has its next request, for that key; or none any more where it is null. */
  over(expected: Expected, by: By, key: string | null): void {
    let kept = 0;
    for (const expectation of expected) {
      if (expectation.by === by || expectation.key === key) this.drop(expectation);
      else expected[kept++] = expectation;
    }
    if (kept < expected.length) expected.length = kept;
  }

  /** Probability that the key is asked for within the window from now, by any of those that it is expected of. */
  score(database: number, key: string, windowMs: number, nowMs: number): number {
    const awaited = this.awaited.get(database, key);
    if (awaited === undefined) return 0;
    let none = 1;
    for (const expectation of awaited.list) {
      none *= 1 - expectation.score(nowMs - expectation.sinceMs, windowMs);
    }
    return 1 - none;
  }

  /** Keys that may be asked for between these two moments. */
  *due(fromMs: number, toMs: number): Generator<ForecastKey> {
    for (const awaited of this.awaited.values()) {
      const isDue = awaited.list.some(
        ({ sinceMs, earliestMs, latestMs }) =>
          sinceMs + earliestMs <= toMs && sinceMs + latestMs >= fromMs,
      );
      if (isDue) yield awaited;
    }
  }

  private awaitedOf({ database, key }: Successor): Awaited {
    const known = this.awaited.get(database, key);
    if (known !== undefined) return known;
    const awaited = { database, key, list: [] };
    this.awaited.add(awaited);
    return awaited;
  }

  private drop(expectation: Expectation): void {
    const { awaited } = expectation;
    awaited.list.splice(awaited.list.indexOf(expectation), 1);
    if (awaited.list.length === 0) this.awaited.delete(awaited);
  }
}
