import type { SeededRandom } from '../../simulation/random.js';

const KEYS = ['a', 'b', 'c', 'd'];
const FIELDS = ['f', 'g', 'h', '', 'a b'];
/** Some that are read as numbers, some nearly, some not at all. */
const TEXTS = ['', 'x', '0', '7', '-3', '007', '1.5', ' 1', '+1', 'forelock:p:e:1', '\xff\0\r\n'];
const SCORES = ['0', '1', '-1', '2.5', '0.1', '1e3', 'inf', '-inf', 'x', '1700000000123'];
/** Long enough to outlast the test, or over at once, or no TTL. */
const TTLS_MS = ['600000', '700000', '1000000', '0', '-5', 'x', '1.5', ''];
const INDEXES = ['0', '1', '-1', '2', '-2', '5', '-9', 'x'];

/** One command with arguments at random, most of them right. */
export function randomCommand(random: SeededRandom): string[] {
  const key = (): string => random.pick(KEYS);
  const text = (): string => random.pick(TEXTS);
  /** One of two, so that a list has it more than once. */
  const item = (): string => random.pick(['x', '0']);
  const field = (): string => random.pick(FIELDS);
  const score = (): string => random.pick(SCORES);
  const ttlMs = (): string => random.pick(TTLS_MS);
  const index = (): string => random.pick(INDEXES);
  const some = (least: number, one: () => string): string[] =>
    Array.from({ length: least + random.below(3) }, one);
  /** A word, or now and then none. */
  const maybe = (...words: string[]): string[] => (random.chance(0.3) ? words : []);
  const flip = (...words: readonly string[]): string[] =>
    random.chance(0.5) ? [random.pick(words)] : [];
  const bound = (): string => random.pick(['-inf', '+inf', '0', '(1', '2.5', '(0.1', 'x']);

  const forms: readonly (() => string[])[] = [
    () => ['GET', key()],
    () => ['SET', key(), text(), ...maybe('NX'), ...maybe('GET'), ...maybe('PX', ttlMs())],
    () => [
      'SET',
      key(),
      text(),
      ...flip('NX', 'XX', 'nx', 'KEEPTTL'),
      ...maybe('KEEPTTL'),
      ...maybe('px', ttlMs()),
    ],
    () => [
      'SET',
      key(),
      text(),
      random.pick(['EX', 'PX', 'PXAT', 'EXAT', 'FOO']),
      random.pick(['900000', '9000000', '0', 'x']),
    ],
    () => ['SETNX', key(), text()],
    () => ['PSETEX', key(), ttlMs(), text()],
    () => ['GETDEL', key()],
    () => ['INCR', key()],
    () => ['DECR', key()],
    () => ['INCRBY', key(), text()],
    () => ['DEL', ...some(1, key)],
    () => ['EXISTS', ...some(1, key)],
    () => ['TYPE', key()],
    () => ['PTTL', key()],
    () => ['PEXPIRE', key(), ttlMs(), ...flip('NX', 'XX', 'GT', 'LT', 'gt', 'YY')],
    () => ['PEXPIREAT', key(), random.pick([String(Date.now() + 800_000), '5', '-1', '0'])],
    () => ['PERSIST', key()],
    () => ['LPUSH', key(), ...some(1, random.chance(0.3) ? text : item)],
    () => ['RPUSH', key(), ...some(2, item)],
    () => ['LPOP', key(), ...maybe(index())],
    () => ['RPOP', key(), ...maybe(index())],
    () => ['LLEN', key()],
    () => ['LRANGE', key(), index(), index()],
    () => ['LINDEX', key(), index()],
    () => ['LREM', key(), index(), item()],
    () => [
      'HSET',
      key(),
      field(),
      text(),
      ...maybe(field(), text()),
      ...(random.chance(0.1) ? ['odd'] : []),
    ],
    () => ['HGET', key(), field()],
    () => ['HMGET', key(), ...some(1, field)],
    () => ['HGETALL', key()],
    () => ['HLEN', key()],
    () => ['HEXISTS', key(), field()],
    () => ['HDEL', key(), ...some(1, field)],
    () => ['HINCRBY', key(), field(), text()],
    () => [
      'ZADD',
      key(),
      ...flip('NX', 'XX', 'GT', 'LT', 'ch'),
      ...maybe('CH'),
      score(),
      field(),
      ...maybe(score(), field()),
    ],
    () => ['ZREM', key(), ...some(1, field)],
    () => ['ZSCORE', key(), field()],
    () => ['ZCARD', key()],
    () => ['ZRANK', key(), field()],
    () => ['ZCOUNT', key(), bound(), bound()],
    () => [
      'ZRANGE',
      key(),
      index(),
      index(),
      ...maybe('REV'),
      ...maybe('WITHSCORES'),
      ...(random.chance(0.1) ? ['LIMIT', '0', '1'] : []),
    ],
    () => [
      'ZRANGE',
      key(),
      bound(),
      bound(),
      'BYSCORE',
      ...maybe('REV'),
      ...maybe('LIMIT', index(), index()),
      ...maybe('withscores'),
    ],
    () => ['ZRANGEBYSCORE', key(), bound(), bound(), ...maybe('LIMIT', index(), index())],
    () => ['ZREMRANGEBYSCORE', key(), bound(), bound()],
    () => ['PUBLISH', 'channel', text()],
    () => ['ECHO', text()],
  ];
  const words = random.pick(forms)();
  // Now and then a word too few or too many.
  if (random.chance(0.02)) words.pop();
  if (random.chance(0.01)) words.push('more');
  if (words.length === 0) return ['PING'];
  return random.chance(0.1) ? [words[0]?.toLowerCase() ?? '', ...words.slice(1)] : words;
}
