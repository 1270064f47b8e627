import t from 'tap';
import { Ledger } from '../harness/contention.js';
import { cycle, isDelegated, LONG_TTL_MS, rawValue } from '../harness/delegation.js';
import { Forelock } from '../harness/forelock.js';
import { eventually, type Lifetime, sleep } from '../harness/lifetime.js';
import { LIBRARIES, openLocker } from '../harness/lock-libraries.js';
import { acquire, release } from '../harness/lock-scripts.js';
import { RedisServer } from '../harness/redis-server.js';
import type { RespClient } from '../harness/resp-client.js';

/**
 * Who waits for a lock that somebody holds, by real sockets and real libraries. Times are only
 * compared where the order of two events is what a client sees.
 */

interface Stage {
  readonly forelock: Forelock;
  /** A client of Redis itself. */
  readonly direct: RespClient;
}

/** The lock is delegated and free. */
async function setUp(t: Lifetime, key: string, args: readonly string[] = []): Promise<Stage> {
  const redis = await RedisServer.start(t);
  const forelock = await Forelock.start(t, { upstream: redis.url, args });
  const direct = await redis.connect(t);
  const client = await forelock.connect(t);
  await eventually(`${key} is delegated`, async () => {
    await cycle(client, key);
    return isDelegated(direct, key);
  });
  return { forelock, direct };
}

const YES = '+OK\r\n';
const NO = '$-1\r\n';

/** Takes the lock and keeps it. */
async function hold({ forelock }: Stage, t: Lifetime, key: string): Promise<RespClient> {
  const holder = await forelock.connect(t);
  const reply = await holder.call(...acquire(key, 'holder', LONG_TTL_MS));
  if (reply !== YES) throw new Error(`${key} is not free: ${reply}`);
  return holder;
}

/** A client that has been refused once and asks again; the reply is still to come. */
async function retrier({ forelock }: Stage, t: Lifetime, key: string, value: string) {
  const client = await forelock.connect(t);
  const first = await client.call(...acquire(key, value, LONG_TTL_MS));
  if (first !== NO) throw new Error(`${key} is not held: ${first}`);
  client.send(...acquire(key, value, LONG_TTL_MS));
  return client;
}

const parked = async (forelock: Forelock): Promise<number> => {
  const { body } = await forelock.http('/metrics');
  const samples = body.matchAll(/^forelock_lock_parkings_total\{.*\} (\d+)$/gm);
  return [...samples].reduce((total, [, count]) => total + Number(count), 0);
};

const untilParked = (forelock: Forelock, count: number): Promise<unknown> =>
  eventually(`${count} attempts are parked`, async () => (await parked(forelock)) === count);

const handOffs = async (forelock: Forelock): Promise<number> => {
  const { body } = await forelock.http('/metrics');
  return Number(/^forelock_hand_offs_total\{.*\} (\d+)$/m.exec(body)?.[1]);
};

const PATIENT = ['--park-ms', '5000', '--park-ttl-percent', '50'];

t.test('retriers have the lock in the order of their arrival, as soon as it is free', async t => {
  const stage = await setUp(t, 'job', PATIENT);
  const holder = await hold(stage, t, 'job');
  const order: string[] = [];
  const served: Promise<void>[] = [];
  for (const [at, value] of ['first', 'second', 'third'].entries()) {
    const client = await retrier(stage, t, 'job', value);
    await untilParked(stage.forelock, at + 1);
    served.push(
      client.reply().then(async reply => {
        order.push(`${value} ${reply.trim()}`);
        await client.call(...release('job', value));
      }),
    );
  }
  t.strictSame(order, [], 'while somebody holds it, all wait');
  await holder.call(...release('job', 'holder'));
  await Promise.all(served);
  t.strictSame(order, ['first +OK', 'second +OK', 'third +OK']);
});

t.test('a lock that Redis has the holder of is handed on when he releases it', async t => {
  const stage = await setUp(t, 'job', PATIENT);
  const holder = await hold(stage, t, 'job');
  await eventually('the holder is in Redis', async () => {
    return (await rawValue(stage.direct, 'job')) === 'holder';
  });
  const next = await retrier(stage, t, 'job', 'next');
  await untilParked(stage.forelock, 1);
  await holder.call(...release('job', 'holder'));
  t.equal(await next.reply(), YES);
});

