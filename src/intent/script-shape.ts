import { type LuaToken, luaTokens } from './lua-tokens.js';
import {
  effectOf,
  isTrue,
  NIL,
  replyOf,
  type ScriptEffect,
  type ScriptReply,
  Unreadable,
  type Value,
} from './script-values.js';

/**
 * What a script does to its one key when called with one key, a token and, where it extends, a time
 * to live: it compares the key's value with the token and, where they are equal, deletes the key or
 * gives it the time to live. Where they differ, it does nothing.
 */
export interface ScriptShape {
  readonly kind: 'release' | 'extend';
  /** The command that is run where the values are equal, as an upper-case name. */
  readonly effect: ScriptEffect;
  /** What the caller is told where the values were equal, and where they were not. */
  readonly yes: ScriptReply;
  readonly no: ScriptReply;
}

/**
 * Reads a hand-written release or extension by meaning: the script is run here on symbols, once
 * with the key holding the token and once without. It knows a small part of Lua; whatever it does
 * not know, be it a single word, makes it answer null, for a wrong guess would break mutual
 * exclusion.
 */
export function scriptShape(source: string, tokensMax: number): ScriptShape | null {
  // Flags (`#!lua flags=…`) change what may happen.
  if (source.startsWith('#!')) return null;
  const tokens = luaTokens(source);
  if (tokens === null || tokens.length > tokensMax) return null;
  try {
    const equal = new SymbolicRun(tokens, true).outcome();
    const other = new SymbolicRun(tokens, false).outcome();
    return shapeOf(equal, other);
  } catch (error) {
    if (error instanceof Unreadable) return null;
    throw error;
  }
}

interface Outcome {
  readonly effects: readonly ScriptEffect[];
  readonly compared: boolean;
  readonly reply: ScriptReply;
}

function shapeOf(equal: Outcome, other: Outcome): ScriptShape | null {
  const [effect] = equal.effects;
  if (effect === undefined || equal.effects.length !== 1 || other.effects.length !== 0) return null;
  if (!equal.compared || !other.compared) return null;
  // A caller who is told the same either way can't be answered from what the lock manager knows.
  if (equal.reply === other.reply) return null;
  const kind = effect === 'DEL' || effect === 'UNLINK' ? 'release' : 'extend';
  return { kind, effect, yes: equal.reply, no: other.reply };
}

const GLOBALS = new Set(['redis', 'KEYS', 'ARGV', 'tonumber']);

class SymbolicRun {
  readonly #tokens: readonly LuaToken[];
  /** Whether the key holds the token in this run. */
  readonly #equal: boolean;
  #at = 0;
  readonly #locals = new Map<string, Value>();
  readonly #effects: ScriptEffect[] = [];
  #compared = false;
  /** False while a branch that is not taken is read over: it must be readable, and does nothing. */
  #running = true;
  #returned: Value | null = null;

  constructor(tokens: readonly LuaToken[], equal: boolean) {
    this.#tokens = tokens;
    this.#equal = equal;
  }

