import type { Lifetime } from '../../harness/lifetime.js';
import { RedisServer } from '../../harness/redis-server.js';
import { RespClient } from '../../harness/resp-client.js';
import type { Connection } from '../../simulation/redis/connection.js';
import { ErrorReply, type Reply, Status } from '../../simulation/redis/reply.js';
import { SimulatedRedis } from '../../simulation/redis/simulated-redis.js';

/** How to read all that a key holds, by its type. */
const READERS: Readonly<Record<string, (key: string) => readonly string[]>> = {
  string: key => ['GET', key],
  list: key => ['LRANGE', key, '0', '-1'],
  hash: key => ['HGETALL', key],
  zset: key => ['ZRANGE', key, '0', '-1', 'WITHSCORES'],
};

/** Where the two differ. */
export interface Difference {
  readonly what: string;
  readonly real: string;
  readonly simulated: string;
}

/** A real Redis and the simulated one, asked the same. Their clocks are the same, but for a moment. */
export class Pair {
  readonly differences: Difference[] = [];
  asked = 0;

  private constructor(
    readonly server: RedisServer,
    readonly real: RespClient,
    readonly redis: SimulatedRedis,
    readonly simulated: Connection,
  ) {}

  static async start(t: Lifetime): Promise<Pair> {
    const server = await RedisServer.start(t);
    const real = await RespClient.connect(t, server.port);
    const redis = new SimulatedRedis({ trueMs: wallMs });
    return new Pair(server, real, redis, redis.connect());
  }

  /** Asks both. What differs is noted, in their answers or in what they hold afterwards. */
  async ask(words: readonly string[], what = shown(words), timesFrom = TIMES_FROM): Promise<Reply> {
    const real = await this.real.call(...words);
    const reply = this.simulated.call(words);
    const simulated = respOf(reply);
    if (!isAlike(real, simulated, timesFrom)) this.differences.push({ what, real, simulated });
    this.asked++;
    return reply;
  }

  /** As `ask`, and looks at all keys afterwards. */
  async askAndLook(
    words: readonly string[],
    what = shown(words),
    timesFrom = TIMES_FROM,
  ): Promise<Reply> {
    const reply = await this.ask(words, what, timesFrom);
    const difference = await this.compareKeys();
    if (difference !== null) {
      this.differences.push({ ...difference, what: `${difference.what} after ${what}` });
    }
    return reply;
  }

  /** Null where both have the same keys, with the same contents and TTLs. */
  private async compareKeys(): Promise<Difference | null> {
    const listed = await this.real.call('KEYS', '*');
    const keys = this.simulated.keys();
    const names = respOf([...keys].sort());
    const realNames = respOf(linesOf(listed).sort());
    if (names !== realNames) return { what: 'the keys', real: realNames, simulated: names };
    const questions = keys.flatMap(key => {
      const type = this.simulated.ask('TYPE', key);
      const reader = READERS[String(type)];
      if (reader === undefined) throw new Error(`${key} is a ${type}`);
      return [['TYPE', key], ['PTTL', key], reader(key)];
    });
    const answers = await this.real.pipeline(questions);
    for (const [index, words] of questions.entries()) {
      const real = answers[index] ?? '';
      const simulated = respOf(this.simulated.call(words));
      if (!isAlike(real, simulated)) return { what: shown(words), real, simulated };
    }
    return null;
  }
}

function wallMs(): number {
  return performance.timeOrigin + performance.now();
}

/** The bulk strings of an array reply. */
function linesOf(reply: string): string[] {
  return reply
    .split('\r\n')
    .slice(1, -1)
    .filter((_, index) => index % 2 === 1);
}

/** A reply as RESP2. */
function respOf(reply: Reply): string {
  if (typeof reply === 'string') return `$${reply.length}\r\n${reply}\r\n`;
  if (typeof reply === 'number') return `:${reply}\r\n`;
  if (reply === null) return '$-1\r\n';
  if (reply instanceof Status) return `+${reply.text}\r\n`;
  if (reply instanceof ErrorReply) return `-${reply.message}\r\n`;
  return `*${reply.length}\r\n${reply.map(respOf).join('')}`;
}

function shown(words: readonly string[]): string {
  return words.map(word => (/^[\w:{}.-]+$/.test(word) ? word : JSON.stringify(word))).join(' ');
}

/** From here on a number is a time or a TTL, in ms, or a fence, which is a time in microseconds. */
const TIMES_FROM = 100_000;
const FENCE_FROM = 1e15;
/** What may lie between two servers that are asked one after the other, on a machine with much to do. */
const APART_MS = 5000;

/**
 * The same bytes, but for times, which may differ by a moment. Redis has two nulls; a script sees
 * one, and so does a client library.
 */
function isAlike(real: string, simulated: string, timesFrom = TIMES_FROM): boolean {
  if (real === simulated) return true;
  const [one, other] = [partsOf(real), partsOf(simulated)];
  if (one.length !== other.length) return false;
  return one.every((part, index) => {
    const counterpart = other[index] ?? '';
    if (part === counterpart) return true;
    const [number, another] = [Number(part), Number(counterpart)];
    if (!(number >= timesFrom && another >= timesFrom)) return false;
    const apart = Math.abs(number - another);
    return apart <= (number >= FENCE_FROM ? APART_MS * 1000 : APART_MS);
  });
}

function partsOf(reply: string): string[] {
  return reply.replaceAll('*-1\r\n', '$-1\r\n').split(/(\d+)/);
}
