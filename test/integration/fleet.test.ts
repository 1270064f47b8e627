import t from 'tap';
import { cycle, isDelegated, rawValue, statusOf } from '../harness/delegation.js';
import { Forelock } from '../harness/forelock.js';
import { eventually, type Lifetime, sleep } from '../harness/lifetime.js';
import { acquire, release } from '../harness/lock-scripts.js';
import { RedisServer } from '../harness/redis-server.js';
import type { RespClient } from '../harness/resp-client.js';
import { decode } from '../harness/resp-frame.js';

/** Two Forelocks before one Redis, as they run: the whole protocol is in test/unit and test/simulation. */

const GRANTED = '+OK\r\n';
const HELD = '$-1\r\n';
const RELEASED = ':1\r\n';
const KEY = 'lock:0';
const TTL_MS = 3000;

interface Stage {
  readonly redis: RedisServer;
  readonly direct: RespClient;
  readonly first: Forelock;
  readonly second: Forelock;
  /** Clients of the two. */
  readonly here: RespClient;
  readonly there: RespClient;
}

async function setUp(t: Lifetime, args: readonly string[] = []): Promise<Stage> {
  const redis = await RedisServer.start(t);
  const settings = { upstream: redis.url, args: ['--delegate', 'lock:*', ...args] };
  const first = await Forelock.start(t, settings);
  const second = await Forelock.start(t, settings);
  const [direct, here, there] = await Promise.all([
    redis.connect(t),
    first.connect(t),
    second.connect(t),
  ]);
  return { redis, direct, first, second, here, there };
}

/** The first one holds the lock ready, and nobody has it. */
async function reserved({ direct, here }: Pick<Stage, 'direct' | 'here'>): Promise<void> {
  await eventually('it is delegated', async () => {
    await cycle(here, KEY, TTL_MS);
    return isDelegated(direct, KEY);
  });
}

t.test('a lock that another Forelock only holds ready is granted, late by moments', async t => {
  const stage = await setUp(t, ['--recall-back-off-ms', '0']);
  const { here, there, second } = stage;
  const tookMs: number[] = [];
  for (let round = 0; round < 20; round++) {
    await reserved(stage);
    const startMs = performance.now();
    t.equal(await there.call(...acquire(KEY, `there ${round}`, TTL_MS)), GRANTED);
    tookMs.push(performance.now() - startMs);
    t.equal(await there.call(...release(KEY, `there ${round}`)), RELEASED);
    t.equal(await here.call(...acquire(KEY, `here ${round}`, TTL_MS)), GRANTED);
    t.equal(await here.call(...release(KEY, `here ${round}`)), RELEASED);
  }
  const status = await statusOf(t, { forelock: second });
  t.comment(`median ${tookMs.sort((a, b) => a - b)[10]?.toFixed(2)} ms`);
  t.ok(Number(status.get('grants-from-memory')) > 0, 'passed on, and granted from memory');
});

t.test(
  'a lock that another Forelock has granted is refused, and free after its release',
  async t => {
    const stage = await setUp(t);
    const { here, there, direct } = stage;
    await reserved(stage);
    t.equal(await here.call(...acquire(KEY, 'holder', TTL_MS)), GRANTED);
    const startMs = performance.now();
    t.equal(await there.call(...acquire(KEY, 'other', TTL_MS)), HELD);
    t.comment(`refused after ${(performance.now() - startMs).toFixed(2)} ms`);
    t.equal(await rawValue(direct, KEY), 'holder');
    t.equal(await here.call(...release(KEY, 'holder')), RELEASED);
    t.equal(await there.call(...acquire(KEY, 'other', TTL_MS)), GRANTED);
  },
);

for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
  t.test(
    `an owner that says nothing (${signal}) costs the recall timeout, and no more`,
    async t => {
      const stage = await setUp(t);
      const { there, first } = stage;
      await reserved(stage);
      if (signal === 'SIGKILL') await first.kill();
      else first.pause();
      const startMs = performance.now();
      t.equal(await there.call(...acquire(KEY, 'other', TTL_MS)), HELD);
      const tookMs = performance.now() - startMs;
      t.ok(tookMs < 500, `the plain no after ${tookMs.toFixed(1)} ms`);
      await eventually(
        'its lease is over',
        async () => (await there.call(...acquire(KEY, 'later', TTL_MS))) === GRANTED,
        { withinMs: 3 * TTL_MS, everyMs: 50 },
      );
      if (signal === 'SIGSTOP') first.resume();
    },
  );
}

