import type { KeySpec } from './key-specs.js';

/** One command as COMMAND describes it. */
export interface CommandEntry {
  /** Lower case; a subcommand's is `container|subcommand`. */
  readonly name: string;
  readonly arity: number;
  readonly flags: ReadonlySet<string>;
  readonly firstKey: number;
  readonly lastKey: number;
  readonly keyStep: number;
  /** Null on servers before 7.0, which tell no key specifications. */
  readonly specs: readonly SpecEntry[] | null;
  readonly subcommands: readonly CommandEntry[];
}

/** A key specification: readable, of things that aren't keys (channels), or beyond words. */
export type SpecEntry = KeySpec | 'not-keys' | 'incomplete';

/**
 * The commands of a server, from the reply to COMMAND as nested arrays of strings (or Buffers) and
 * numbers. What is malformed is left out: an unlisted command is taken to touch everything.
 */
export function readCommandReply(reply: unknown): CommandEntry[] {
  return list(reply)
    .map(readEntry)
    .filter(entry => entry !== null);
}

function readEntry(value: unknown): CommandEntry | null {
  const parts = list(value);
  const name = text(parts[0]).toLowerCase();
  if (name === '') return null;
  return {
    name,
    arity: number(parts[1]),
    flags: new Set(list(parts[2]).map(flag => text(flag).toLowerCase())),
    firstKey: number(parts[3]),
    lastKey: number(parts[4]),
    keyStep: number(parts[5]),
    specs: parts.length > 8 ? list(parts[8]).map(readSpec) : null,
    subcommands: readCommandReply(parts[9]),
  };
}

function readSpec(value: unknown): SpecEntry {
  const fields = pairs(value);
  const flags = list(fields.get('flags')).map(flag => text(flag).toLowerCase());
  if (flags.includes('not_key')) return 'not-keys';
  if (flags.includes('incomplete')) return 'incomplete';
  const begin = readBegin(pairs(fields.get('begin_search')));
  const find = readFind(pairs(fields.get('find_keys')));
  return begin === null || find === null ? 'incomplete' : { begin, find };
}

function readBegin(fields: Fields): KeySpec['begin'] | null {
  const spec = pairs(fields.get('spec'));
  switch (text(fields.get('type'))) {
    case 'index':
      return { type: 'index', index: number(spec.get('index')) };
    case 'keyword':
      return {
        type: 'keyword',
        keyword: text(spec.get('keyword')).toLowerCase(),
        startFrom: number(spec.get('startfrom')),
      };
    default:
      return null;
  }
}

function readFind(fields: Fields): KeySpec['find'] | null {
  const spec = pairs(fields.get('spec'));
  switch (text(fields.get('type'))) {
    case 'range':
      return {
        type: 'range',
        lastKey: number(spec.get('lastkey')),
        step: number(spec.get('keystep')),
        limit: number(spec.get('limit')),
      };
    case 'keynum':
      return {
        type: 'keynum',
        numberAt: number(spec.get('keynumidx')),
        firstKey: number(spec.get('firstkey')),
        step: number(spec.get('keystep')),
      };
    default:
      return null;
  }
}

type Fields = ReadonlyMap<string, unknown>;

/** A RESP2 map: names and values in turn. */
function pairs(value: unknown): Fields {
  const parts = list(value);
  const fields = new Map<string, unknown>();
  for (let at = 0; at + 1 < parts.length; at += 2) fields.set(text(parts[at]), parts[at + 1]);
  return fields;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string {
  if (typeof value === 'string') return value;
  return Buffer.isBuffer(value) ? value.toString('latin1') : '';
}

function number(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
