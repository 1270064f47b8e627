import type { CommandTable, KeyRule } from './command-table.js';
import { type LuaToken, luaTokens } from './lua-tokens.js';
import type { ScriptScope } from './touched.js';

/**
 * Tells from a script's text whether it touches no keys but those it is called with. It answers
 * `keys` only for texts in which every `redis.call` names its command by a literal, and its keys by
 * `KEYS[…]`, by a local variable that is never anything else, or by `unpack(KEYS)`. What it can't
 * follow is taken to touch everything: a wrong guess here would let a client read a state of Redis
 * that is not settled (invariant 5 of docs/protocol.md).
 */
export function scriptScope(source: string, table: CommandTable): ScriptScope {
  const tokens = luaTokens(source);
  return tokens === null ? 'every-database' : new ScopeReader(tokens, table).scope();
}

/**
 * Whether a script's text has a loop that only its body ends. While such a one runs on and on, Redis
 * reads nothing more from its connection, so it must not hold others behind it.
 */
export function mayLoopForever(source: string): boolean {
  const tokens = luaTokens(source);
  if (tokens === null) return true;
  return tokens.some(
    token => token.type === 'keyword' && (token.text === 'while' || token.text === 'repeat'),
  );
}

/** Ways to reach `redis.call` or `KEYS` under another name, or to run text that isn't here. */
const OPAQUE_NAMES = new Set(
  '_G getfenv setfenv load loadstring loadfile dofile require rawset server debug'.split(' '),
);

/** Functions that give KEYS or its elements back unchanged. */
const KEYS_READERS = new Set(['ipairs', 'pairs', 'unpack']);

/** What may follow an expression without going on with it, beside a name. */
const ENDS_OF_EXPRESSION = new Set([
  ...[',', ';', 'local', 'if', 'for', 'return', 'while', 'repeat', 'do', 'end', 'else', 'elseif'],
  ...['until', 'function', 'break'],
]);

/** Stands for an argument of `redis.call` that is a key of the caller's. */
const A_KEY = '\0key';
/** Stands for any other argument that is not a literal. */
const SOMETHING = '\0?';

class ScopeReader {
  readonly #tokens: readonly LuaToken[];
  readonly #table: CommandTable;
  /** Local variables that only ever hold a key of the caller's. */
  readonly #keyNames = new Set<string>();

  constructor(tokens: readonly LuaToken[], table: CommandTable) {
    this.#tokens = tokens;
    this.#table = table;
  }

  scope(): ScriptScope {
    if (!this.#wellKnown()) return 'every-database';
    this.#findKeyNames();
    let scope: ScriptScope = 'keys';
    for (let at = 0; at < this.#tokens.length; at++) {
      if (!this.#isRedisCall(at)) continue;
      const called = this.#scopeOfCall(at + 3);
      if (called === 'every-database') return called;
      if (called === 'whole-database') scope = called;
    }
    return scope;
  }

  /** Whether `redis`, `KEYS` and the readers of KEYS mean everywhere what they mean in Redis. */
  #wellKnown(): boolean {
    return this.#tokens.every((token, at) => {
      if (token.type !== 'name' || this.#isField(at)) return true;
      if (OPAQUE_NAMES.has(token.text)) return false;
      if (token.text === 'redis') return this.#isRedisUse(at);
      if (token.text === 'KEYS') return this.#isKeysRead(at);
      if (KEYS_READERS.has(token.text))
        return this.#is(at + 1, '(') && !this.#is(at - 1, 'function');
      return true;
    });
  }

  /** `redis.call(`, `redis.pcall(`, or another field of `redis` that runs no command. */
  #isRedisUse(at: number): boolean {
    if (!this.#is(at + 1, '.') || this.#is(at - 1, 'function')) return false;
    const field = this.#text(at + 2);
    if (field === 'call' || field === 'pcall') return this.#is(at + 3, '(');
    return /^(sha1hex|error_reply|status_reply|log|LOG_[A-Z]+|setresp|replicate_commands|set_repl|REPL_[A-Z]+|breakpoint|acl_check_cmd|REDIS_VERSION(_NUM)?)$/.test(
      field,
    );
  }

