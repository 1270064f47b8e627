import t from 'tap';
import { ARGS, isFreeInTime, Ledger, whileContending } from '../harness/contention.js';
import { statusOf } from '../harness/delegation.js';
import { Forelock } from '../harness/forelock.js';
import { eventually, sleep } from '../harness/lifetime.js';
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
const CUTS = Array.from({ length: 14 }, (_, index) => index + 1);

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
          await sleep(120);
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
          await sleep(150);
        });
        relay[way] = kept => kept;
        granted += ledger.holdings.length;
        t.same(ledger.overlaps(), [], `at the ${cut}th`);
        t.ok(await isFreeInTime(direct, key), `at the ${cut}th: free in time`);
      }
      const status = await statusOf(t, { forelock });
      const fromMemory = Number(status.get('grants-from-memory'));
      t.ok(fromMemory > granted / 3, `locks are granted from memory: ${fromMemory}, of ${granted}`);
    });
  }
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
          for (const silenceMs of [50, 300, 700, 1500]) {
            await sleep(300);
            relay.stall();
            await sleep(silenceMs);
            relay.flow();
          }
          await sleep(300);
        },
      );
      t.same(ledger.overlaps(), []);
      t.ok(await isFreeInTime(await redis.connect(t), 'lock:0'));
    },
  );
}

t.test('a slow network, and holders who overrun their time', async t => {
  const redis = await RedisServer.start(t);
  const relay = await Relay.start(t, redis.port);
  relay.delayMs = 10;
  const forelock = await Forelock.start(t, { upstream: relay.url, args: ARGS });
  const ledger = await whileContending(t, forelock, null, 'lock:0', () => sleep(3000));
  t.same(ledger.overlaps(), []);
});
