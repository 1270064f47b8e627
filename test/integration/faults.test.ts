import t from 'tap';
import {
  ARGS,
  delegateAlone,
  Ledger,
  leftInTheEnd,
  TTL_MS,
  takenByNext,
  whileContending,
} from '../harness/contention.js';
import { cycle, isDelegated, isToken, rawValue } from '../harness/delegation.js';
import { Forelock } from '../harness/forelock.js';
import { eventually, sleep } from '../harness/lifetime.js';
import { acquire, RELEASE, release, shaOf } from '../harness/lock-scripts.js';
import { RedisServer } from '../harness/redis-server.js';
import { Relay } from '../harness/relay.js';
import type { RespClient } from '../harness/resp-client.js';
import { decode } from '../harness/resp-frame.js';

/**
 * Whichever process dies or stands still, at whatever moment: no two clients hold one lock, and
 * nothing is held for longer than its lease.
 */

/** What goes on when the process dies; a grant that was heard goes into the ledger. */
type Act = (client: RespClient, key: string, ledger: Ledger) => Promise<unknown>;

async function grant(client: RespClient, key: string, ledger: Ledger): Promise<void> {
  const sentAtMs = performance.now();
  const reply = await client.call(...acquire(key, 'me', TTL_MS));
  if (reply !== '+OK\r\n') throw new Error(`not granted: ${reply}`);
  ledger.granted(key, 'me', sentAtMs, TTL_MS);
}

const DEATHS: Record<string, Act> = {
  'with an idle reservation': async () => {},
  'right after a grant from memory': grant,
  'when the grant is written to Redis': async (client, key, ledger) => {
    await grant(client, key, ledger);
    await sleep(30);
  },
  'with an acquire on its way': async (client, key) => {
    client.send(...acquire(key, 'me', TTL_MS));
  },
  'with a release on its way': async (client, key) => {
    await client.call(...acquire(key, 'me', TTL_MS));
    await sleep(30);
    client.send(...release(key, 'me'));
  },
  'after a release from memory': async (client, key) => {
    await client.pipeline([acquire(key, 'me', TTL_MS), release(key, 'me')]);
  },
};

for (const [when, act] of Object.entries(DEATHS)) {
  t.test(`Forelock is killed ${when}`, async t => {
    const redis = await RedisServer.start(t);
    const forelock = await Forelock.start(t, { upstream: redis.url, args: ARGS });
    const client = await forelock.connect(t);
    const direct = await redis.connect(t);
    await delegateAlone(client, direct, 'lock:0');
    const ledger = new Ledger();
    await act(client, 'lock:0', ledger);
    await forelock.kill();
    await client.untilEnd();
    t.ok(await takenByNext(direct, 'lock:0', ledger), 'it can be had when its lease is over');
    t.same(ledger.overlaps(), []);

    const next = await Forelock.start(t, { upstream: redis.url, args: ARGS });
    const after = await next.connect(t);
    await direct.call('DEL', 'lock:0');
    await cycle(after, 'lock:0', TTL_MS);
  });
}

t.test('Forelock is killed again and again while clients compete', async t => {
  const redis = await RedisServer.start(t);
  // Its clients find it at one address, whichever process stands behind it.
  const address = { port: 0 };
  const ledger = await whileContending(t, address, null, 'lock:0', async () => {
    for (let life = 0; life < 5; life++) {
      const forelock = await Forelock.start(t, { upstream: redis.url, args: ARGS });
      address.port = forelock.port;
      await sleep(500 + Math.random() * 100);
      await forelock.kill();
    }
  });
  t.same(ledger.overlaps(), []);
  t.equal(await leftInTheEnd(await redis.connect(t), 'lock:0'), null);
});

t.test('Redis is killed, and comes back with what it had', async t => {
  const redis = await RedisServer.start(t, {
    args: ['--appendonly', 'yes', '--appendfsync', 'always'],
  });
  const forelock = await Forelock.start(t, { upstream: redis.url, args: ARGS });
  const ledger = await whileContending(t, forelock, null, 'lock:0', async () => {
    for (let life = 0; life < 4; life++) {
      await sleep(300 + Math.random() * 100);
      await redis.kill();
      await sleep(life * 100);
      await redis.restart();
    }
    await sleep(500);
  });
  t.same(ledger.overlaps(), []);
  t.ok(ledger.holdings.length > 10, `${ledger.holdings.length} grants`);
  t.equal(await leftInTheEnd(await redis.connect(t), 'lock:0'), null);
});

t.test('Redis is killed, and comes back empty: what it forgot is forgotten', async t => {
  const redis = await RedisServer.start(t);
  const forelock = await Forelock.start(t, { upstream: redis.url, args: ARGS });
  const client = await forelock.connect(t);
  await delegateAlone(client, await redis.connect(t), 'lock:0');
  t.equal(await client.call(...acquire('lock:0', 'me', 60_000)), '+OK\r\n');
  await redis.kill();
  await sleep(50);
  await redis.restart();
  await eventually('the lock is free', async () => {
    const next = await forelock.connect(t);
    return (await next.call(...acquire('lock:0', 'you', TTL_MS))) === '+OK\r\n';
  });
  const late = client.isEnded ? client : await forelock.connect(t);
  if (!late.isEnded) t.equal(await late.call(...release('lock:0', 'me')), ':0\r\n');
});

