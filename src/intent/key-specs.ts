import { type Arguments, canonicalNumber, textAt, wordAt } from './arguments.js';

/**
 * Where a command's keys are among its arguments, as Redis 7 describes it in COMMAND ("key
 * specifications"); what older servers say is put in the same form.
 */
export interface KeySpec {
  readonly begin:
    | { readonly type: 'index'; readonly index: number }
    | { readonly type: 'keyword'; readonly keyword: string; readonly startFrom: number };
  readonly find:
    | {
        readonly type: 'range';
        readonly lastKey: number;
        readonly step: number;
        readonly limit: number;
      }
    | {
        readonly type: 'keynum';
        readonly numberAt: number;
        readonly firstKey: number;
        readonly step: number;
      };
}

/**
 * Adds the keys that `spec` finds to `keys`. False where the arguments do not fit it: Redis will
 * refuse the command, but what it would touch can't be told.
 */
export function addKeys(spec: KeySpec, args: Arguments, keys: string[]): boolean {
  const first = beginning(spec, args);
  // An optional keyword (STORE …) that isn't there brings no keys.
  if (first === 0) return true;
  const { find } = spec;
  if (find.type === 'keynum') {
    const count = canonicalNumber(textAt(args, first + find.numberAt));
    if (count === null) return false;
    const start = first + find.firstKey;
    return addRange(args, start, start + (count - 1) * find.step, find.step, keys);
  }
  let last: number;
  if (find.lastKey >= 0) last = first + find.lastKey;
  else if (find.limit <= 1) last = args.length + find.lastKey;
  else last = first + Math.floor((args.length - first) / find.limit) + find.lastKey;
  return addRange(args, first, last, find.step, keys);
}

function beginning(spec: KeySpec, args: Arguments): number {
  const { begin } = spec;
  if (begin.type === 'index') return begin.index;
  const forward = begin.startFrom > 0;
  let at = forward ? begin.startFrom : args.length + begin.startFrom;
  const end = forward ? args.length : 0;
  for (; forward ? at < end : at > end; at += forward ? 1 : -1) {
    if (wordAt(args, at) === begin.keyword) return at + 1;
  }
  return 0;
}

export function addRange(
  args: Arguments,
  first: number,
  last: number,
  step: number,
  keys: string[],
): boolean {
  if (first < 1 || step < 1 || last >= args.length) return false;
  for (let at = first; at <= last; at += step) keys.push(textAt(args, at));
  return true;
}

/**
 * What servers before 7.0 call "movable keys" and leave to the reader to find. SORT, EVAL, MIGRATE
 * and the like, which touch more than they name, are read elsewhere.
 */
export const MOVABLE_KEYS_BEFORE_7: ReadonlyMap<string, readonly KeySpec[]> = new Map(
  Object.entries({
    zunion: [counted(1)],
    zinter: [counted(1)],
    zdiff: [counted(1)],
    zunionstore: [single(1), counted(2)],
    zinterstore: [single(1), counted(2)],
    zdiffstore: [single(1), counted(2)],
    georadius: [single(1), following('store', 6), following('storedist', 6)],
    georadiusbymember: [single(1), following('store', 5), following('storedist', 5)],
    xread: [streams(1)],
    xreadgroup: [streams(4)],
  }),
);

function single(index: number): KeySpec {
  return {
    begin: { type: 'index', index },
    find: { type: 'range', lastKey: 0, step: 1, limit: 0 },
  };
}

function counted(index: number): KeySpec {
  return {
    begin: { type: 'index', index },
    find: { type: 'keynum', numberAt: 0, firstKey: 1, step: 1 },
  };
}

function following(keyword: string, startFrom: number): KeySpec {
  return {
    begin: { type: 'keyword', keyword, startFrom },
    find: { type: 'range', lastKey: 0, step: 1, limit: 0 },
  };
}

function streams(startFrom: number): KeySpec {
  return {
    begin: { type: 'keyword', keyword: 'streams', startFrom },
    find: { type: 'range', lastKey: -1, step: 1, limit: 2 },
  };
}
