import t from 'tap';
import {
  ARGS,
  delegateAlone,
  Ledger,
  leftInTheEnd,
  TTL_MS,
  whileContending,
} from '../harness/contention.js';
import { rawValue, statusOf } from '../harness/delegation.js';
import { Forelock } from '../harness/forelock.js';
import { eventually, sleep } from '../harness/lifetime.js';
import { acquire, release } from '../harness/lock-scripts.js';
import { RedisServer } from '../harness/redis-server.js';
import { Relay } from '../harness/relay.js';

/**
 * Whatever the network between Forelock and Redis does, at whatever moment: no two clients hold
 * one lock, and nothing is held for longer than its lease.
 */

t.test('the ledger sees what the tests are for', async t => {
  const ledger = new Ledger();
  const nowMs = performance.now();
  const first = ledger.granted('a', 'one', nowMs, 1000);
  ledger.granted('b', 'another lock', nowMs, 1000);
  t.same(ledger.overlaps(), []);
  await sleep(2);
  ledger.granted('a', 'two', performance.now(), 1000);
  t.equal(ledger.overlaps().length, 1);
  first.untilMs = first.fromMs + 1;
  t.same(ledger.overlaps(), []);
});

t.test('no fault: clients of Forelock and of Redis exclude each other', async t => {
  const redis = await RedisServer.start(t);
  const forelock = await Forelock.start(t, { upstream: redis.url, args: ARGS });
  const ledger = await whileContending(t, forelock, redis, 'lock:0', () => sleep(2000));
  t.same(ledger.overlaps(), []);
  t.ok(ledger.holdings.length > 50, `${ledger.holdings.length} grants`);
});

/** At which chunk of bytes, counted from some moment on, the connection breaks. */
const CUTS = Array.from({ length: 10 }, (_, index) => index + 1);

for (const way of ['up', 'down'] as const) {
  for (const fate of ['lost', 'delivered'] as const) {
    const what = way === 'up' ? 'command' : 'answer';
    t.test(`the connection to Redis is cut with each ${what} ${fate}`, async t => {
      const redis = await RedisServer.start(t);
      const relay = await Relay.start(t, redis.port);
      const forelock = await Forelock.start(t, { upstream: relay.url, args: ARGS });
      const direct = await redis.connect(t);
      let granted = 0;
      for (const cut of CUTS) {
        const key = `lock:${cut}`;
        let wasCut = false;
        const ledger = await whileContending(t, forelock, null, key, async () => {
          await sleep(80);
          let passed = 0;
          relay[way] = bytes => {
            if (++passed !== cut) return bytes;
            wasCut = true;
            relay[way] = kept => kept;
            // What is delivered is on its way before the cut.
            setTimeout(() => relay.cut(), fate === 'lost' ? 0 : 1);
            return fate === 'lost' ? null : bytes;
          };
          await eventually('it is cut', () => wasCut);
          await sleep(100);
        });
        relay[way] = kept => kept;
        granted += ledger.holdings.length;
        t.same(ledger.overlaps(), [], `at the ${cut}th`);
        t.equal(await leftInTheEnd(direct, key), null, `at the ${cut}th: free in time`);
      }
      const status = await eventually('its status is told', () => statusOf(t, { forelock }));
      const fromMemory = Number(status.get('grants-from-memory'));
      t.equal(status.get('foreign-holders'), 0, 'no holder of ours is taken for a foreign one');
      t.ok(fromMemory > granted / 3, `locks are granted from memory: ${fromMemory}, of ${granted}`);
    });
  }
}

/** What of a cycle gets lost on its way to Redis, or on its way back. */
const LOSSES: Record<string, { way: 'up' | 'down'; step: 'acquire' | 'release' }> = {
  'an acquire': { way: 'up', step: 'acquire' },
  'the answer to an acquire': { way: 'down', step: 'acquire' },
  'a release': { way: 'up', step: 'release' },
  'the answer to a release': { way: 'down', step: 'release' },
};

for (const [what, { way, step }] of Object.entries(LOSSES)) {
  t.test(`${what} is lost: the holder that remains in Redis is one of ours`, async t => {
    const redis = await RedisServer.start(t);
    const relay = await Relay.start(t, redis.port);
    const forelock = await Forelock.start(t, { upstream: relay.url, args: ARGS });
    const direct = await redis.connect(t);
    const first = await forelock.connect(t);
    await delegateAlone(first, direct, 'lock:0');
    // Left alone until it is given back: the acquire has to go through Redis.
    await eventually('it is given back', async () => (await rawValue(direct, 'lock:0')) === null);
    const lose = (): void => {
      relay.up = bytes => {
        if (!bytes.includes('owner-of-it')) return bytes;
        relay.up = kept => kept;
        if (way === 'down') relay.down = () => null;
        setTimeout(() => relay.cut(), 10);
        return way === 'up' ? null : bytes;
      };
    };
    if (step === 'acquire') lose();
    first.send(...acquire('lock:0', 'owner-of-it', TTL_MS));
    if (step === 'release') {
      t.equal(await first.reply(), '+OK\r\n');
      await sleep(30);
      lose();
      first.send(...release('lock:0', 'owner-of-it'));
    }
    t.equal(await first.untilEnd(), '', 'its client is disconnected');
    relay.down = kept => kept;

    await eventually('the lock can be had again', async () => {
      // A connection that was idle at the cut may be lost when it is used next.
      const client = await forelock.connect(t);
      const reply = await client.call(...acquire('lock:0', 'the next', TTL_MS));
      if (reply === '+OK\r\n') await client.call(...release('lock:0', 'the next'));
      client.destroy();
      return reply === '+OK\r\n';
    });
    const status = await eventually('its status is told', () => statusOf(t, { forelock }));
    t.equal(status.get('foreign-holders'), 0);
    await delegateAlone(await forelock.connect(t), direct, 'lock:0');
  });
}

for (const mixed of [false, true]) {
  t.test(
    `a network that is silent for a while, ${mixed ? 'with' : 'without'} a client of Redis itself`,
    async t => {
      const redis = await RedisServer.start(t);
      const relay = await Relay.start(t, redis.port);
      const forelock = await Forelock.start(t, { upstream: relay.url, args: ARGS });
      const ledger = await whileContending(
        t,
        forelock,
        mixed ? redis : null,
        'lock:0',
        async () => {
          for (const silenceMs of [50, 400, 1200]) {
            await sleep(300);
            relay.stall();
            await sleep(silenceMs);
            relay.flow();
          }
          await sleep(300);
        },
      );
      t.same(ledger.overlaps(), []);
      t.equal(await leftInTheEnd(await redis.connect(t), 'lock:0'), null);
    },
  );
}

t.test('a slow network, and holders who overrun their time', async t => {
  const redis = await RedisServer.start(t);
  const relay = await Relay.start(t, redis.port);
  relay.delayMs = 10;
  const forelock = await Forelock.start(t, { upstream: relay.url, args: ARGS });
  const ledger = await whileContending(t, forelock, null, 'lock:0', () => sleep(2000));
  t.same(ledger.overlaps(), []);
});