  outcome(): Outcome {
    this.#block();
    if (this.#at < this.#tokens.length) throw new Unreadable();
    const reply = replyOf(this.#returned ?? NIL);
    return { effects: this.#effects, compared: this.#compared, reply };
  }

  /** Statements up to `end`, `else`, `elseif` or the end of the text. */
  #block(): void {
    const declared: string[] = [];
    this.#statements(declared);
    for (const name of declared) this.#locals.delete(name);
  }

  #statements(declared: string[]): void {
    for (;;) {
      if (this.#take('local')) declared.push(...this.#local());
      else if (this.#take('if')) this.#if();
      else if (this.#take('return')) {
        this.#return();
        // Nothing may follow `return` in its block.
        return;
      } else if (this.#peek('redis')) this.#redisCall();
      else return;
      // Lua 5.1 knows no empty statement: one `;` ends one statement.
      this.#take(';');
    }
  }

  #local(): readonly string[] {
    const names: string[] = [];
    do names.push(this.#name());
    while (this.#take(','));
    this.#expect('=');
    const values: Value[] = [];
    do values.push(this.#expression());
    while (this.#take(','));
    if (values.length !== names.length) throw new Unreadable();
    names.forEach((name, index) => {
      // A name has one meaning here, wherever it stands.
      if (this.#locals.has(name) || GLOBALS.has(name)) throw new Unreadable();
      this.#locals.set(name, values[index] ?? NIL);
    });
    return names;
  }

  #if(): void {
    const wasRunning = this.#running;
    let taken = false;
    do {
      const condition = isTrue(this.#expression());
      this.#expect('then');
      this.#running = wasRunning && !taken && condition && this.#returned === null;
      taken ||= condition;
      this.#block();
      this.#running = wasRunning;
    } while (this.#takeElseIf(taken));
    if (this.#take('else')) {
      this.#running = wasRunning && !taken && this.#returned === null;
      this.#block();
      this.#running = wasRunning;
    }
    this.#expect('end');
    if (this.#returned !== null) this.#running = false;
  }

  /** `elseif` with a condition that would run commands is read only where it is reached. */
  #takeElseIf(taken: boolean): boolean {
    if (!this.#peek('elseif')) return false;
    if (taken) throw new Unreadable();
    return this.#take('elseif');
  }

  #return(): void {
    const ends = this.#at === this.#tokens.length || this.#peek('end') || this.#peek('else');
    const value = ends || this.#peek('elseif') || this.#peek(';') ? NIL : this.#expression();
    this.#take(';');
    if (!this.#running) return;
    this.#returned = value;
    this.#running = false;
  }

  #expression(): Value {
    let left = this.#conjunction();
    while (this.#take('or')) {
      const wasRunning = this.#running;
      this.#running = wasRunning && !isTrue(left);
      const right = this.#conjunction();
      this.#running = wasRunning;
      if (!isTrue(left)) left = right;
    }
    return left;
  }

  #conjunction(): Value {
    let left = this.#comparison();
    while (this.#take('and')) {
      const wasRunning = this.#running;
      this.#running = wasRunning && isTrue(left);
      const right = this.#comparison();
      this.#running = wasRunning;
      if (isTrue(left)) left = right;
    }
    return left;
  }

  #comparison(): Value {
    const left = this.#unary();
    const negated = this.#peek('~=');
    if (!negated && !this.#peek('==')) return left;
    this.#at++;
    const right = this.#unary();
    // `a == b == c` compares a boolean.
    if (this.#peek('==') || this.#peek('~=')) throw new Unreadable();
    return { is: 'boolean', yes: this.#same(left, right) !== negated };
  }

  /** The one comparison that is understood: what GET replied, with the first argument. */
  #same(left: Value, right: Value): boolean {
    const [got, token] = left.is === 'got' ? [left, right] : [right, left];
    if (got.is !== 'got' || token.is !== 'argument' || token.index !== 1) throw new Unreadable();
    if (this.#running) this.#compared = true;
    return this.#equal;
  }

  #unary(): Value {
    if (!this.#take('not')) return this.#operand();
    return { is: 'boolean', yes: !isTrue(this.#unary()) };
  }

  #operand(): Value {
    if (this.#take('(')) {
      const value = this.#expression();
      this.#expect(')');
      return value;
    }
    const token = this.#tokens[this.#at];
    if (token === undefined) throw new Unreadable();
    if (token.type === 'string') {
      this.#at++;
      if (token.text === null) throw new Unreadable();
      return { is: 'string', text: token.text };
    }
    if (token.type === 'number') return this.#number();
    if (this.#take('-')) {
      const value = this.#number();
      return { is: 'number', number: -value.number };
    }
    if (this.#take('nil')) return NIL;
    if (this.#take('true')) return { is: 'boolean', yes: true };
    if (this.#take('false')) return { is: 'boolean', yes: false };
    if (this.#peek('redis')) return this.#redisCall();
    if (token.type !== 'name') throw new Unreadable();
    return this.#variable(this.#name());
  }

  #number(): Extract<Value, { is: 'number' }> {
    const token = this.#tokens[this.#at];
    if (token?.type !== 'number' || !/^(0|[1-9][0-9]{0,8})$/.test(token.text))
      throw new Unreadable();
    this.#at++;
    return { is: 'number', number: Number(token.text) };
  }

  #variable(name: string): Value {
    const local = this.#locals.get(name);
    if (local !== undefined) return local;
    if (name === 'tonumber') {
      // A canonical number stays what it is, and of others only Redis may judge.
      this.#expect('(');
      const value = this.#expression();
      this.#expect(')');
      if (value.is !== 'argument' || value.index !== 2) throw new Unreadable();
      return value;
    }
    if (name !== 'KEYS' && name !== 'ARGV') throw new Unreadable();
    this.#expect('[');
    const index = this.#number().number;
    this.#expect(']');
    if (name === 'ARGV') return { is: 'argument', index };
    if (index !== 1) throw new Unreadable();
    return { is: 'key' };
  }

  #redisCall(): Value {
    this.#expect('redis');
    this.#expect('.');
    if (!this.#take('call')) this.#expect('pcall');
    this.#expect('(');
    const args: Value[] = [];
    do args.push(this.#expression());
    while (this.#take(','));
    this.#expect(')');
    return this.#command(args);
  }

  #command(args: readonly Value[]): Value {
    const [name, key, ...rest] = args;
    if (name?.is !== 'string' || key?.is !== 'key') throw new Unreadable();
    const command = name.text.toUpperCase();
    if (command === 'GET') {
      // After a change GET would not bring what is compared here.
      if (rest.length > 0 || this.#effects.length > 0) throw new Unreadable();
      return { is: 'got' };
    }
    const effect = effectOf(command, rest);
    if (effect === null) throw new Unreadable();
    const done: Value = effect.startsWith('SET') ? { is: 'status' } : { is: 'number', number: 1 };
    if (this.#running) {
      // Only of a key that holds the token is it sure what the change replies.
      if (!this.#compared || !this.#equal) throw new Unreadable();
      this.#effects.push(effect);
    }
    return done;
  }

  #name(): string {
    const token = this.#tokens[this.#at];
    if (token?.type !== 'name') throw new Unreadable();
    this.#at++;
    return token.text;
  }

  #peek(text: string): boolean {
    const token = this.#tokens[this.#at];
    return token !== undefined && token.type !== 'string' && token.text === text;
  }

  #take(text: string): boolean {
    if (!this.#peek(text)) return false;
    this.#at++;
    return true;
  }

  #expect(text: string): void {
    if (!this.#take(text)) throw new Unreadable();
  }
}
