import t from 'tap';
import {
  callsOf,
  cycle,
  delegate,
  isDelegated,
  isToken,
  LONG_TTL_MS,
  namesOfOurs,
  rawValue,
  statusOf,
} from '../harness/delegation.js';
import { Forelock } from '../harness/forelock.js';
import { eventually, type Lifetime, sleep } from '../harness/lifetime.js';
import { acquire, RELEASE, RELEASE_SHA, release, releaseBySha } from '../harness/lock-scripts.js';
import { type RedisOptions, RedisServer } from '../harness/redis-server.js';
import type { RespClient } from '../harness/resp-client.js';
import { decode } from '../harness/resp-frame.js';
import { Twins } from '../harness/twins.js';

/** Which locks are delegated, which never are, and what a delegation saves. */

interface Stage {
  readonly redis: RedisServer;
  readonly forelock: Forelock;
  /** A client of Redis itself. */
  readonly direct: RespClient;
  readonly client: RespClient;
}

async function setUp(
  t: Lifetime,
  args: readonly string[] = [],
  options: RedisOptions = {},
): Promise<Stage> {
  const redis = await RedisServer.start(t, options);
  const forelock = await Forelock.start(t, { upstream: redis.url, args });
  return { redis, forelock, direct: await redis.connect(t), client: await forelock.connect(t) };
}

/** Does `cycles` quick cycles; returns after how many of them Redis held our token. */
async function delegatedAfter(
  { direct, client }: Stage,
  key: string,
  cycles: number,
  one: (key: string) => Promise<void> = name => cycle(client, name),
): Promise<number[]> {
  const seen: number[] = [];
  for (let count = 1; count <= cycles; count++) {
    await one(key);
    if (await isDelegated(direct, key)) seen.push(count);
    await sleep(3);
  }
  return seen;
}

t.test('a key is delegated once three of its grants were released by compare', async t => {
  const stage = await setUp(t);
  const seen = await delegatedAfter(stage, 'job:7', 12);
  t.ok(seen.length > 0, 'it is delegated');
  t.ok((seen[0] ?? 0) >= 3, `not before the third cycle (${seen[0]})`);
  const names = await namesOfOurs(stage.direct);
  t.ok(
    names.every(name => name.startsWith('forelock:')),
    names.join(', '),
  );
});

t.test('a delegated lock is granted, released and refused from memory', async t => {
  const stage = await setUp(t);
  const { direct, client, forelock } = stage;
  t.ok((await delegatedAfter(stage, 'job', 8)).length > 0, 'it is delegated');
  const before = await statusOf(t, { forelock });
  const callsBefore = await callsOf(direct);
  const CYCLES = 200;
  const other = await forelock.connect(t);
  for (let round = 0; round < CYCLES; round++) {
    const granted = await client.call(...acquire('job', `owner-${round}`, LONG_TTL_MS));
    const again = await other.call(...acquire('job', `another-${round}`, LONG_TTL_MS));
    const released = await client.call(...releaseBySha('job', `owner-${round}`));
    if (granted !== '+OK\r\n' || again !== '$-1\r\n' || released !== ':1\r\n') {
      t.same([granted, again, released], 'granted, refused, released', `round ${round}`);
    }
    await sleep(2);
    if (round % 50 === 0) t.equal(await other.call(...releaseBySha('job', 'no owner')), ':0\r\n');
  }
  const calls = (await callsOf(direct)) - callsBefore;
  t.ok(calls < CYCLES, `Redis ran ${calls} commands for ${CYCLES} cycles`);
  const after = await statusOf(t, { forelock });
  const fromMemory =
    Number(after.get('grants-from-memory')) - Number(before.get('grants-from-memory'));
  t.ok(fromMemory > CYCLES / 2, `${fromMemory} of ${CYCLES} grants from memory`);
});

/** What looks like a lock to those who only see SET NX. None of it may ever be delegated. */
const NO_LOCKS: Record<string, (client: RespClient, key: string) => Promise<unknown>> = {
  'deduplication: SET NX EX, never released': (client, key) =>
    client.call('SET', `${key}:${Math.random()}`, '1', 'NX', 'EX', '60'),
  'deduplication of the same thing': (client, key) =>
    client.call('SET', key, '1', 'NX', 'EX', '60'),
  'a probe: SET NX, then DEL': (client, key) =>
    client.pipeline([acquire(key, 'probe', 1000), ['DEL', key]]),
  'a probe that looks: SET NX, GET, DEL': (client, key) =>
    client.pipeline([acquire(key, 'probe', 1000), ['GET', key], ['DEL', key]]),
  'released by UNLINK': (client, key) =>
    client.pipeline([acquire(key, 'me', 1000), ['UNLINK', key]]),
  'left to expire': async (client, key) => {
    await client.call(...acquire(key, 'me', 2));
    await sleep(4);
  },
  'without a TTL': (client, key) => client.pipeline([['SET', key, 'me', 'NX'], release(key, 'me')]),
  'released by another than the owner': (client, key) =>
    client.pipeline([acquire(key, 'me', 1000), release(key, 'you'), ['DEL', key]]),
  'compared and deleted in a transaction': (client, key) =>
    client.pipeline([acquire(key, 'me', 1000), ['MULTI'], ['DEL', key], ['EXEC']]),
};

