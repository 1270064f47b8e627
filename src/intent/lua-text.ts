import type { LuaToken } from './lua-tokens.js';

/** So that a text of names and commas takes no time that grows with its square. */
const LISTED_MAX = 50;

/** A script's tokens, and the questions about its grammar that telling its keys needs. */
export class LuaText {
  readonly tokens: readonly LuaToken[];
  /** For each opening bracket the position of the one that closes it. */
  readonly #closings = new Map<number, number>();

  constructor(tokens: readonly LuaToken[]) {
    this.tokens = tokens;
    const open: number[] = [];
    for (let at = 0; at < tokens.length; at++) {
      if (this.is(at, '(') || this.is(at, '[') || this.is(at, '{')) open.push(at);
      if (!this.is(at, ')') && !this.is(at, ']') && !this.is(at, '}')) continue;
      const opening = open.pop();
      if (opening !== undefined) this.#closings.set(opening, at);
    }
  }

  /** `redis.KEYS` or `t:unpack` are not the names that stand alone. */
  isField(at: number): boolean {
    return this.is(at - 1, '.') || this.is(at - 1, ':');
  }

  /** The names from `at` on, and the position after them. */
  nameList(at: number): { readonly names: readonly string[]; readonly end: number } {
    const names: string[] = [];
    let end = at;
    while (this.tokens[end]?.type === 'name') {
      names.push(this.textAt(end));
      end++;
      if (!this.is(end, ',')) break;
      end++;
    }
    return { names, end };
  }

  /**
   * Whether the variable that ends before `end` is on the left of an assignment, alone or in a list:
   * `a = …`, `a, b.c = …`, `KEYS[1], x = …`. A list too long to be looked through counts as such.
   */
  isAssigned(end: number): boolean {
    let next = end;
    for (let listed = 1; listed <= LISTED_MAX; listed++) {
      if (this.is(next, '=')) return true;
      if (!this.is(next, ',')) return false;
      next++;
      if (this.tokens[next]?.type !== 'name') return false;
      next++;
      for (;;) {
        if (this.is(next, '.') || this.is(next, ':')) {
          next += 2;
        } else if (this.is(next, '[') || this.is(next, '(')) {
          next = this.closing(next) + 1;
          if (next === 0) return false;
        } else {
          break;
        }
      }
    }
    return true;
  }

  /** Position of the bracket that closes the one at `open`; -1 where none does. */
  closing(open: number): number {
    return this.#closings.get(open) ?? -1;
  }

  /** Whether a sign, keyword or name stands at `at`; a string never does. */
  is(at: number, text: string): boolean {
    const token = this.tokens[at];
    return token !== undefined && token.type !== 'string' && token.text === text;
  }

  textAt(at: number): string {
    const token = this.tokens[at];
    return token === undefined || token.type === 'string' ? '' : token.text;
  }
}
