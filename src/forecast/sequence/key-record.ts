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

/**
 * What a client asks for after this key, by the key that it asked for before: what follows a second
 * attempt is not what follows the first. Of a bounded number of keys before; the least frequent makes room.
 */
export class AfterTwo {
  private readonly list: { readonly before: string; readonly followers: Followers<string> }[] = [];

  constructor(
    private readonly mostBefore: number,
    private readonly most: number,
    private readonly keep: number,
  ) {}

  known(before: string): Followers<string> | undefined {
    for (const each of this.list) if (each.before === before) return each.followers;
    return undefined;
  }

  of(before: string): Followers<string> {
    const known = this.known(before);
    if (known !== undefined) return known;
    const followers = new Followers<string>(this.most, this.keep);
    let place = this.list.length;
    if (place === this.mostBefore) {
      place = 0;
      for (const [index, each] of this.list.entries()) {
        const least = this.list[place]?.followers.opportunities ?? 0;
        if (each.followers.opportunities < least) place = index;
      }
    }
    this.list[place] = { before, followers };
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
  /** The same by the key that the client asked for before; null for a key that came once. */
  afterTwo: AfterTwo | null;
  marks: number;
}
