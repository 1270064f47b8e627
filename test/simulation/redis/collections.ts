import type { CommandTable } from './command.js';
import type { Connection } from './connection.js';
import type { Value } from './keyspace.js';
import { parseInteger } from './numbers.js';
import { ErrorReply, NOT_AN_INTEGER, type Reply, WRONG_TYPE } from './reply.js';

/** Lists and hashes. A key of another type gives null. */
function listOf(value: Value | undefined): string[] | null {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : null;
}

function hashOf(value: Value | undefined): Map<string, string> | null {
  if (value === undefined) return new Map();
  return value instanceof Map ? value : null;
}

function withList(
  connection: Connection,
  key: string,
  run: (items: string[], isNew: boolean) => Reply,
): Reply {
  const value = connection.find(key)?.value;
  const items = listOf(value);
  return items === null ? WRONG_TYPE : run(items, value === undefined);
}

function withHash(
  connection: Connection,
  key: string,
  run: (fields: Map<string, string>, isNew: boolean) => Reply,
): Reply {
  const value = connection.find(key)?.value;
  const fields = hashOf(value);
  return fields === null ? WRONG_TYPE : run(fields, value === undefined);
}

function push(connection: Connection, words: readonly string[], toFront: boolean): Reply {
  const [, key = '', ...pushed] = words;
  return withList(connection, key, (items, isNew) => {
    if (toFront) items.unshift(...pushed.reverse());
    else items.push(...pushed);
    connection.store(key, items, isNew);
    return items.length;
  });
}

function pop(connection: Connection, words: readonly string[], fromFront: boolean): Reply {
  const [, key = '', counted] = words;
  const count = counted === undefined ? 1 : parseInteger(counted);
  if (words.length > 3)
    return new ErrorReply(`ERR wrong number of arguments for '${words[0]?.toLowerCase()}' command`);
  if (count === null || count < 0) {
    return new ErrorReply('ERR value is out of range, must be positive');
  }
  return withList(connection, key, (items, isNew) => {
    if (isNew) return null;
    if (count === 0) return [];
    const popped = fromFront ? items.splice(0, count) : items.splice(-count, count).reverse();
    connection.store(key, items, false);
    return counted === undefined ? (popped[0] ?? null) : popped;
  });
}

/** From first to last, both counted from the end where they are negative. */
export function between<T>(items: readonly T[], first: number, last: number): T[] {
  const from = first < 0 ? Math.max(0, items.length + first) : first;
  const to = last < 0 ? items.length + last : last;
  return items.slice(from, to + 1);
}

function removeFrom(items: string[], count: number, item: string): number {
  const limit = count === 0 ? Infinity : Math.abs(count);
  let removed = 0;
  while (removed < limit) {
    const index = count < 0 ? items.lastIndexOf(item) : items.indexOf(item);
    if (index < 0) break;
    items.splice(index, 1);
    removed++;
  }
  return removed;
}

const write = { writes: true, needsMemory: true } as const;

export const LIST_COMMANDS: CommandTable = {
  LPUSH: { ...write, arity: -3, run: (connection, words) => push(connection, words, true) },
  RPUSH: { ...write, arity: -3, run: (connection, words) => push(connection, words, false) },
  LPOP: { writes: true, arity: -2, run: (connection, words) => pop(connection, words, true) },
  RPOP: { writes: true, arity: -2, run: (connection, words) => pop(connection, words, false) },
  LLEN: {
    arity: 2,
    reads: 'first',
    run: (connection, [, key = '']) => withList(connection, key, items => items.length),
  },
  LRANGE: {
    arity: 4,
    reads: 'first',
    run: (connection, [, key = '', first, last]) => {
      const [from, to] = [parseInteger(first), parseInteger(last)];
      if (from === null || to === null) return NOT_AN_INTEGER;
      return withList(connection, key, items => between(items, from, to));
    },
  },
  LINDEX: {
    arity: 3,
    reads: 'first',
    run: (connection, [, key = '', at]) => {
      const index = parseInteger(at);
      return withList(connection, key, (items, isNew) => {
        if (isNew) return null;
        if (index === null) return NOT_AN_INTEGER;
        return items.at(index) ?? null;
      });
    },
  },
  LREM: {
    arity: 4,
    writes: true,
    run: (connection, [, key = '', counted, item = '']) => {
      const count = parseInteger(counted);
      if (count === null) return NOT_AN_INTEGER;
      return withList(connection, key, items => {
        const removed = removeFrom(items, count, item);
        if (removed > 0) connection.store(key, items, false);
        return removed;
      });
    },
  },
};

export const HASH_COMMANDS: CommandTable = {
  HSET: {
    ...write,
    arity: -4,
    run: (connection, words) => {
      const [, key = '', ...pairs] = words;
      if (pairs.length % 2 === 1) {
        return new ErrorReply("ERR wrong number of arguments for 'hset' command");
      }
      return withHash(connection, key, (fields, isNew) => {
        const before = fields.size;
        for (let index = 0; index < pairs.length; index += 2) {
          fields.set(pairs[index] ?? '', pairs[index + 1] ?? '');
        }
        connection.store(key, fields, isNew);
        return fields.size - before;
      });
    },
  },
  HGET: {
    arity: 3,
    reads: 'first',
    run: (connection, [, key = '', field = '']) =>
      withHash(connection, key, fields => fields.get(field) ?? null),
  },
  HMGET: {
    arity: -3,
    reads: 'first',
    run: (connection, [, key = '', ...wanted]) =>
      withHash(connection, key, fields => wanted.map(field => fields.get(field) ?? null)),
  },
  HEXISTS: {
    arity: 3,
    reads: 'first',
    run: (connection, [, key = '', field = '']) =>
      withHash(connection, key, fields => (fields.has(field) ? 1 : 0)),
  },
  HGETALL: {
    arity: 2,
    reads: 'first',
    run: (connection, [, key = '']) => withHash(connection, key, fields => [...fields].flat()),
  },
  HLEN: {
    arity: 2,
    reads: 'first',
    run: (connection, [, key = '']) => withHash(connection, key, fields => fields.size),
  },
  HDEL: {
    arity: -3,
    writes: true,
    run: (connection, [, key = '', ...unwanted]) =>
      withHash(connection, key, fields => {
        const removed = unwanted.filter(field => fields.delete(field)).length;
        if (removed > 0) connection.store(key, fields, false);
        return removed;
      }),
  },
  HINCRBY: {
    ...write,
    arity: 4,
    run: (connection, [, key = '', field = '', counted]) => {
      const by = parseInteger(counted);
      if (by === null) return NOT_AN_INTEGER;
      return withHash(connection, key, (fields, isNew) => {
        const before = parseInteger(fields.get(field) ?? '0');
        if (before === null) return new ErrorReply('ERR hash value is not an integer');
        fields.set(field, String(before + by));
        connection.store(key, fields, isNew);
        return before + by;
      });
    },
  },
};
