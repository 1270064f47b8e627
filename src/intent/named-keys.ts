import { type Arguments, canonicalNumber, textAt, wordAt } from './arguments.js';
import { type KeyRule, ruleOfName } from './key-rules.js';
import { addKeys, addRange } from './key-specs.js';
import type { ScriptScope, Touched } from './touched.js';

/** The part of the script library that tells what a script touches. */
export interface ScriptScopes {
  scopeOfText(text: string): ScriptScope;
  scopeOfSha(sha: string): ScriptScope;
}

/** What a command with these arguments touches, by the rule for its keys. */
export function keysByRule(rule: KeyRule, args: Arguments, scripts: ScriptScopes): Touched {
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
