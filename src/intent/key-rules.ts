import type { CommandEntry, SpecEntry } from './command-reply.js';
import { type KeySpec, MOVABLE_KEYS_BEFORE_7 } from './key-specs.js';
import {
  EVERY_DATABASE,
  NO_KEYS,
  NO_KEYS_CONTAINERS,
  TYPED_MODULE_PREFIXES,
  WHOLE_DATABASE,
} from './whole-keyspace.js';

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

/** The rule of a command, from what its server tells and what is known here by name. */
export function ruleOf(entry: CommandEntry): KeyRule {
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
export function ruleOfName(name: string): KeyRule {
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

function ruleOfSpecs(entries: readonly SpecEntry[]): KeyRule {
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
