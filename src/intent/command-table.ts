import { type Arguments, canonicalNumber, textAt, wordAt } from './arguments.js';
import { type CommandEntry, readCommandReply } from './command-reply.js';
import { addKeys, addRange, type KeySpec, MOVABLE_KEYS_BEFORE_7 } from './key-specs.js';
import {
  LISTED_NAMES,
  type Place,
  placeNeedsArguments,
  placeOfArguments,
  placeOfName,
} from './share-list.js';
import type { ScriptScope, Touched } from './touched.js';
import {
  EVERY_DATABASE,
  NO_KEYS,
  NO_KEYS_CONTAINERS,
  TYPED_MODULE_PREFIXES,
  WHOLE_DATABASE,
} from './whole-keyspace.js';

/** What is known of a command before its arguments are looked at. */
export interface CommandFacts {
  /** Lower case. */
  readonly name: string;
  /** Where it may go; where `placeNeedsArguments` is true, `CommandTable.placeOf` tells. */
  readonly place: Place;
  readonly placeNeedsArguments: boolean;
  /** Position among the arguments of the one key that the command touches; -1: ask `keysOf`. */
  readonly keyAt: number;
  /**
   * With this many arguments or more, its name included, `intentOf` must see the command: it may be
   * a lock's, or teach the text of a script. 0: never.
   */
  readonly lockArgumentsMin: number;
  readonly rule: KeyRule;
}

/** How the keys of a command are found. */
export type KeyRule =
  | 'none'
  | 'whole-database'
  | 'every-database'
  | 'unknown'
  | 'script'
  | 'sort'
  | 'move'
  | 'copy'
  | { readonly kind: 'range'; readonly first: number; readonly last: number; readonly step: number }
  | { readonly kind: 'specs'; readonly specs: readonly KeySpec[] }
  | { readonly kind: 'subcommands'; readonly rules: ReadonlyMap<string, KeyRule> };

/** The part of the script library that tells what a script touches. */
export interface ScriptScopes {
  scopeOfText(text: string): ScriptScope;
  scopeOfSha(sha: string): ScriptScope;
}

const LOCK_ARGUMENTS_MIN: ReadonlyMap<string, number> = new Map([
  ['set', 4],
  ['setnx', 3],
  ['eval', 3],
  ['eval_ro', 3],
  ['evalsha', 5],
  ['script', 3],
]);

/** Rules for what COMMAND leaves out; they hold on servers of every version. */
const OWN_RULES: ReadonlyMap<string, KeyRule> = new Map<string, KeyRule>([
  ['eval', 'script'],
  ['eval_ro', 'script'],
  ['evalsha', 'script'],
  ['evalsha_ro', 'script'],
  ['sort', 'sort'],
  ['sort_ro', 'sort'],
  ['move', 'move'],
  ['copy', 'copy'],
]);

/** Containers whose subcommands older servers don't tell; what is known of them is known by name. */
const CONTAINERS_BY_NAME: ReadonlySet<string> = new Set([
  ...['cluster', 'function', 'module', 'script'],
]);
const CONTAINER_BY_NAME: KeyRule = { kind: 'subcommands', rules: new Map() };

/** The commands of one upstream, from its own COMMAND. */
export class CommandTable {
  readonly #byName = new Map<string, CommandFacts>();
  readonly #slots: (Slot | undefined)[];
  readonly #mask: number;
  readonly #longestName: number;