  #isRedisCall(at: number): boolean {
    if (this.#text(at) !== 'redis' || this.#tokens[at]?.type !== 'name' || this.#isField(at)) {
      return false;
    }
    return this.#text(at + 2) === 'call' || this.#text(at + 2) === 'pcall';
  }

  /** KEYS is only read: by index, by its length, or by one of the KEYS_READERS. */
  #isKeysRead(at: number): boolean {
    if (this.#is(at - 1, '#')) return true;
    if (this.#is(at - 1, '(') && this.#is(at + 1, ')')) {
      if (this.#isField(at - 2)) return false;
      // `ipairs(KEYS)` gives KEYS itself away, which only a loop keeps to itself.
      const looped = this.#is(at - 2, 'ipairs') || this.#is(at - 2, 'pairs');
      return looped ? this.#is(at - 3, 'in') : this.#is(at - 2, 'unpack');
    }
    if (!this.#is(at + 1, '[')) return false;
    return !this.#isAssigned(this.#closing(at + 1) + 1);
  }

  /** `redis.KEYS` or `t:unpack` are not the names that stand alone. */
  #isField(at: number): boolean {
    return this.#is(at - 1, '.') || this.#is(at - 1, ':');
  }

  /**
   * Finds the local variables that are bound only by `local k = KEYS[…]`, by `for _, k in
   * ipairs(KEYS)`, or by an assignment of `KEYS[…]`. A name that is bound otherwise anywhere in the
   * text is none: scopes need not be followed then.
   */
  #findKeyNames(): void {
    const others = new Set<string>();
    for (let at = 0; at < this.#tokens.length; at++) {
      if (this.#is(at, 'local') && !this.#is(at + 1, 'function')) {
        at = this.#bindLocals(at + 1, others);
      } else if (this.#is(at, 'for')) {
        at = this.#bindLoop(at + 1, others);
      } else if (this.#is(at, 'function')) {
        at = this.#bindFunction(at + 1, others);
      } else if (this.#tokens[at]?.type === 'name' && this.#isAssigned(at + 1)) {
        const name = this.#text(at);
        const alone = this.#is(at + 1, '=') && !this.#is(at - 1, ',') && !this.#isField(at);
        if (alone && this.#keyExpressionEnd(at + 2) > 0) this.#keyNames.add(name);
        else others.add(name);
      }
    }
    for (const name of others) this.#keyNames.delete(name);
  }

  /** After `local`: names, and the values given to them. Returns the last position read. */
  #bindLocals(at: number, others: Set<string>): number {
    const { names, end } = this.#nameList(at);
    if (!this.#is(end, '=')) {
      for (const name of names) others.add(name);
      return end - 1;
    }
    let value = end + 1;
    let known = true;
    for (const name of names) {
      const valueEnd: number = known ? this.#keyExpressionEnd(value) : 0;
      if (valueEnd > 0) this.#keyNames.add(name);
      else others.add(name);
      known = valueEnd > 0 && this.#is(valueEnd, ',');
      value = valueEnd + 1;
    }
    return end;
  }

  /** After `for`: `_, k in ipairs(KEYS) do` binds a key, all other loops something else. */
  #bindLoop(at: number, others: Set<string>): number {
    const { names, end } = this.#nameList(at);
    const overKeys =
      this.#is(end, 'in') &&
      (this.#is(end + 1, 'ipairs') || this.#is(end + 1, 'pairs')) &&
      this.#is(end + 2, '(') &&
      this.#is(end + 3, 'KEYS') &&
      this.#is(end + 4, ')') &&
      this.#is(end + 5, 'do');
    names.forEach((name, index) => {
      if (overKeys && index === 1) this.#keyNames.add(name);
      else others.add(name);
    });
    return end - 1;
  }

  /** After `function`: its own name, if any, and its parameters. */
  #bindFunction(at: number, others: Set<string>): number {
    let open = at;
    while (open < this.#tokens.length && !this.#is(open, '(')) {
      others.add(this.#text(open));
      open++;
    }
    const { names, end } = this.#nameList(open + 1);
    for (const name of names) others.add(name);
    return end - 1;
  }

  #nameList(at: number): { readonly names: readonly string[]; readonly end: number } {
    const names: string[] = [];
    let end = at;
    while (this.#tokens[end]?.type === 'name') {
      names.push(this.#text(end));
      end++;
      if (!this.#is(end, ',')) break;
      end++;
    }
    return { names, end };
  }

  /** Position after an expression that is `KEYS[…]` and nothing more; 0 where it is another. */
  #keyExpressionEnd(at: number): number {
    if (!this.#is(at, 'KEYS') || !this.#is(at + 1, '[')) return 0;
    const end = this.#closing(at + 1) + 1;
    if (end === 0) return 0;
    const next = this.#tokens[end];
    if (next === undefined || next.type === 'name') return end;
    return next.type !== 'string' && ENDS_OF_EXPRESSION.has(next.text) ? end : 0;
  }

  /**
   * Whether the variable that ends before `end` is on the left of an assignment, alone or in a list:
   * `a = …`, `a, b.c = …`, `KEYS[1], x = …`.
   */
  #isAssigned(end: number): boolean {
    let next = end;
    for (;;) {
      if (this.#is(next, '=')) return true;
      if (!this.#is(next, ',')) return false;
      next++;
      if (this.#tokens[next]?.type !== 'name') return false;
      next++;
      for (;;) {
        if (this.#is(next, '.') || this.#is(next, ':')) {
          next += 2;
        } else if (this.#is(next, '[') || this.#is(next, '(')) {
          next = this.#closing(next) + 1;
          if (next === 0) return false;
        } else {
          break;
        }
      }
    }
  }

  /** What the `redis.call` whose `(` stands at `open` may touch. */
  #scopeOfCall(open: number): ScriptScope {
    const close = this.#closing(open);
    if (close < 0) return 'every-database';
    const args = this.#callArguments(open, close);
    const name = args?.words[0];
    if (args === null || name === undefined || name === SOMETHING) return 'every-database';
    const facts = this.#table.commandNamed(name);
    if (facts === null || name === A_KEY) return 'every-database';
    // SELECT is a matter of the connection, but makes the script's further calls touch elsewhere.
    if (facts.name === 'select') return 'every-database';
    return this.#scopeOfRule(facts.rule, args);
  }

  #scopeOfRule(rule: KeyRule, args: CallArguments): ScriptScope {
    switch (rule) {
      case 'none':
        return 'keys';
      case 'whole-database':
      case 'sort':
        return 'whole-database';
      case 'every-database':
      case 'unknown':
      case 'script':
      case 'move':
      case 'copy':
        return 'every-database';
    }
    if (rule.kind === 'subcommands') {
      const inner = rule.rules.get(`${args.words[0]}|${args.words[1]}`);
      return inner === undefined ? 'every-database' : this.#scopeOfRule(inner, args);
    }
    const positions =
      rule.kind === 'range' ? rangePositions(rule, args) : specPositions(rule, args);
    if (positions === null) return 'whole-database';
    return positions.every(at => args.words[at] === A_KEY) ? 'keys' : 'whole-database';
  }

  /** The arguments of a call as words: literals, keys, or something; null where they can't be told. */
  #callArguments(open: number, close: number): CallArguments | null {
    const words: string[] = [];
    let openEnded: CallArguments['openEnded'] = 'no';
    let start = open + 1;
    while (start < close) {
      const end = this.#argumentEnd(start, close);
      const last = end === close;
      const word = this.#argumentWord(start, end);
      // Only the last argument spreads: a call or `…` there may bring any number of values.
      if (last && this.#isUnpackedKeys(start, end)) {
        words.push(A_KEY);
        openEnded = 'keys';
      } else {
        words.push(word);
        if (last && word === SOMETHING && this.#maySpread(end - 1)) openEnded = 'something';
      }
      start = end + 1;
    }
    const [name] = words;
    if (name === undefined) return null;
    return { words: [name.toLowerCase(), ...words.slice(1).map(lowerLiteral)], openEnded };
  }

  #argumentEnd(start: number, close: number): number {
    let at = start;
    while (at < close && !this.#is(at, ',')) {
      const opens = this.#is(at, '(') || this.#is(at, '[') || this.#is(at, '{');
      const end = opens ? this.#closing(at) : at;
      // A function written inside an argument has commas and keywords of its own.
      if (end < 0 || this.#is(at, 'function')) return close;
      at = end + 1;
    }
    return at;
  }

  #argumentWord(start: number, end: number): string {
    const token = this.#tokens[start];
    if (token === undefined || end === start) return SOMETHING;
    if (end === start + 1) {
      if (token.type === 'string' && token.text !== null) return token.text;
      if (token.type === 'name' && this.#keyNames.has(token.text)) return A_KEY;
      return SOMETHING;
    }
    const isKey = this.#is(start, 'KEYS') && this.#is(start + 1, '[');
    return isKey && this.#closing(start + 1) === end - 1 ? A_KEY : SOMETHING;
  }

  #isUnpackedKeys(start: number, end: number): boolean {
    return (
      end === start + 4 &&
      this.#is(start, 'unpack') &&
      this.#is(start + 1, '(') &&
      this.#is(start + 2, 'KEYS') &&
      this.#is(start + 3, ')')
    );
  }

  /** Whether an argument of several tokens, or `…`, can end in a call: `f(x)`, `f'x'`, `f{}`. */
  #maySpread(lastToken: number): boolean {
    const token = this.#tokens[lastToken];
    if (token === undefined || token.type === 'string') return true;
    return token.text === ')' || token.text === '}' || token.text === '...';
  }

  /** Position of the bracket that closes the one at `open`; -1 where none does. */
  #closing(open: number): number {
    let depth = 0;
    for (let at = open; at < this.#tokens.length; at++) {
      if (this.#is(at, '(') || this.#is(at, '[') || this.#is(at, '{')) depth++;
      if (this.#is(at, ')') || this.#is(at, ']') || this.#is(at, '}')) depth--;
      if (depth === 0) return at;
    }
    return -1;
  }

  /** Whether a sign, keyword or name stands at `at`; a string never does. */
  #is(at: number, text: string): boolean {
    const token = this.#tokens[at];
    return token !== undefined && token.type !== 'string' && token.text === text;
  }

  #text(at: number): string {
    const token = this.#tokens[at];
    return token === undefined || token.type === 'string' ? '' : token.text;
  }
}