t.test('a lock that a client straight on Redis held is handed on when it is free', async t => {
  const redis = await RedisServer.start(t);
  const forelock = await Forelock.start(t, { upstream: redis.url, args: PATIENT });
  const direct = await redis.connect(t);
  const stage = { forelock, direct };
  await cycle(await forelock.connect(t), 'job');
  await direct.call(...acquire('job', 'stranger', LONG_TTL_MS));
  const next = await retrier(stage, t, 'job', 'next');
  await untilParked(stage.forelock, 1);
  await direct.call('DEL', 'job');
  t.equal(await next.reply(), YES, 'by a release');
  await next.call(...release('job', 'next'));

  await direct.call(...acquire('job', 'stranger', 300));
  const later = await retrier(stage, t, 'job', 'later');
  t.equal(await later.reply(), YES, 'by the end of its TTL');
});

t.test('a first attempt is refused at once, beside those who wait', async t => {
  const stage = await setUp(t, 'job', PATIENT);
  await hold(stage, t, 'job');
  await retrier(stage, t, 'job', 'waits');
  await untilParked(stage.forelock, 1);
  const tryLock = await stage.forelock.connect(t);
  t.equal(await tryLock.call(...acquire('job', 'try', LONG_TTL_MS)), NO);
  t.equal(await parked(stage.forelock), 1);
});

t.test('whoever waits in vain is refused when its time is over', async t => {
  const stage = await setUp(t, 'job');
  await hold(stage, t, 'job');
  const client = await retrier(stage, t, 'job', 'waits');
  const askedAtMs = performance.now();
  t.equal(await client.reply(), NO);
  t.ok(performance.now() - askedAtMs > 40, 'after the park time, not before');
});

t.test('what comes behind a parked attempt is not held up by it', async t => {
  const stage = await setUp(t, 'job', PATIENT);
  await hold(stage, t, 'job');
  const following = {
    'another command': [['PING'], '+PONG\r\n'],
    'the release of the refused value': [release('job', 'waits'), ':0\r\n'],
    'another attempt': [acquire('elsewhere', 'v', LONG_TTL_MS), YES],
  } as const;
  let count = 0;
  for (const [name, [command, reply]] of Object.entries(following)) {
    const client = await retrier(stage, t, 'job', 'waits');
    await untilParked(stage.forelock, ++count);
    client.send(...command);
    t.strictSame(await client.replies(2), [NO, reply], name);
  }
});

t.test('a client that hangs up while it waits is not granted the lock', async t => {
  const stage = await setUp(t, 'job', PATIENT);
  const holder = await hold(stage, t, 'job');
  const gone = await retrier(stage, t, 'job', 'gone');
  await untilParked(stage.forelock, 1);
  const next = await retrier(stage, t, 'job', 'next');
  await untilParked(stage.forelock, 2);
  gone.destroy();
  await sleep(20);
  await holder.call(...release('job', 'holder'));
  t.equal(await next.reply(), YES);
});

t.test('with no park time nobody waits', async t => {
  const stage = await setUp(t, 'job', ['--park-ms', '0']);
  await hold(stage, t, 'job');
  for (let count = 0; count < 8; count++) {
    const client = await retrier(stage, t, 'job', `v${count}`);
    t.equal(await client.reply(), NO);
  }
  t.equal(await parked(stage.forelock), 0);
});

const CONTENDERS = 6;
const TURNS = 8;

for (const library of LIBRARIES) {
  t.test(`${library}: contenders are served one after the other`, async t => {
    const redis = await RedisServer.start(t);
    const forelock = await Forelock.start(t, { upstream: redis.url });
    const ledger = new Ledger();
    const contend = async (_: unknown, number: number): Promise<void> => {
      const locker = await openLocker(t, library, forelock.port);
      for (let turn = 0; turn < TURNS; turn++) {
        const askedAtMs = performance.now();
        const lock = await locker.lock('resource', LONG_TTL_MS);
        const holding = ledger.granted('resource', `client ${number}`, askedAtMs, LONG_TTL_MS);
        await sleep(2);
        ledger.releasing(holding);
        await lock.release();
        await sleep(10);
      }
    };
    await Promise.all(Array.from({ length: CONTENDERS }, contend));
    t.equal(ledger.holdings.length, CONTENDERS * TURNS, 'each has had it each time');
    t.strictSame(ledger.overlaps(), []);
    t.ok((await handOffs(forelock)) > 0, 'and some had it from the one before');
    t.match((await forelock.http('/metrics')).body, /^forelock_broken_assumptions_total\{.*\} 0$/m);
  });
}