  /**
   * @param reply the reply to COMMAND, as nested arrays; null where the upstream has not told, or
   * may not tell: then every command but those of `NO_KEYS` is taken to touch everything.
   */
  constructor(reply: unknown) {
    for (const entry of readCommandReply(reply)) {
      this.#byName.set(entry.name, factsOf(entry.name, ruleOf(entry)));
    }
    for (const name of LISTED_NAMES) {
      if (this.#byName.has(name)) continue;
      this.#byName.set(name, factsOf(name, ruleOfName(name)));
    }
    const size = 4 << Math.ceil(Math.log2(this.#byName.size + 1));
    this.#slots = new Array<Slot | undefined>(size).fill(undefined);
    this.#mask = size - 1;
    this.#longestName = Math.max(...[...this.#byName.keys()].map(name => name.length));
    for (const facts of this.#byName.values()) this.#insert(facts);
  }

  /** All commands that the table knows. */
  get commands(): readonly CommandFacts[] {
    return [...this.#byName.values()];
  }

  commandNamed(name: string): CommandFacts | null {
    return this.#byName.get(name.toLowerCase()) ?? null;
  }

  /**
   * The command whose name stands at `bytes[start..end)`, in any case. This runs for every command
   * of every client and allocates nothing.
   */
  commandAt(bytes: Uint8Array, start: number, end: number): CommandFacts | null {
    const length = end - start;
    if (length > this.#longestName) return null;
    let hash = length;
    for (let at = start; at < end; at++) {
      hash = (Math.imul(hash, 31) + ((bytes[at] as number) | 0x20)) | 0;
    }
    let place = (hash ^ (hash >>> 15)) & this.#mask;
    for (;;) {
      const slot = this.#slots[place];
      if (slot === undefined) return null;
      if (slot.hash === hash && isName(slot.name, bytes, start, length)) return slot.facts;
      place = (place + 1) & this.#mask;
    }
  }

  /** Where a command may go, its arguments considered. */
  placeOf(facts: CommandFacts, args: Arguments): Place {
    if (!facts.placeNeedsArguments) return facts.place;
    return placeOfArguments(args.map((_, index) => wordAt(args, index)));
  }

  /** What a command touches. Its keys are copies: `args` need not be kept. */
  keysOf(args: Arguments, scripts: ScriptScopes): Touched {
    const name = wordAt(args, 0);
    const rule = this.#byName.get(name)?.rule ?? ruleOfName(name);
    return keysByRule(rule, args, scripts);
  }

  #insert(facts: CommandFacts): void {
    const name = Buffer.from(facts.name, 'latin1');
    let hash = name.length;
    for (const byte of name) hash = (Math.imul(hash, 31) + (byte | 0x20)) | 0;
    let place = (hash ^ (hash >>> 15)) & this.#mask;
    while (this.#slots[place] !== undefined) place = (place + 1) & this.#mask;
    this.#slots[place] = { hash, name, facts };
  }
}

interface Slot {
  readonly hash: number;
  readonly name: Uint8Array;
  readonly facts: CommandFacts;
}

/** Letters are compared without case; the hash folds other characters too, this does not. */
function isName(name: Uint8Array, bytes: Uint8Array, start: number, length: number): boolean {
  if (name.length !== length) return false;
  for (let at = 0; at < length; at++) {
    let byte = bytes[start + at] as number;
    if (byte >= 0x41 && byte <= 0x5a) byte |= 0x20;
    if (byte !== name[at]) return false;
  }
  return true;
}

function factsOf(name: string, rule: KeyRule): CommandFacts {
  const single = typeof rule === 'object' && rule.kind === 'range' && rule.first === rule.last;
  return {
    name,
    place: placeOfName(name),
    placeNeedsArguments: placeNeedsArguments(name),
    keyAt: single ? rule.first : -1,
    lockArgumentsMin: LOCK_ARGUMENTS_MIN.get(name) ?? 0,
    rule,
  };
}

function ruleOf(entry: CommandEntry): KeyRule {
  const { name } = entry;
  if (entry.subcommands.length > 0 && !NO_KEYS_CONTAINERS.has(name)) return subcommandRules(entry);
  const own = ruleOfName(name);
  if (own !== 'unknown') return own;
  // Before 7.0 containers tell no subcommands; MEMORY USAGE is the only one that moves its key.
  if (name === 'memory') return containerWithKey(name, 2);
  if (name === 'object' || name === 'xgroup' || name === 'xinfo') return containerWithKey(name, 2);
  if (entry.specs !== null && entry.specs.length > 0) return ruleOfSpecs(entry.specs);
  const movable = MOVABLE_KEYS_BEFORE_7.get(name);
  if (entry.flags.has('movablekeys')) {
    return movable === undefined ? 'unknown' : { kind: 'specs', specs: movable };
  }
  if (entry.firstKey > 0) {
    return {
      kind: 'range',
      first: entry.firstKey,
      last: entry.lastKey,
      step: Math.max(1, entry.keyStep),
    };
  }
  return TYPED_MODULE_PREFIXES.some(prefix => name.startsWith(prefix)) ? 'none' : 'unknown';
}

/** What is known of a command, or a subcommand, by its name alone. */
function ruleOfName(name: string): KeyRule {
  const own = OWN_RULES.get(name);
  if (own !== undefined) return own;
  if (CONTAINERS_BY_NAME.has(name)) return CONTAINER_BY_NAME;
  if (NO_KEYS.has(name) || NO_KEYS_CONTAINERS.has(name)) return 'none';
  if (WHOLE_DATABASE.has(name)) return 'whole-database';
  if (EVERY_DATABASE.has(name)) return 'every-database';
  return 'unknown';
}

function subcommandRules(entry: CommandEntry): KeyRule {
  const rules = new Map<string, KeyRule>();
  for (const subcommand of entry.subcommands) rules.set(subcommand.name, ruleOf(subcommand));
  return { kind: 'subcommands', rules };
}

function containerWithKey(name: string, at: number): KeyRule {
  const key: KeyRule = { kind: 'range', first: at, last: at, step: 1 };
  const subcommands: Readonly<Record<string, readonly string[]>> = {
    memory: ['usage'],
    object: ['encoding', 'idletime', 'freq', 'refcount'],
    xgroup: ['create', 'destroy', 'createconsumer', 'delconsumer', 'setid'],
    xinfo: ['consumers', 'stream', 'groups'],
  };
  const rules = (subcommands[name] ?? []).map(word => [`${name}|${word}`, key] as const);
  return { kind: 'subcommands', rules: new Map(rules) };
}

function ruleOfSpecs(entries: readonly (KeySpec | 'not-keys' | 'incomplete')[]): KeyRule {
  const specs = entries.filter(entry => entry !== 'not-keys');
  if (specs.length === 0) return 'none';
  if (specs.includes('incomplete')) return 'unknown';
  const complete = specs.filter(entry => entry !== 'incomplete');
  const [only] = complete;
  if (complete.length === 1 && only?.begin.type === 'index' && only.find.type === 'range') {
    const { lastKey, step, limit } = only.find;
    const first = only.begin.index;
    const last = lastKey >= 0 ? first + lastKey : lastKey;
    if (lastKey >= 0 || limit <= 1) return { kind: 'range', first, last, step };
  }
  return { kind: 'specs', specs: complete };
}

function keysByRule(rule: KeyRule, args: Arguments, scripts: ScriptScopes): Touched {
  switch (rule) {
    case 'none':
    case 'whole-database':
    case 'every-database':
    case 'unknown':
      return rule;
    case 'script':
      return keysOfScript(args, scripts);
    case 'sort':
      return keysOfSort(args);
    case 'move':
      return keysOfMove(args);
    case 'copy':
      return keysOfCopy(args);
  }
  if (rule.kind === 'subcommands') {
    const name = `${wordAt(args, 0)}|${wordAt(args, 1)}`;
    const inner = rule.rules.get(name) ?? ruleOfName(name);
    return keysByRule(inner, args, scripts);
  }
  const keys: string[] = [];
  if (rule.kind === 'range') {
    const last = rule.last >= 0 ? rule.last : args.length + rule.last;
    if (!addRange(args, rule.first, last, rule.step, keys)) return 'unknown';
  } else if (!rule.specs.every(spec => addKeys(spec, args, keys))) {
    return 'unknown';
  }
  // A command with keys that names none is refused by Redis, or understood by nobody here.
  return keys.length === 0 ? 'unknown' : named(keys);
}

function named(keys: readonly string[]): Touched {
  return keys.length === 0 ? 'none' : { keys, elsewhere: null };
}

function keysOfScript(args: Arguments, scripts: ScriptScopes): Touched {
  const count = canonicalNumber(textAt(args, 2));
  if (count === null || 3 + count > args.length) return 'unknown';
  const text = textAt(args, 1);
  const scope = wordAt(args, 0).startsWith('evalsha')
    ? scripts.scopeOfSha(text.toLowerCase())
    : scripts.scopeOfText(text);
  if (scope !== 'keys') return scope;
  const keys: string[] = [];
  addRange(args, 3, 2 + count, 1, keys);
  return named(keys);
}

/** BY and GET read keys whose names come out of the sorted values. */
function keysOfSort(args: Arguments): Touched {
  if (args.length < 2) return 'unknown';
  const keys = [textAt(args, 1)];
  for (let at = 2; at < args.length; at++) {
    switch (wordAt(args, at)) {
      case 'asc':
      case 'desc':
      case 'alpha':
        break;
      case 'limit':
        at += 2;
        break;
      case 'store':
        at++;
        if (at >= args.length) return 'unknown';
        keys.push(textAt(args, at));
        break;
      case 'by':
      case 'get':
        return 'whole-database';
      default:
        return 'unknown';
    }
  }
  return named(keys);
}

/** MOVE key database */
function keysOfMove(args: Arguments): Touched {
  const database = canonicalNumber(textAt(args, 2));
  if (args.length !== 3 || database === null) return 'unknown';
  const keys = [textAt(args, 1)];
  return { keys, elsewhere: { database, keys } };
}

/** COPY source destination [DB database] [REPLACE] */
function keysOfCopy(args: Arguments): Touched {
  if (args.length < 3) return 'unknown';
  const source = textAt(args, 1);
  const destination = textAt(args, 2);
  let database: number | null = null;
  for (let at = 3; at < args.length; at++) {
    const word = wordAt(args, at);
    if (word === 'replace') continue;
    if (word !== 'db') return 'unknown';
    at++;
    database = canonicalNumber(textAt(args, at));
    if (database === null) return 'unknown';
  }
  if (database === null) return named([source, destination]);
  return { keys: [source], elsewhere: { database, keys: [destination] } };
}
