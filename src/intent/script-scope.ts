import type { CommandTable } from './command-table.js';
import { keyNames } from './key-names.js';
import type { KeyRule } from './key-rules.js';
import { LuaText } from './lua-text.js';
import { luaTokens } from './lua-tokens.js';
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
  return tokens === null ? 'every-database' : new ScopeReader(new LuaText(tokens), table).scope();
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

/** Stands for an argument of `redis.call` that is a key of the caller's. */
const A_KEY = '\0key';
/** Stands for any other argument that is not a literal. */
const SOMETHING = '\0?';

class ScopeReader {
  readonly #text: LuaText;
  readonly #table: CommandTable;
  /** Local variables that only ever hold a key of the caller's. */
  readonly #keyNames: ReadonlySet<string>;

  constructor(text: LuaText, table: CommandTable) {
    this.#text = text;
    this.#table = table;
    this.#keyNames = keyNames(text);
  }

  scope(): ScriptScope {
    if (!this.#wellKnown()) return 'every-database';
    let scope: ScriptScope = 'keys';
    for (let at = 0; at < this.#text.tokens.length; at++) {
      if (!this.#isRedisCall(at)) continue;
      const called = this.#scopeOfCall(at + 3);
      if (called === 'every-database') return called;
      if (called === 'whole-database') scope = called;
    }
    return scope;
  }

  /** Whether `redis`, `KEYS` and the readers of KEYS mean everywhere what they mean in Redis. */
  #wellKnown(): boolean {
    return this.#text.tokens.every((token, at) => {
      if (token.type !== 'name' || this.#text.isField(at)) return true;
      if (OPAQUE_NAMES.has(token.text)) return false;
      if (token.text === 'redis') return this.#isRedisUse(at);
      if (token.text === 'KEYS') return this.#isKeysRead(at);
      if (KEYS_READERS.has(token.text))
        return this.#text.is(at + 1, '(') && !this.#text.is(at - 1, 'function');
      return true;
    });
  }

  /** `redis.call(`, `redis.pcall(`, or another field of `redis` that runs no command. */
  #isRedisUse(at: number): boolean {
    if (!this.#text.is(at + 1, '.') || this.#text.is(at - 1, 'function')) return false;
    const field = this.#text.textAt(at + 2);
    if (field === 'call' || field === 'pcall') return this.#text.is(at + 3, '(');
    return /^(sha1hex|error_reply|status_reply|log|LOG_[A-Z]+|setresp|replicate_commands|set_repl|REPL_[A-Z]+|breakpoint|acl_check_cmd|REDIS_VERSION(_NUM)?)$/.test(
      field,
    );
  }

  #isRedisCall(at: number): boolean {
    if (
      this.#text.textAt(at) !== 'redis' ||
      this.#text.tokens[at]?.type !== 'name' ||
      this.#text.isField(at)
    ) {
      return false;
    }
    return this.#text.textAt(at + 2) === 'call' || this.#text.textAt(at + 2) === 'pcall';
  }

  /** KEYS is only read: by index, by its length, or by one of the KEYS_READERS. */
  #isKeysRead(at: number): boolean {
    if (this.#text.is(at - 1, '#')) return true;
    if (this.#text.is(at - 1, '(') && this.#text.is(at + 1, ')')) {
      if (this.#text.isField(at - 2)) return false;
      // `ipairs(KEYS)` gives KEYS itself away, which only a loop keeps to itself.
      const looped = this.#text.is(at - 2, 'ipairs') || this.#text.is(at - 2, 'pairs');
      return looped ? this.#text.is(at - 3, 'in') : this.#text.is(at - 2, 'unpack');
    }
    if (!this.#text.is(at + 1, '[')) return false;
    return !this.#text.isAssigned(this.#text.closing(at + 1) + 1);
  }

  /** What the `redis.call` whose `(` stands at `open` may touch. */
  #scopeOfCall(open: number): ScriptScope {
    const close = this.#text.closing(open);
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
    while (at < close && !this.#text.is(at, ',')) {
      const opens = this.#text.is(at, '(') || this.#text.is(at, '[') || this.#text.is(at, '{');
      const end = opens ? this.#text.closing(at) : at;
      // A function written inside an argument has commas and keywords of its own.
      if (end < 0 || this.#text.is(at, 'function')) return close;
      at = end + 1;
    }
    return at;
  }

  #argumentWord(start: number, end: number): string {
    const token = this.#text.tokens[start];
    if (token === undefined || end === start) return SOMETHING;
    if (end === start + 1) {
      if (token.type === 'string' && token.text !== null) return token.text;
      if (token.type === 'name' && this.#keyNames.has(token.text)) return A_KEY;
      return SOMETHING;
    }
    const isKey = this.#text.is(start, 'KEYS') && this.#text.is(start + 1, '[');
    return isKey && this.#text.closing(start + 1) === end - 1 ? A_KEY : SOMETHING;
  }

  #isUnpackedKeys(start: number, end: number): boolean {
    return (
      end === start + 4 &&
      this.#text.is(start, 'unpack') &&
      this.#text.is(start + 1, '(') &&
      this.#text.is(start + 2, 'KEYS') &&
      this.#text.is(start + 3, ')')
    );
  }

  /** Whether an argument of several tokens, or `…`, can end in a call: `f(x)`, `f'x'`, `f{}`. */
  #maySpread(lastToken: number): boolean {
    const token = this.#text.tokens[lastToken];
    if (token === undefined || token.type === 'string') return true;
    return token.text === ')' || token.text === '}' || token.text === '...';
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
