import { Followers } from './followers.js';
import type { Rule } from './rule.js';

/** What a thread of requests goes by: the client, or the place of a variable whose value they share. */
export type By = number;

export const CLIENT: By = -1;

/** What is asked for next, by what the thread goes by. */
export class Next<Target> {
  private client: Followers<Target> | undefined;
  private readonly variables: (Followers<Target> | undefined)[] = [];

  constructor(
    private readonly most: number,
    private readonly keep: number,
  ) {}

  known(by: By): Followers<Target> | undefined {
    return by === CLIENT ? this.client : this.variables[by];
  }

  of(by: By): Followers<Target> {
    const known = this.known(by);
    if (known !== undefined) return known;
    const followers = new Followers<Target>(this.most, this.keep);
    if (by === CLIENT) this.client = followers;
    else this.variables[by] = followers;
    return followers;
  }
}

/** What is remembered of a template. */
export interface Template {
  readonly database: number;
  /** Its text: `order:{}:pay`. */
  readonly key: string;
  /** What stands around the variables. */
  readonly pieces: readonly string[];
  /** Null once it is forgotten: who still has it must not hold on to others that are. */
  next: Next<Rule> | null;
  marks: number;
}

/** What is remembered of a key. */
export interface KeyRecord {
  readonly database: number;
  /** Binary string. */
  readonly key: string;
  template: Template;
  readonly variables: readonly string[];
  /**
   * Null for a key that came once, as those of most workflows do, and for one without variables, since
   * its template says it all.
   */
  next: Next<string> | null;
  marks: number;
}
