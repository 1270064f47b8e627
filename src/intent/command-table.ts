import { type Arguments, wordAt } from './arguments.js';
import { readCommandReply } from './command-reply.js';
import { type KeyRule, ruleOf, ruleOfName } from './key-rules.js';
import { keysByRule, type ScriptScopes } from './named-keys.js';
import {
  LISTED_NAMES,
  type Place,
  placeNeedsArguments,
  placeOfArguments,
  placeOfName,
} from './share-list.js';
import type { Touched } from './touched.js';
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
  /**
   * With up to so many arguments it may share a pipe, concerns no lock, and touches no keys but those
   * that it names in the client's own database. 0: never.
   */
  readonly plainArgumentsMax: number;
}

const LOCK_ARGUMENTS_MIN: ReadonlyMap<string, number> = new Map([
  ['set', 4],
  ['setnx', 3],
  ['eval', 3],
  ['eval_ro', 3],
  ['evalsha', 5],
  ['script', 3],
]);

/** Redis takes no request of more. */
const ARGUMENTS_MAX = 2 ** 31 - 1;

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

/** They touch no key, but what they tell has names of ours in it, which are left out (invariant 5). */
const TELLS_NAMES: ReadonlySet<string> = new Set(['pubsub']);

function staysWithItsKeys(rule: KeyRule): boolean {
  if (typeof rule === 'object') return rule.kind !== 'subcommands';
  return rule === 'none';
}

function factsOf(name: string, rule: KeyRule): CommandFacts {
  const single = typeof rule === 'object' && rule.kind === 'range' && rule.first === rule.last;
  const place = placeOfName(name);
  const needsArguments = placeNeedsArguments(name);
  const lockArgumentsMin = LOCK_ARGUMENTS_MIN.get(name) ?? 0;
  const isPlain =
    place === 'shared' && !needsArguments && !TELLS_NAMES.has(name) && staysWithItsKeys(rule);
  const plainMax = lockArgumentsMin > 0 ? lockArgumentsMin - 1 : ARGUMENTS_MAX;
  return {
    name,
    place,
    placeNeedsArguments: needsArguments,
    keyAt: single ? rule.first : -1,
    lockArgumentsMin,
    rule,
    plainArgumentsMax: isPlain ? plainMax : 0,
  };
}
