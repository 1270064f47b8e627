import { TYPE } from './lua-module.js';
import type { LuaStack } from './lua-stack.js';
import { generalFormat } from './numbers.js';

/** The `cjson` of Redis (lua-cjson 2.1) with its own settings: encode, decode and null. */
export class LuaJson {
  constructor(private readonly stack: LuaStack) {}

  /** The value on top of the stack, as text. Throws a JsonError. */
  encode(state: number): string {
    const { lua } = this.stack;
    switch (lua._lua_type(state, -1)) {
      case TYPE.string:
        return quoted(this.stack.stringAt(state, -1));
      case TYPE.number:
        return this.number(state);
      case TYPE.boolean:
        return lua._lua_toboolean(state, -1) === 0 ? 'false' : 'true';
      case TYPE.table:
        return this.table(state);
      case TYPE.nil:
        return 'null';
      case TYPE.lightUserdata:
        if (lua._lua_touserdata(state, -1) === 0) return 'null';
    }
    throw new JsonError(`Cannot serialise ${this.stack.typeNameAt(state, -1)}: type not supported`);
  }

  private number(state: number): string {
    const value = this.stack.lua._lua_tonumber(state, -1);
    if (!Number.isFinite(value)) {
      throw new JsonError('Cannot serialise number: must not be NaN or Inf');
    }
    return generalFormat(value, 14);
  }

  private table(state: number): string {
    const { lua } = this.stack;
    lua._lua_checkstack(state, 4);
    const length = this.arrayLength(state);
    const parts: string[] = [];
    if (length > 0) {
      for (let item = 1; item <= length; item++) {
        lua._lua_rawgeti(state, -1, item);
        parts.push(this.encode(state));
        lua._lua_settop(state, -2);
      }
      return `[${parts.join(',')}]`;
    }
    lua._lua_pushnil(state);
    while (lua._lua_next(state, -2) !== 0) {
      const name = this.name(state);
      parts.push(`${name}:${this.encode(state)}`);
      lua._lua_settop(state, -2);
    }
    return `{${parts.join(',')}}`;
  }

  private name(state: number): string {
    const type = this.stack.lua._lua_type(state, -2);
    if (type === TYPE.string) return quoted(this.stack.stringAt(state, -2));
    if (type === TYPE.number) {
      return `"${generalFormat(this.stack.lua._lua_tonumber(state, -2), 14)}"`;
    }
    throw new JsonError(
      `Cannot serialise ${this.stack.typeNameAt(state, -2)}: table key must be a number or string`,
    );
  }

  /** How many items where all keys are whole numbers from 1 on; 0 for an object. */
  private arrayLength(state: number): number {
    const { lua } = this.stack;
    let [max, count] = [0, 0];
    lua._lua_pushnil(state);
    while (lua._lua_next(state, -2) !== 0) {
      const isNumber = lua._lua_type(state, -2) === TYPE.number;
      const key = isNumber ? lua._lua_tonumber(state, -2) : 0;
      lua._lua_settop(state, -2);
      if (!Number.isInteger(key) || key < 1) {
        lua._lua_settop(state, -2);
        return 0;
      }
      max = Math.max(max, key);
      count++;
    }
    if (max > count * 2 && max > 10) {
      throw new JsonError('Cannot serialise table: excessively sparse array');
    }
    return max;
  }

  /** Puts the value that the text describes onto the stack. Throws a JsonError. */
  decode(state: number, text: string): void {
    new Decoder(this.stack, state, text).decode();
  }
}

/** What cjson raises as an error of Lua. */
export class JsonError extends Error {}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '/': '\\/',
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\f': '\\f',
  '\r': '\\r',
};

