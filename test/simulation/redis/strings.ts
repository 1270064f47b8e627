import type { CommandTable } from './command.js';
import type { Connection } from './connection.js';
import { parseInteger } from './numbers.js';
import { ErrorReply, NOT_AN_INTEGER, OK, type Reply, SYNTAX_ERROR, WRONG_TYPE } from './reply.js';

function get(connection: Connection, key: string): string | null | ErrorReply {
  const value = connection.find(key)?.value;
  if (value === undefined) return null;
  return typeof value === 'string' ? value : WRONG_TYPE;
}

/** A TTL option of SET, or an absolute time, as a time by the server's clock; or an error. */
function expiryOf(
  connection: Connection,
  option: string,
  text: string | undefined,
  command: string,
): number | ErrorReply {
  const count = parseInteger(text);
  if (count === null) return NOT_AN_INTEGER;
  const ms = option === 'EX' || option === 'EXAT' ? count * 1000 : count;
  if (count <= 0) return new ErrorReply(`ERR invalid expire time in '${command}' command`);
  return option === 'PXAT' || option === 'EXAT' ? ms : connection.nowMs() + ms;
}

function set(connection: Connection, words: readonly string[]): Reply {
  const [, key = '', value = ''] = words;
  let only: string | null = null;
  let wantsOld = false;
  let keepsTtl = false;
  let ttl: { readonly option: string; readonly text: string } | null = null;
  for (let index = 3; index < words.length; index++) {
    const option = words[index]?.toUpperCase() ?? '';
    const text = words[index + 1];
    if ((option === 'NX' || option === 'XX') && (only === null || only === option)) {
      only = option;
    } else if (option === 'GET') {
      wantsOld = true;
    } else if (option === 'KEEPTTL' && ttl === null) {
      keepsTtl = true;
    } else if (isTtl(option) && text !== undefined && ttl === null && !keepsTtl) {
      ttl = { option, text };
      index++;
    } else {
      return SYNTAX_ERROR;
    }
  }
  let expiresAtMs = Infinity;
  if (ttl !== null) {
    const at = expiryOf(connection, ttl.option, ttl.text, 'set');
    if (at instanceof ErrorReply) return at;
    expiresAtMs = at;
  }
  let old: Reply = null;
  if (wantsOld) {
    old = get(connection, key);
    if (old instanceof ErrorReply) return old;
  }
  const entry = connection.find(key);
  if (only !== null && (entry !== undefined) === (only === 'NX')) return old;
  if (keepsTtl && entry !== undefined) expiresAtMs = entry.expiresAtMs;
  connection.put(key, value, expiresAtMs);
  return wantsOld ? old : OK;
}

function isTtl(option: string): boolean {
  return option === 'PX' || option === 'EX' || option === 'PXAT' || option === 'EXAT';
}

function increase(connection: Connection, key: string, by: number | null): Reply {
  const entry = connection.find(key);
  if (by === null) return NOT_AN_INTEGER;
  const text = entry?.value ?? '0';
  if (typeof text !== 'string') return WRONG_TYPE;
  const before = parseInteger(text);
  if (before === null) return NOT_AN_INTEGER;
  const after = before + by;
  connection.put(key, String(after), entry?.expiresAtMs ?? Infinity);
  return after;
}

const write = { writes: true, needsMemory: true } as const;

export const STRING_COMMANDS: CommandTable = {
  GET: { arity: 2, reads: 'first', run: (connection, [, key = '']) => get(connection, key) },
  MGET: {
    arity: -2,
    reads: 'all',
    run: (connection, [, ...keys]) =>
      keys.map(key => {
        const value = get(connection, key);
        return typeof value === 'string' ? value : null;
      }),
  },
  SET: { ...write, arity: -3, run: set },
  SETNX: {
    ...write,
    arity: 3,
    run: (connection, [, key = '', value = '']) => {
      if (connection.find(key) !== undefined) return 0;
      connection.put(key, value, Infinity);
      return 1;
    },
  },
  PSETEX: {
    ...write,
    arity: 4,
    run: (connection, [, key = '', ttl, value = '']) => {
      const at = expiryOf(connection, 'PX', ttl, 'psetex');
      if (at instanceof ErrorReply) return at;
      connection.put(key, value, at);
      return OK;
    },
  },
  GETDEL: {
    arity: 2,
    writes: true,
    run: (connection, [, key = '']) => {
      const value = get(connection, key);
      if (typeof value === 'string') connection.remove(key);
      return value;
    },
  },
  INCR: { ...write, arity: 2, run: (connection, [, key = '']) => increase(connection, key, 1) },
  DECR: { ...write, arity: 2, run: (connection, [, key = '']) => increase(connection, key, -1) },
  INCRBY: {
    ...write,
    arity: 3,
    run: (connection, [, key = '', by]) => increase(connection, key, parseInteger(by)),
  },
};