interface CallArguments {
  /** The command's name first, in lower case. */
  readonly words: readonly string[];
  /** Whether further arguments follow that are not written one by one. */
  readonly openEnded: 'no' | 'keys' | 'something';
}

function lowerLiteral(word: string): string {
  return word.startsWith('\0') ? word : word.toLowerCase();
}

type RangeRule = Extract<KeyRule, { kind: 'range' }>;
type SpecsRule = Extract<KeyRule, { kind: 'specs' }>;

/** The positions of a call's keys; null where they depend on what is not written there. */
function rangePositions(rule: RangeRule, args: CallArguments): number[] | null {
  const written = args.words.length;
  if (rule.last < 0) {
    // `unpack(KEYS)` at the end brings keys and nothing else; where keys alternate with values, or
    // something unknown spreads, later keys can't be told.
    if (args.openEnded === 'something') return null;
    if (args.openEnded === 'keys' && (rule.step !== 1 || rule.last !== -1)) return null;
  }
  const last = rule.last < 0 ? written + rule.last : rule.last;
  const positions: number[] = [];
  for (let at = rule.first; at <= last; at += rule.step) {
    // Past what is written: a spread of keys goes on; without one the call is an error in Redis.
    if (at >= written) return args.openEnded === 'something' ? null : positions;
    positions.push(at);
  }
  return positions;
}

/** Keys at fixed places only; a keyword or a number of keys among the arguments may be computed. */
function specPositions(rule: SpecsRule, args: CallArguments): number[] | null {
  const positions: number[] = [];
  for (const { begin, find } of rule.specs) {
    if (begin.type !== 'index' || find.type !== 'range' || find.limit > 1) return null;
    const last = find.lastKey >= 0 ? begin.index + find.lastKey : find.lastKey;
    const found = rangePositions(
      { kind: 'range', first: begin.index, last, step: find.step },
      args,
    );
    if (found === null) return null;
    positions.push(...found);
  }
  return positions;
}