for (const [what, use] of Object.entries(NO_LOCKS)) {
  t.test(`never delegated: ${what}`, async t => {
    const stage = await setUp(t);
    const { client, direct } = stage;
    for (let round = 0; round < 40; round++) {
      await use(client, 'thing');
      await sleep(2);
      const keys = decode(await direct.call('KEYS', '*')) as string[];
      for (const key of keys) {
        if (key === 'forelock:proxies') continue;
        if (isToken(await rawValue(direct, key))) t.fail(`round ${round}: ${key} holds our token`);
      }
    }
    t.strictSame(await namesOfOurs(direct), [], 'nothing of ours is in Redis');
  });
}

t.test('a key that is once released by DEL is not delegated any more', async t => {
  const stage = await setUp(t);
  const { client } = stage;
  t.ok((await delegatedAfter(stage, 'job', 8)).length > 0, 'it is delegated');
  await client.pipeline([acquire('job', 'me', 1000), ['DEL', 'job']]);
  t.same(await delegatedAfter(stage, 'job', 15), []);
});

for (const touch of ['GET job:1', 'TTL job:1', 'WATCH job:1', 'EXISTS job:1', 'EXPIRE job:1 100']) {
  t.test(`a touch bars the template: ${touch}`, async t => {
    const stage = await setUp(t);
    t.ok((await delegatedAfter(stage, 'job:1', 8)).length > 0, 'it is delegated');
    const other = await stage.forelock.connect(t);
    await other.call(...touch.split(' '));
    other.destroy();
    await stage.direct.call('DEL', 'job:1');
    t.same(await delegatedAfter(stage, 'job:1', 12), [], 'not the key any more');
    t.same(await delegatedAfter(stage, 'job:2', 12), [], 'nor its like');
    t.ok((await delegatedAfter(stage, 'task:1', 8)).length > 0, 'but others');
  });
}

t.test('a foreign holder bars the template', async t => {
  const stage = await setUp(t);
  const { client, direct } = stage;
  await delegatedAfter(stage, 'job:1', 2);
  t.equal(await direct.call(...acquire('job:1', 'a stranger', 1000)), '+OK\r\n');
  t.equal(await client.call(...acquire('job:1', 'me', 1000)), '$-1\r\n', 'it is held');
  t.equal(await direct.call(...release('job:1', 'a stranger')), ':1\r\n');
  t.same(await delegatedAfter(stage, 'job:1', 12), []);
});

const BARS: [what: string, options: RedisOptions][] = [
  ['keys may be evicted', { args: ['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru'] }],
  ['keyspace events are told', { args: ['--notify-keyspace-events', 'KEA'] }],
];

for (const [what, options] of BARS) {
  t.test(`nothing is delegated by default where ${what}`, async t => {
    t.same(await delegatedAfter(await setUp(t, [], options), 'job', 15), []);
  });
}

t.test('nothing is delegated by default where a client tracks its prefix', async t => {
  const stage = await setUp(t);
  const tracker = await stage.forelock.connect3(t);
  await tracker.call('CLIENT', 'TRACKING', 'ON', 'BCAST', 'PREFIX', 'job');
  t.same(await delegatedAfter(stage, 'job', 15), []);
});

t.test('--no-delegate is final, --delegate needs no proof', async t => {
  const stage = await setUp(t, ['--delegate', 'job:*', '--no-delegate', 'job:secret*']);
  t.same(await delegatedAfter(stage, 'job:secret:1', 15), []);
  t.ok((await delegatedAfter(stage, 'job:1', 8)).length > 0);
});

t.test('clients of Redis itself get their turn, and are seen', async t => {
  const stage = await setUp(t, ['--tenure-ms', '300', '--breath-ms', '200']);
  const { client, direct, redis } = stage;
  t.ok((await delegatedAfter(stage, 'job', 8)).length > 0, 'it is delegated');
  const stranger = await redis.connect(t);
  let won = false;
  const beforeMs = performance.now();
  const winning = eventually('the stranger gets the lock', async () => {
    won = (await stranger.call(...acquire('job', 'a stranger', 200))) === '+OK\r\n';
    return won;
  });
  while (!won) {
    const value = `owner-${Math.random()}`;
    if ((await client.call(...acquire('job', value, LONG_TTL_MS))) === '+OK\r\n') {
      await client.call(...release('job', value));
    }
    await sleep(2);
  }
  await winning;
  t.ok(performance.now() - beforeMs < 3000, `${Math.round(performance.now() - beforeMs)} ms`);
  t.equal(await client.call(...acquire('job', 'me', 1000)), '$-1\r\n', 'it is held');
  await eventually('it expires', async () => (await rawValue(direct, 'job')) === null);
  t.same(await delegatedAfter(stage, 'job', 12), [], 'and its key is left to Redis');
});

