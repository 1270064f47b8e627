import fc from 'fast-check';
import { EXTEND, EXTEND_SHA, RELEASE, RELEASE_SHA } from './lock-scripts.js';

/**
 * Random traffic whose replies depend on nothing but itself: no times, no ids, no random picks. So
 * any two Redis servers that take the same commands must answer with the same bytes.
 */

export type Command = readonly string[];

/** Long enough that nothing expires while a test runs; short enough to be granted from memory. */
const TTL_MS = 50_000;

const word = fc.constantFrom(
  'a',
  'b',
  'c',
  '1',
  '22',
  '-3',
  '1.5',
  '',
  'x y',
  '\r\n',
  '\0\xff\x80',
);
const longValue = fc.integer({ min: 1, max: 40_000 }).map(length => 'v'.repeat(length));
const value = fc.oneof({ weight: 8, arbitrary: word }, { weight: 1, arbitrary: longValue });
const owner = fc.constantFrom('owner-1', 'owner-2', 'owner-3');
const upperOrLower = (name: string): fc.Arbitrary<string> =>
  fc.constantFrom(name, name, name, name.toLowerCase());

const command = (name: string, ...args: fc.Arbitrary<string>[]): fc.Arbitrary<Command> =>
  fc.tuple(upperOrLower(name), ...args);

const literal = (text: string): fc.Arbitrary<string> => fc.constant(text);

/** Commands on data, keyed under `prefix`: of all types, on keys of other types too. */
function dataCommand(prefix: string): fc.Arbitrary<Command> {
  const key = fc.constantFrom('k1', 'k2', 'k3', 'lock-1').map(name => prefix + name);
  return fc.oneof(
    command('GET', key),
    command('SET', key, value),
    command('SET', key, value, literal('XX'), literal('GET')),
    command('APPEND', key, value),
    command('INCR', key),
    command('DEL', key),
    command('EXISTS', key, key),
    command('TYPE', key),
    command('MGET', key, key, key),
    command('MSET', key, value, key, value),
    command('RENAME', key, key),
    command('COPY', key, key, literal('REPLACE')),
    command('PERSIST', key),
    command('LPUSH', key, value),
    command('LRANGE', key, literal('0'), literal('-1')),
    command('RPOP', key, literal('2')),
    command('HSET', key, literal('field'), value),
    command('HGET', key, literal('field')),
    command('ZADD', key, literal('1'), value),
    command('ZRANGE', key, literal('0'), literal('-1'), literal('WITHSCORES')),
    command('SETRANGE', key, literal('5'), value),
    command('GETRANGE', key, literal('0'), literal('10')),
    command('STRLEN', key),
    command('DUMP', key),
    command('EVAL', literal('return {KEYS[1] ~= "", ARGV[1]}'), literal('1'), key, value),
    command('EVAL', literal('return redis.call("GET", KEYS[1])'), literal('1'), key),
  );
}

/** Locking, by several owners on few keys, so that some attempts fail. */
function lockCommand(prefix: string): fc.Arbitrary<Command> {
  const key = fc.constantFrom('lock-1', 'lock-2').map(name => prefix + name);
  const ttl = literal(String(TTL_MS));
  const one = literal('1');
  return fc.oneof(
    command('SET', key, owner, literal('NX'), literal('PX'), ttl),
    command('SET', key, owner, literal('PX'), ttl, literal('NX')),
    command('SET', key, owner, literal('EX'), literal('50'), literal('nx')),
    command('EVAL', literal(RELEASE), one, key, owner),
    command('EVAL', literal(RELEASE), one, key, owner),
    command('EVALSHA', literal(RELEASE_SHA), one, key, owner),
    command('EVAL', literal(EXTEND), one, key, owner, ttl),
    command('EVALSHA', literal(EXTEND_SHA), one, key, owner, ttl),
    command('SETNX', key, owner),
    command('GET', key),
    command('DEL', key),
  );
}

/** What changes the connection, what is wrong, and what says nothing of keys. */
const connectionCommand: fc.Arbitrary<Command> = fc.oneof(
  command('PING'),
  command('ECHO', value),
  command('SELECT', fc.constantFrom('0', '0', '1', '99')),
  command('MULTI'),
  command('EXEC'),
  command('EXEC'),
  command('DISCARD'),
  command('CLIENT', literal('SETNAME'), fc.constantFrom('me', 'a b')),
  command('CLIENT', literal('GETNAME')),
  command('NOSUCH', value),
  command('GET'),
  command('UNWATCH'),
  command('RESET'),
  command('CLIENT', literal('NOSUCH')),
);