/** What stands in JSON as it is. */
const PLAIN = /^[ !#-.0-[\]-~\x80-\xff]*$/;

function quoted(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`;
  const escaped = text.replace(
    /["\\/]|[^ -~\x80-\xff]/g,
    byte => ESCAPES[byte] ?? `\\u${byte.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return `"${escaped}"`;
}

const UNESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  t: '\t',
  n: '\n',
  f: '\f',
  r: '\r',
};

const NUMBER = /[-+]?(?:0x[0-9a-f]+|(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|nan|inf(?:inity)?)/iy;

/** One text on its way onto the stack. */
class Decoder {
  private at = 0;
  private depth = 0;

  constructor(
    private readonly stack: LuaStack,
    private readonly state: number,
    private readonly text: string,
  ) {}

  decode(): void {
    // A text in UTF-16 or UTF-32 shows by its zero bytes.
    if (this.text.length >= 2 && (this.text[0] === '\0' || this.text[1] === '\0')) {
      throw new JsonError('JSON parser does not support UTF-16 or UTF-32');
    }
    this.value();
    this.skipSpace();
    if (this.at < this.text.length) throw this.unexpected('the end');
  }

  private value(): void {
    const { stack, state, text } = this;
    const { lua } = stack;
    this.skipSpace();
    const first = text[this.at];
    if (first === '"') return stack.pushString(state, this.string());
    if (first === '{') return this.object();
    if (first === '[') return this.array();
    if (this.takes('true')) return lua._lua_pushboolean(state, 1);
    if (this.takes('false')) return lua._lua_pushboolean(state, 0);
    if (this.takes('null')) return lua._lua_pushlightuserdata(state, 0);
    NUMBER.lastIndex = this.at;
    const number = NUMBER.exec(text)?.[0];
    if (number === undefined || !/^[-0-9]/.test(number)) {
      throw this.unexpected('value');
    }
    this.at += number.length;
    lua._lua_pushnumber(state, Number(number));
  }

  private object(): void {
    const { stack, state } = this;
    this.enter();
    stack.lua._lua_createtable(state, 0, 0);
    if (this.takesNext('}')) return this.leave();
    for (;;) {
      this.skipSpace();
      if (this.text[this.at] !== '"') throw this.unexpected('object key string');
      stack.pushString(state, this.string());
      if (!this.takesNext(':')) throw this.unexpected('colon');
      this.value();
      stack.lua._lua_rawset(state, -3);
      if (this.takesNext('}')) return this.leave();
      if (!this.takesNext(',')) throw this.unexpected('comma or object end');
    }
  }

  private array(): void {
    const { stack, state } = this;
    this.enter();
    stack.lua._lua_createtable(state, 0, 0);
    if (this.takesNext(']')) return this.leave();
    for (let item = 1; ; item++) {
      this.value();
      stack.lua._lua_rawseti(state, -2, item);
      if (this.takesNext(']')) return this.leave();
      if (!this.takesNext(',')) throw this.unexpected('comma or array end');
    }
  }

  private enter(): void {
    this.at++;
    this.depth++;
    if (this.depth > 1000) {
      throw new JsonError(`Found too many nested data structures (${this.depth})`);
    }
    this.stack.lua._lua_checkstack(this.state, 3);
  }

  private leave(): void {
    this.depth--;
  }

  private string(): string {
    let result = '';
    for (this.at++; this.text[this.at] !== '"'; this.at++) {
      const byte = this.text[this.at];
      if (byte === undefined) {
        throw new JsonError(
          `Expected value but found unexpected end of string at character ${this.at + 1}`,
        );
      }
      result += byte === '\\' ? this.escape() : byte;
    }
    this.at++;
    return result;
  }

  private escape(): string {
    const backslashAt = this.at;
    this.at++;
    const letter = this.text[this.at] ?? '';
    const plain = UNESCAPES[letter];
    if (plain !== undefined) return plain;
    const hex = /^[0-9a-f]{4}/i.exec(this.text.slice(this.at + 1))?.[0];
    if (letter !== 'u' || hex === undefined) {
      this.at = backslashAt;
      throw this.unexpected('value', 'invalid escape code');
    }
    this.at += 4;
    const code = Number.parseInt(hex, 16);
    const low = /^\\u(d[c-f][0-9a-f]{2})/i.exec(this.text.slice(this.at + 1))?.[1];
    if (code < 0xd800 || code > 0xdbff || low === undefined) {
      return Buffer.from(String.fromCharCode(code)).toString('latin1');
    }
    this.at += 6;
    return Buffer.from(String.fromCharCode(code, Number.parseInt(low, 16))).toString('latin1');
  }

  private takes(word: string): boolean {
    if (!this.text.startsWith(word, this.at)) return false;
    this.at += word.length;
    return true;
  }

  private takesNext(word: string): boolean {
    this.skipSpace();
    return this.takes(word);
  }

  private skipSpace(): void {
    while (' \t\n\r'.includes(this.text[this.at] ?? 'x')) this.at++;
  }

  private unexpected(expected: string, found = this.found()): JsonError {
    return new JsonError(`Expected ${expected} but found ${found} at character ${this.at + 1}`);
  }

  private found(): string {
    const { text, at } = this;
    if (at >= text.length) return 'T_END';
    const named: Readonly<Record<string, string>> = {
      '{': 'T_OBJ_BEGIN',
      '}': 'T_OBJ_END',
      '[': 'T_ARR_BEGIN',
      ']': 'T_ARR_END',
      ',': 'T_COMMA',
      ':': 'T_COLON',
      '"': 'T_STRING',
    };
    const name = named[text[at] ?? ''];
    if (name !== undefined) return name;
    if (text.startsWith('true', at) || text.startsWith('false', at)) return 'T_BOOLEAN';
    if (text.startsWith('null', at)) return 'T_NULL';
    NUMBER.lastIndex = at;
    return NUMBER.test(text) ? 'T_NUMBER' : 'invalid token';
  }
}
