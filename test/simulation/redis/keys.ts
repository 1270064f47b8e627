import type { CommandTable } from './command.js';
import type { Connection } from './connection.js';
import type { Value } from './keyspace.js';
import { parseInteger } from './numbers.js';
import { ErrorReply, NOT_AN_INTEGER, OK, type Reply, Status } from './reply.js';

/** In ms; -1 without TTL, -2 where there is no such key. */
function leftMs(connection: Connection, key: string): number {
  const entry = connection.find(key);
  if (entry === undefined) return -2;
  return entry.expiresAtMs === Infinity ? -1 : entry.expiresAtMs - connection.nowMs();
}

const EXPIRE_OPTIONS: ReadonlySet<string> = new Set(['NX', 'XX', 'GT', 'LT']);

function expire(
  connection: Connection,
  words: readonly string[],
  unitMs: number,
  isAbsolute: boolean,
): Reply {
  const [, key = '', text, ...options] = words;
  const only = new Set(options.map(option => option.toUpperCase()));
  for (const option of options) {
    if (!EXPIRE_OPTIONS.has(option.toUpperCase())) {
      return new ErrorReply(`ERR Unsupported option ${option}`);
    }
  }
  if (only.has('NX') && only.size > 1) {
    return new ErrorReply('ERR NX and XX, GT or LT options at the same time are not compatible');
  }
  if (only.has('GT') && only.has('LT')) {
    return new ErrorReply('ERR GT and LT options at the same time are not compatible');
  }
  const count = parseInteger(text);
  if (count === null) return NOT_AN_INTEGER;
  const atMs = count * unitMs + (isAbsolute ? 0 : connection.nowMs());
  const entry = connection.find(key);
  if (entry === undefined) return 0;
  const beforeMs = entry.expiresAtMs;
  if (only.has('NX') && beforeMs !== Infinity) return 0;
  if (only.has('XX') && beforeMs === Infinity) return 0;
  if (only.has('GT') && atMs <= beforeMs) return 0;
  if (only.has('LT') && atMs >= beforeMs) return 0;
  // A time that is over deletes the key at once.
  if (atMs <= connection.nowMs()) connection.remove(key);
  else connection.put(key, entry.value, atMs);
  return 1;
}

function countOf(words: readonly string[], counts: (key: string) => boolean): number {
  let count = 0;
  for (let index = 1; index < words.length; index++) if (counts(words[index] ?? '')) count++;
  return count;
}

function typeOf(value: Value | undefined): string {
  if (value === undefined) return 'none';
  if (typeof value === 'string') return 'string';
  if (Array.isArray(value)) return 'list';
  return value instanceof Map ? 'hash' : 'zset';
}

function deletes(connection: Connection, words: readonly string[]): number {
  return countOf(words, key => connection.remove(key));
}

export const KEY_COMMANDS: CommandTable = {
  DEL: { arity: -2, writes: true, run: deletes },
  UNLINK: { arity: -2, writes: true, run: deletes },
  EXISTS: {
    arity: -2,
    reads: 'all',
    run: (connection, words) => countOf(words, key => connection.find(key) !== undefined),
  },
  TYPE: {
    arity: 2,
    reads: 'first',
    run: (connection, [, key = '']) => new Status(typeOf(connection.find(key)?.value)),
  },
  PTTL: { arity: 2, reads: 'first', run: (connection, [, key = '']) => leftMs(connection, key) },
  TTL: {
    arity: 2,
    reads: 'first',
    run: (connection, [, key = '']) => {
      const ms = leftMs(connection, key);
      return ms < 0 ? ms : Math.floor((ms + 500) / 1000);
    },
  },
  PEXPIRE: {
    arity: -3,
    writes: true,
    run: (connection, words) => expire(connection, words, 1, false),
  },
  PEXPIREAT: {
    arity: -3,
    writes: true,
    run: (connection, words) => expire(connection, words, 1, true),
  },
  EXPIRE: {
    arity: -3,
    writes: true,
    run: (connection, words) => expire(connection, words, 1000, false),
  },
  EXPIREAT: {
    arity: -3,
    writes: true,
    run: (connection, words) => expire(connection, words, 1000, true),
  },
  PEXPIRETIME: {
    arity: 2,
    reads: 'first',
    run: (connection, [, key = '']) => {
      const entry = connection.find(key);
      if (entry === undefined) return -2;
      return entry.expiresAtMs === Infinity ? -1 : entry.expiresAtMs;
    },
  },
  PERSIST: {
    arity: 2,
    writes: true,
    run: (connection, [, key = '']) => {
      const entry = connection.find(key);
      if (entry === undefined || entry.expiresAtMs === Infinity) return 0;
      connection.put(key, entry.value, Infinity);
      return 1;
    },
  },
  DBSIZE: { arity: 1, run: connection => connection.keys().length },
  FLUSHALL: {
    arity: -1,
    writes: true,
    run: connection => {
      connection.server.flush();
      return OK;
    },
  },
};