export const anyCommand = (prefix: string): fc.Arbitrary<Command> =>
  fc.oneof(
    { weight: 5, arbitrary: dataCommand(prefix) },
    { weight: 5, arbitrary: lockCommand(prefix) },
    { weight: 2, arbitrary: connectionCommand },
    { weight: 1, arbitrary: command('WATCH', literal(`${prefix}k1`)) },
  );

/** A step of one of several clients who lock, and look at each other's locks, in turn. */
export interface LockStep {
  readonly client: number;
  readonly command: Command;
  /** Waits so long before it: delegations are made, kept and ended by time. */
  readonly pauseMs: number;
}

/** Whole cycles make a key worth delegating; single steps and touches come between them. */
export const lockSteps = (clients: number): fc.Arbitrary<LockStep[]> =>
  fc
    .array(
      fc.oneof(
        {
          weight: 6,
          arbitrary: fc
            .tuple(
              fc.nat(clients - 1),
              fc.constantFrom('lock-1', 'lock-2'),
              fc.integer({ min: 1, max: 8 }),
            )
            .map(([client, key, cycles]): LockStep[] =>
              Array.from({ length: cycles }, () => [
                {
                  client,
                  command: ['SET', key, `owner-${client}`, 'NX', 'PX', String(TTL_MS)],
                  pauseMs: 0,
                },
                { client, command: ['EVAL', RELEASE, '1', key, `owner-${client}`], pauseMs: 0 },
              ]).flat(),
            ),
        },
        {
          weight: 4,
          arbitrary: fc
            .tuple(
              fc.nat(clients - 1),
              fc.oneof(
                { weight: 4, arbitrary: lockCommand('') },
                { weight: 2, arbitrary: dataCommand('') },
                { weight: 1, arbitrary: connectionCommand },
                { weight: 1, arbitrary: command('WATCH', literal('lock-1')) },
                { weight: 1, arbitrary: command('FLUSHALL') },
              ),
              fc.constantFrom(0, 0, 0, 8, 40),
            )
            .map(([client, one, pauseMs]): LockStep[] => [{ client, command: one, pauseMs }]),
        },
      ),
      { minLength: 5, maxLength: 40, size: 'max' },
    )
    .map(steps => steps.flat());

export const session = (prefix: string, maxLength: number): fc.Arbitrary<Command[]> =>
  fc.array(anyCommand(prefix), { minLength: 1, maxLength, size: 'max' });

/** Where a stream of bytes is cut into writes: sizes, used in turn. */
export const writeSizes: fc.Arbitrary<number[]> = fc.array(
  fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 20_000 })),
  { minLength: 1, maxLength: 8 },
);

export function* cutInto(bytes: Buffer, sizes: readonly number[]): Generator<Buffer> {
  let at = 0;
  for (let turn = 0; at < bytes.length; turn++) {
    const end = at + (sizes[turn % sizes.length] ?? bytes.length);
    yield bytes.subarray(at, end);
    at = end;
  }
}

/** Bytes that look like RESP often enough to get into every corner of a parser. */
export const nearlyResp: fc.Arbitrary<Buffer> = fc
  .array(
    fc.oneof(
      {
        weight: 10,
        arbitrary: fc.constantFrom(
          ...[
            '\r\n',
            '\r\n',
            '\r\n',
            '\n',
            '\r',
            '*',
            '$',
            '*1\r\n',
            '*2\r\n',
            '*0\r\n',
            '*-1\r\n',
          ],
          ...[
            '$4\r\nPING\r\n',
            '$3\r\nGET\r\n',
            '$1\r\nk\r\n',
            '$0\r\n\r\n',
            '$-1\r\n',
            '$',
            '1',
            '4',
          ],
          ...['PING', 'GET k', 'ECHO "a b"', "ECHO 'a", 'ECHO "\\x41"', ' ', '\t', '"', "'", '\0'],
          ...[
            '*1\r\n$4\r\nPING\r\n',
            '*2\r\n$3\r\nGET\r\n$1\r\nk\r\n',
            '*99999999999',
            ':1\r\n',
            '-',
            '+',
          ],
        ),
      },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 8 }).map(toBinary) },
    ),
    { minLength: 1, maxLength: 30, size: 'max' },
  )
  .map(parts => Buffer.from(parts.join(''), 'latin1'));

function toBinary(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}