t.test('clients of both that try again and again all get the lock', async t => {
  const { redis, first, second } = await setUp(t, ['--recall-back-off-ms', '0']);
  const direct = await redis.connect(t);
  let holders = 0;
  let overlaps = 0;
  const grants = new Map<string, number>();
  const endMs = performance.now() + 4000;
  const retrier = async (forelock: Forelock, name: string): Promise<void> => {
    const client = await forelock.connect(t);
    for (let turn = 0; performance.now() < endMs; turn++) {
      const value = `${name}-${turn}`;
      while ((await client.call(...acquire(KEY, value, TTL_MS))) !== GRANTED) {
        if (performance.now() > endMs) return;
        await sleep(40 + Math.random() * 20);
      }
      if (++holders > 1) overlaps++;
      await sleep(2);
      holders--;
      t.equal(await client.call(...release(KEY, value)), RELEASED);
      grants.set(name, (grants.get(name) ?? 0) + 1);
      await sleep(Math.random() * 10);
    }
  };
  const names = ['a', 'b', 'c'];
  await Promise.all(
    names.flatMap(name => [retrier(first, `1${name}`), retrier(second, `2${name}`)]),
  );
  t.equal(overlaps, 0);
  const counts = [...grants.values()];
  const total = counts.reduce((sum, count) => sum + count, 0);
  const fairness = total ** 2 / (6 * counts.reduce((sum, count) => sum + count ** 2, 0));
  t.ok(fairness > 0.9, `grants ${counts.join(' ')}, fairness ${fairness.toFixed(3)}`);
  await eventually('nothing is left in Redis', async () => !(await isDelegated(direct, KEY)), {
    withinMs: 5000,
  });
});

t.test('each Forelock tells the others of itself, and goes when it ends', async t => {
  const { direct, first, second, here, there } = await setUp(t, ['--fleet-heartbeat-ms', '100']);
  const members = async (): Promise<number> =>
    Number(decode(await direct.call('HLEN', 'forelock:proxies')));
  t.equal(await members(), 0, 'without a lock there is nothing to tell');
  await reserved({ direct, here });
  await cycle(there, KEY, TTL_MS);
  await eventually('both are there', async () => (await members()) === 2);
  await sleep(250);
  // A holder that the one has granted is none of the foreign ones to the other.
  await cycle(there, KEY, TTL_MS);
  t.equal(await here.call(...acquire(KEY, 'holder', TTL_MS)), GRANTED);
  for (let attempt = 0; attempt < 5; attempt++) {
    t.equal(await there.call(...acquire(KEY, `other ${attempt}`, TTL_MS)), HELD);
    await sleep(20);
  }
  t.equal((await statusOf(t, { forelock: second })).get('foreign-holders'), 0);
  await cycle(there, 'lock:1', TTL_MS);
  await eventually('it is given back', async () => (await rawValue(direct, 'lock:1')) === null);
  await direct.call('SET', 'lock:1', 'foreign', 'PX', String(TTL_MS));
  await there.call(...acquire('lock:1', 'mine', TTL_MS));
  await eventually('one that nobody has granted is', async () => {
    return (await statusOf(t, { forelock: second })).get('foreign-holders') === 1;
  });
  await first.stop();
  await eventually('the first is gone', async () => (await members()) === 1);
});

t.test(
  'a lock deleted by a client straight on Redis goes to who waits for it, at once',
  async t => {
    const { direct, here } = await setUp(t, ['--park-ms', '2000', '--park-ttl-percent', '50']);
    const tookMs: number[] = [];
    for (let round = 0; round < 10; round++) {
      await direct.call('SET', KEY, 'straight', 'PX', '60000');
      const value = `mine ${round}`;
      t.equal(await here.call(...acquire(KEY, value, TTL_MS)), HELD);
      const parked = here.call(...acquire(KEY, value, TTL_MS));
      await sleep(130 + Math.random() * 50);
      const startMs = performance.now();
      await direct.call('DEL', KEY);
      t.equal(await parked, GRANTED);
      tookMs.push(performance.now() - startMs);
      await here.call(...release(KEY, value));
    }
    const medianMs = tookMs.sort((a, b) => a - b)[5] ?? 0;
    t.ok(medianMs < 12, `${medianMs.toFixed(2)} ms, and nobody asked in between`);
  },
);