t.test('a Redis that says nothing for a second grants nothing from memory', async t => {
  const redis = await RedisServer.start(t);
  const forelock = await Forelock.start(t, {
    upstream: redis.url,
    args: ['--delegate', 'lock:*', '--window-ms', '5000', '--heartbeat-ms', '100'],
  });
  const client = await forelock.connect(t);
  const direct = await redis.connect(t);
  await eventually('it is delegated', async () => {
    await cycle(client, 'lock:0', 10_000);
    return isDelegated(direct, 'lock:0');
  });
  redis.pause();
  await sleep(1300);
  client.send(...acquire('lock:0', 'me', 10_000));
  await sleep(300);
  const early = client.drain();
  redis.resume();
  t.same(early, [], 'no grant while Redis is silent');
  const reply = client.isEnded ? '' : await client.reply();
  t.ok(reply === '+OK\r\n' || reply.startsWith('-') || reply === '', JSON.stringify(reply));
});

t.test('a Forelock that stood still grants nothing that ran out meanwhile', async t => {
  const redis = await RedisServer.start(t);
  const forelock = await Forelock.start(t, { upstream: redis.url, args: ARGS });
  const client = await forelock.connect(t);
  const direct = await redis.connect(t);
  for (const idle of [true, false]) {
    await direct.call('DEL', 'lock:0');
    await delegateAlone(client, direct, 'lock:0');
    if (!idle) await client.call(...acquire('lock:0', 'me', TTL_MS));
    forelock.pause();
    t.ok(await takenByNext(direct, 'lock:0'), 'its lease runs out');
    await direct.call('PEXPIRE', 'lock:0', '10000');
    client.send(...acquire('lock:0', 'late', TTL_MS));
    forelock.resume();
    t.equal(await client.reply(), '$-1\r\n', 'the lock is another’s now');
    t.equal(await rawValue(direct, 'lock:0'), 'the next', 'and stays his');
  }
});

t.test(
  'clients that go with an acquire on its way leave nothing for longer than its TTL',
  async t => {
    const redis = await RedisServer.start(t);
    const forelock = await Forelock.start(t, { upstream: redis.url, args: ARGS });
    const client = await forelock.connect(t);
    const direct = await redis.connect(t);
    for (let round = 0; round < 8; round++) {
      const key = `lock:${round}`;
      await delegateAlone(client, direct, key);
      const gone = await forelock.connect(t);
      gone.send(...acquire(key, 'gone', TTL_MS));
      if (round % 2 === 0) await sleep(round);
      gone.destroy();
      t.equal(await leftInTheEnd(direct, key), null, key);
    }
  },
);

t.test('a release that only Redis may decide is carried out for a client that is gone', async t => {
  const redis = await RedisServer.start(t);
  const relay = await Relay.start(t, redis.port);
  const forelock = await Forelock.start(t, {
    upstream: relay.url,
    args: ['--delegate', 'lock:*', '--materialize-after-ms', '1000'],
  });
  const direct = await redis.connect(t);
  // Redis has it, but has never said so to Forelock: its own answer is needed.
  const spaced = RELEASE.replaceAll(',KEYS', ', KEYS');
  t.equal(decode(await direct.call('SCRIPT', 'LOAD', spaced)), shaOf(spaced));
  const client = await forelock.connect(t);
  for (const each of [client, direct]) await each.call('SELECT', '3');
  await eventually('it is delegated', async () => {
    await cycle(client, 'lock:0', 60_000);
    return isDelegated(direct, 'lock:0');
  });
  t.equal(await client.call(...acquire('lock:0', 'gone', 60_000)), '+OK\r\n');
  t.ok(await isDelegated(direct, 'lock:0'), 'held, and known to Forelock only');
  relay.delayMs = 20;
  client.send('EVALSHA', shaOf(spaced), '1', 'lock:0', 'gone');
  await sleep(20);
  client.socket.resetAndDestroy();
  await eventually('it is free', async () => (await rawValue(direct, 'lock:0')) === null);
});

t.test(
  'SIGTERM gives all back: Redis is left with clients’ locks and the fence counter',
  async t => {
    const redis = await RedisServer.start(t);
    const forelock = await Forelock.start(t, {
      upstream: redis.url,
      args: ['--delegate', 'lock:*', '--materialize-after-ms', '1000'],
    });
    const direct = await redis.connect(t);
    const client = await forelock.connect(t);
    const keys = Array.from({ length: 20 }, (_, index) => `lock:${index}`);
    for (const key of keys) {
      await eventually(`${key} is delegated`, async () => {
        await cycle(client, key, 30_000);
        return isDelegated(direct, key);
      });
    }
    const held = keys.slice(-3);
    for (const key of held) {
      t.equal(await client.call(...acquire(key, `owner of ${key}`, 30_000)), '+OK\r\n');
    }
    t.ok(isToken(await rawValue(direct, held[0] ?? '')), 'held, and known to Forelock only');
    client.destroy();
    t.equal(await forelock.stop(), 0, 'it ends with status 0');

    const left = (decode(await direct.call('KEYS', '*')) as string[]).sort();
    t.same(
      left.filter(key => !key.startsWith('forelock:fence')),
      [...held].sort(),
    );
    for (const key of held) {
      t.equal(await rawValue(direct, key), `owner of ${key}`);
      const leftMs = decode(await direct.call('PTTL', key));
      t.ok(typeof leftMs === 'number' && leftMs > 20_000 && leftMs <= 30_000, `${leftMs} ms left`);
    }
  },
);
