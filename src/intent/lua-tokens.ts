/** The tokens of Lua 5.1, as far as telling what a script of Redis does needs them. */
export type LuaToken =
  | { readonly type: 'name'; readonly text: string }
  | { readonly type: 'keyword'; readonly text: string }
  | { readonly type: 'number'; readonly text: string }
  /** `text` is the value between the quotes; null where an escape makes it not worth reading. */
  | { readonly type: 'string'; readonly text: string | null }
  /** An operator or a bracket: `==`, `..`, `(`. */
  | { readonly type: 'sign'; readonly text: string };

const KEYWORDS = new Set(
  (
    'and break do else elseif end false for function if in local nil not or repeat return then ' +
    'true until while'
  ).split(' '),
);

/** Longest first: `...` before `..` before `.`. */
const SIGNS = /\.\.\.|\.\.|==|~=|<=|>=|[-+*/%^#<>=(){}[\];:,.]/y;
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const NUMBER = /0[xX][0-9a-fA-F]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?/y;
const SPACE = /[ \t\r\n\v\f]+/y;
const LONG_OPENING = /\[(=*)\[/y;
const LINE = /[^\n]*/y;

/** The tokens of a script without its comments; null where it is not Lua that we can read. */
export function luaTokens(source: string): LuaToken[] | null {
  const tokens: LuaToken[] = [];
  // `#!lua flags=…` of Redis 7 is no Lua; what its flags change is not about keys.
  let at = source.startsWith('#!') ? endOf(LINE, source, 0) : 0;
  while (at < source.length) {
    const afterSpace = endOf(SPACE, source, at);
    if (afterSpace > at) {
      at = afterSpace;
      continue;
    }
    if (source.startsWith('--', at)) {
      const end = endOfComment(source, at + 2);
      if (end < 0) return null;
      at = end;
      continue;
    }
    const next = readToken(source, at);
    if (next === null) return null;
    tokens.push(next.token);
    at = next.end;
  }
  return tokens;
}

interface Read {
  readonly token: LuaToken;
  readonly end: number;
}

function readToken(source: string, at: number): Read | null {
  const quote = source[at];
  if (quote === '"' || quote === "'") return readQuoted(source, at, quote);
  const longEnd = endOfLongBracket(source, at);
  // Nobody writes a command's name in long brackets: its value is not worth reading.
  if (longEnd > 0) return { token: { type: 'string', text: null }, end: longEnd };
  if (longEnd < 0) return null;
  const nameEnd = endOf(NAME, source, at);
  if (nameEnd > at) {
    const text = source.slice(at, nameEnd);
    return { token: { type: KEYWORDS.has(text) ? 'keyword' : 'name', text }, end: nameEnd };
  }
  const numberEnd = endOf(NUMBER, source, at);
  if (numberEnd > at) {
    // `3x` is no Lua.
    if (endOf(NAME, source, numberEnd) > numberEnd) return null;
    return { token: { type: 'number', text: source.slice(at, numberEnd) }, end: numberEnd };
  }
  const signEnd = endOf(SIGNS, source, at);
  if (signEnd === at) return null;
  return { token: { type: 'sign', text: source.slice(at, signEnd) }, end: signEnd };
}

function readQuoted(source: string, at: number, quote: string): Read | null {
  let plain = true;
  for (let end = at + 1; end < source.length; end++) {
    const character = source[end];
    if (character === quote) {
      const text = plain ? source.slice(at + 1, end) : null;
      return { token: { type: 'string', text }, end: end + 1 };
    }
    if (character === '\n') return null;
    if (character === '\0') plain = false;
    if (character === '\\') {
      plain = false;
      end++;
    }
  }
  return null;
}

/** Position after a comment whose `--` ended at `at`; -1 where it is not closed. */
function endOfComment(source: string, at: number): number {
  const longEnd = endOfLongBracket(source, at);
  return longEnd === 0 ? endOf(LINE, source, at) : longEnd;
}

/** Position after the long bracket at `at`; 0 where there is none, -1 where it is not closed. */
function endOfLongBracket(source: string, at: number): number {
  LONG_OPENING.lastIndex = at;
  const opening = LONG_OPENING.exec(source);
  if (opening === null) return 0;
  const closing = `]${opening[1] ?? ''}]`;
  const end = source.indexOf(closing, at + opening[0].length);
  return end < 0 ? -1 : end + closing.length;
}

function endOf(pattern: RegExp, source: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(source) ? pattern.lastIndex : at;
}
