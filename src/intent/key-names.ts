import type { LuaText } from './lua-text.js';

/**
 * The local variables of a script that only ever hold a key of the caller's: those bound only by
 * `local k = KEYS[…]`, by `for _, k in ipairs(KEYS)`, or by an assignment of `KEYS[…]`. A name that
 * is bound otherwise anywhere in the text is none, so that scopes need not be followed.
 */
export function keyNames(text: LuaText): ReadonlySet<string> {
  return new BindingReader(text).names();
}

/** What may follow an expression without going on with it, beside a name. */
const ENDS_OF_EXPRESSION = new Set([
  ...[',', ';', 'local', 'if', 'for', 'return', 'while', 'repeat', 'do', 'end', 'else', 'elseif'],
  ...['until', 'function', 'break'],
]);

class BindingReader {
  readonly #text: LuaText;
  readonly #keyNames = new Set<string>();

  constructor(text: LuaText) {
    this.#text = text;
  }

  names(): ReadonlySet<string> {
    const others = new Set<string>();
    for (let at = 0; at < this.#text.tokens.length; at++) {
      if (this.#text.is(at, 'local') && !this.#text.is(at + 1, 'function')) {
        at = this.#bindLocals(at + 1, others);
      } else if (this.#text.is(at, 'for')) {
        at = this.#bindLoop(at + 1, others);
      } else if (this.#text.is(at, 'function')) {
        at = this.#bindFunction(at + 1, others);
      } else if (this.#text.tokens[at]?.type === 'name' && this.#text.isAssigned(at + 1)) {
        const name = this.#text.textAt(at);
        const alone =
          this.#text.is(at + 1, '=') && !this.#text.is(at - 1, ',') && !this.#text.isField(at);
        if (alone && this.#keyExpressionEnd(at + 2) > 0) this.#keyNames.add(name);
        else others.add(name);
      }
    }
    for (const name of others) this.#keyNames.delete(name);
    return this.#keyNames;
  }

  /** After `local`: names, and the values given to them. Returns the last position read. */
  #bindLocals(at: number, others: Set<string>): number {
    const { names, end } = this.#text.nameList(at);
    if (!this.#text.is(end, '=')) {
      for (const name of names) others.add(name);
      return end - 1;
    }
    let value = end + 1;
    let known = true;
    for (const name of names) {
      const valueEnd: number = known ? this.#keyExpressionEnd(value) : 0;
      if (valueEnd > 0) this.#keyNames.add(name);
      else others.add(name);
      known = valueEnd > 0 && this.#text.is(valueEnd, ',');
      value = valueEnd + 1;
    }
    return end;
  }

  /** After `for`: `_, k in ipairs(KEYS) do` binds a key, all other loops something else. */
  #bindLoop(at: number, others: Set<string>): number {
    const { names, end } = this.#text.nameList(at);
    const overKeys =
      this.#text.is(end, 'in') &&
      (this.#text.is(end + 1, 'ipairs') || this.#text.is(end + 1, 'pairs')) &&
      this.#text.is(end + 2, '(') &&
      this.#text.is(end + 3, 'KEYS') &&
      this.#text.is(end + 4, ')') &&
      this.#text.is(end + 5, 'do');
    names.forEach((name, index) => {
      if (overKeys && index === 1) this.#keyNames.add(name);
      else others.add(name);
    });
    return end - 1;
  }

  /** After `function`: its own name, if any, and its parameters. */
  #bindFunction(at: number, others: Set<string>): number {
    let open = at;
    while (open < this.#text.tokens.length && !this.#text.is(open, '(')) {
      others.add(this.#text.textAt(open));
      open++;
    }
    const { names, end } = this.#text.nameList(open + 1);
    for (const name of names) others.add(name);
    return end - 1;
  }

  /** Position after an expression that is `KEYS[…]` and nothing more; 0 where it is another. */
  #keyExpressionEnd(at: number): number {
    if (!this.#text.is(at, 'KEYS') || !this.#text.is(at + 1, '[')) return 0;
    const end = this.#text.closing(at + 1) + 1;
    if (end === 0) return 0;
    const next = this.#text.tokens[end];
    if (next === undefined || next.type === 'name') return end;
    return next.type !== 'string' && ENDS_OF_EXPRESSION.has(next.text) ? end : 0;
  }
}