t.test('a reservation in vain is given back', async t => {
  const stage = await setUp(t, ['--window-ms', '200', '--reclaim-timeout-ms', '200']);
  const { direct } = stage;
  t.ok((await delegatedAfter(stage, 'job', 8)).length > 0, 'it is delegated');
  await eventually('it is given back', async () => (await rawValue(direct, 'job')) === null, {
    withinMs: 1500,
  });
  t.equal(await direct.call(...acquire('job', 'a stranger', 1000)), '+OK\r\n');
});

t.test('a key is one lock in each database', async t => {
  const twins = await Twins.start(t, { forelockArgs: ['--delegate', '*'] });
  const redis = await twins.behind.connect(t);
  const [zero, one] = [await twins.pair(t), await twins.pair(t, ['SELECT', '1'])];
  await delegate(zero, redis, 'job');
  await zero.same(t, ...acquire('job', 'me', LONG_TTL_MS));
  await one.same(t, ...acquire('job', 'you', LONG_TTL_MS));
  await zero.same(t, ...release('job', 'you'));
  await one.same(t, ...release('job', 'me'));
  await one.same(t, ...release('job', 'you'));
  await zero.same(t, ...release('job', 'me'));
});

t.test('no grant from memory to a user whom Redis would refuse', async t => {
  const users = [
    'default on nopass ~* &* +@all',
    'writer on >p ~job* +set +get +del +eval +evalsha +pexpire',
    'stranger on >p ~other* +set +get +del +eval +evalsha',
    'setless on >p ~job* +get +del +eval +evalsha',
    'delless on >p ~job* +set +get +eval +evalsha',
    'evalless on >p ~job* +set +get +del',
  ];
  const twins = await Twins.start(t, { redis: { users }, forelockArgs: ['--delegate', '*'] });
  const redis = await twins.behind.connect(t);
  const admin = await twins.pair(t);
  for (const user of ['writer', 'stranger', 'setless', 'delless', 'evalless']) {
    await t.test(user, async t => {
      const pair = await twins.pair(t, ['AUTH', user, 'p']);
      await delegate(admin, redis, 'job');
      for (const command of [
        acquire('job', 'me', LONG_TTL_MS),
        release('job', 'you'),
        releaseBySha('job', 'me'),
        ['EVAL', RELEASE, '1', 'job', 'me'],
        ['GET', 'job'],
      ]) {
        await pair.same(t, ...command);
      }
      await twins.onBoth('DEL', 'job');
      await admin.same(t, 'EXISTS', 'job');
    });
  }
});

t.test('EVALSHA of a script that this Redis does not know is NOSCRIPT', async t => {
  const twins = await Twins.start(t, { forelockArgs: ['--delegate', '*'] });
  const pair = await twins.pair(t);
  await pair.same(t, ...acquire('job', 'me', LONG_TTL_MS));
  await pair.same(t, ...releaseBySha('job', 'me'));
  await pair.same(t, 'SCRIPT', 'EXISTS', RELEASE_SHA);
  await pair.same(t, 'SCRIPT', 'LOAD', RELEASE);
  await pair.same(t, ...releaseBySha('job', 'me'));
  await delegate(pair, await twins.behind.connect(t), 'job');
  await pair.same(t, ...acquire('job', 'me', LONG_TTL_MS));
  await pair.same(t, 'SCRIPT', 'FLUSH');
  await pair.same(t, ...releaseBySha('job', 'me'));
  await pair.same(t, ...release('job', 'me'));
  await pair.same(t, ...releaseBySha('job', 'me'));
});

t.test('a TTL runs out when Redis would let it run out', async t => {
  const twins = await Twins.start(t, { forelockArgs: ['--delegate', '*'] });
  const redis = await twins.behind.connect(t);
  const [holder, other] = [await twins.pair(t), await twins.pair(t)];
  await delegate(holder, redis, 'job');
  const TTL_MS = 300;
  const beforeMs = performance.now();
  await holder.same(t, ...acquire('job', 'me', TTL_MS));
  await other.same(t, ...acquire('job', 'you', TTL_MS));
  await sleep(TTL_MS - 100);
  await other.same(t, ...acquire('job', 'you', TTL_MS));
  await eventually('it runs out', async () => {
    const [wanted, found] = await other.call(...acquire('job', 'you', LONG_TTL_MS));
    // Either may be first by a little: what counts is that neither is early.
    if (wanted === '+OK\r\n' || found === '+OK\r\n') {
      t.ok(performance.now() - beforeMs >= TTL_MS, 'not before its time');
    }
    return (await other.call('GET', 'job')).every(reply => reply === '$3\r\nyou\r\n');
  });
  t.ok(performance.now() - beforeMs < TTL_MS + 150, 'nor long after it');
  await holder.same(t, ...release('job', 'me'));
  await other.same(t, ...release('job', 'you'));
});
