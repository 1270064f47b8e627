import type { Followers } from './followers.js';
import type { Rule } from './rule.js';

/** What is remembered of a template. */
export interface Template {
  readonly database: number;
  /** Its text: `order:{}:pay`. */
  readonly key: string;
  /** What stands around the variables. */
  readonly pieces: readonly string[];
  /** What the same client asks for next; null where nothing is known. */
  byClient: Followers<Rule> | null;
  /** By the variable's place: what is asked for next, by anybody, that carries the variable's value. */
  byVariable: (Followers<Rule> | undefined)[];
  marks: number;
  forgotten: boolean;
}

/** What is remembered of a key. */
export interface KeyRecord {
  readonly database: number;
  /** Binary string. */
  readonly key: string;
  template: Template;
  readonly variables: readonly string[];
  /** Asked for more than once: most keys of most workflows are not, and have no memory of their own. */
  returned: boolean;
  /** The keys that a client asks for after this one; null where nothing is known, or its template says it all. */
  followers: Followers<string> | null;
  marks: number;
}
