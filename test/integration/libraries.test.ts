import t from 'tap';
import { statusOf } from '../harness/delegation.js';
import { Forelock } from '../harness/forelock.js';
import { type Lifetime, sleep } from '../harness/lifetime.js';
import { LIBRARIES, type Library, type Locker, openLocker } from '../harness/lock-libraries.js';
import { RedisServer } from '../harness/redis-server.js';

/**
 * What applications see of redlock and redis-semaphore is the same through Forelock as at Redis
 * itself: each scenario tells its story, and both stories are compared.
 */

const TTL_MS = 300;

/** What came of it, in words: the same words at Redis and through Forelock. */
async function tell(what: string, act: Promise<unknown>): Promise<string> {
  try {
    await act;
    return `${what}: done`;
  } catch (error) {
    return `${what}: ${error instanceof Error ? `${error.name}, ${error.message}` : String(error)}`;
  }
}

type Scenario = (lockers: { one: Locker; two: Locker }, key: string) => Promise<string[]>;

const SCENARIOS: Record<string, Scenario> = {
  'take and release': async ({ one }, key) => {
    const lock = await one.tryLock(key, TTL_MS);
    return [await tell('release', lock.release()), await tell('again', one.tryLock(key, TTL_MS))];
  },
  'another is refused while it is held, and gets it afterwards': async ({ one, two }, key) => {
    const lock = await one.tryLock(key, 5000);
    const atOnce = await tell('at once', two.tryLock(key, TTL_MS));
    // Long enough for the holder to be written to Redis.
    await sleep(30);
    return [
      atOnce,
      await tell('later', two.tryLock(key, TTL_MS)),
      await tell('release', lock.release()),
      await tell('afterwards', two.tryLock(key, TTL_MS)),
    ];
  },
  'another waits for it': async ({ one, two }, key) => {
    const story: string[] = [];
    const lock = await one.tryLock(key, 5000);
    const waiting = two.lock(key, TTL_MS).then(() => story.push('two has it'));
    await sleep(100);
    story.push('one releases');
    await lock.release();
    await waiting;
    return story;
  },
  'it is free when its TTL is over, and its first owner has lost it': async ({ one, two }, key) => {
    const lock = await one.tryLock(key, TTL_MS);
    await sleep(TTL_MS - 120);
    const early = await tell('before', two.tryLock(key, TTL_MS));
    await sleep(160);
    const late = await tell('after', two.tryLock(key, 5000));
    return [early, late, await tell('the first owner releases', lock.release())];
  },
  'it can be kept beyond its TTL': async ({ one, two }, key) => {
    const lock = await one.tryLock(key, TTL_MS);
    const keeping = tell('keep', lock.keepFor(2 * TTL_MS));
    await sleep(1.5 * TTL_MS);
    const refused = await tell('another', two.tryLock(key, TTL_MS));
    return [refused, await keeping, await tell('release', lock.release())];
  },
  'what was deleted cannot be kept': async ({ one, two }, key) => {
    const lock = await one.tryLock(key, TTL_MS);
    await two.command('DEL', two.keyOf(key));
    return [await tell('keep', lock.keepFor(TTL_MS)), await tell('release', lock.release())];
  },
  'what another has got is not released by its first owner': async ({ one, two }, key) => {
    const lock = await one.tryLock(key, 5000);
    await two.command('DEL', two.keyOf(key));
    const others = await two.tryLock(key, 5000);
    return [
      await tell('the first owner releases', lock.release()),
      await tell('the lock is still held', one.tryLock(key, TTL_MS)),
      await tell('its owner releases', others.release()),
    ];
  },
};

interface Side {
  readonly name: string;
  readonly port: number;
}

/** Uses the lock a few times, so that Forelock knows it and keeps it ready. */
async function warmUp(locker: Locker, key: string): Promise<void> {
  for (let round = 0; round < 8; round++) await (await locker.tryLock(key, 5000)).release();
}

async function storyOf(
  t: Lifetime,
  { port }: Side,
  library: Library,
  scenario: Scenario,
  key: string,
): Promise<string[]> {
  const [one, two] = await Promise.all([
    openLocker(t, library, port),
    openLocker(t, library, port),
  ]);
  await warmUp(one, key);
  return scenario({ one, two }, key);
}

for (const library of LIBRARIES) {
  t.test(library, async t => {
    const redis = await RedisServer.start(t);
    const behind = await RedisServer.start(t);
    const forelock = await Forelock.start(t, { upstream: behind.url });
    await Promise.all(
      Object.entries(SCENARIOS).map(([what, scenario], index) =>
        t.test(what, async t => {
          // Letters alone: keys that differ in digits only are one template, barred together.
          const key = `lock:${String.fromCharCode(97 + index)}`;
          const [wanted, found] = await Promise.all([
            storyOf(t, { name: 'Redis', port: redis.port }, library, scenario, key),
            storyOf(t, { name: 'Forelock', port: forelock.port }, library, scenario, key),
          ]);
          t.ok(wanted.length > 0);
          t.same(found, wanted);
        }),
      ),
    );

    await t.test('no two have it at once', async t => {
      const lockers = await Promise.all(
        Array.from({ length: 10 }, () => openLocker(t, library, forelock.port)),
      );
      await Promise.all(
        lockers.map(async locker => {
          for (let round = 0; round < 5; round++) {
            const lock = await locker.lock('lock:counter', 5000);
            // Lost updates would show that two were in here.
            const before = Number((await locker.command('GET', 'count')) ?? 0);
            await sleep(Math.random() * 3);
            await locker.command('SET', 'count', String(before + 1));
            await lock.release();
          }
        }),
      );
      t.equal(await lockers[0]?.command('GET', 'count'), '50');
    });

    await t.test('its locks are granted from memory', async t => {
      const locker = await openLocker(t, library, forelock.port);
      await warmUp(locker, 'lock:memory');
      const before = Number((await statusOf(t, { forelock })).get('grants-from-memory'));
      for (let round = 0; round < 50; round++) {
        await (await locker.tryLock('lock:memory', 5000)).release();
        await sleep(2);
      }
      const after = Number((await statusOf(t, { forelock })).get('grants-from-memory'));
      t.ok(after - before >= 40, `${after - before} of 50`);
    });
  });
}

for (const library of LIBRARIES.filter(name => name.startsWith('redlock'))) {
  t.test(`${library}: several locks at once`, async t => {
    const redis = await RedisServer.start(t);
    const behind = await RedisServer.start(t);
    const forelock = await Forelock.start(t, { upstream: behind.url });
    const stories = await Promise.all(
      [redis, forelock].map(async ({ port }) => {
        const [one, two] = await Promise.all([
          openLocker(t, library, port),
          openLocker(t, library, port),
        ]);
        await warmUp(one, 'lock:x');
        const both = await one.tryLock('lock:x+lock:y', 5000);
        return [
          await tell('x', two.tryLock('lock:x', TTL_MS)),
          await tell('y', two.tryLock('lock:y', TTL_MS)),
          await tell('y and z', two.tryLock('lock:y+lock:z', TTL_MS)),
          await tell('z', two.tryLock('lock:z', TTL_MS)),
          await tell('release', both.release()),
          await tell('x afterwards', two.tryLock('lock:x', TTL_MS)),
        ];
      }),
    );
    t.same(stories[1], stories[0]);
  });
}
