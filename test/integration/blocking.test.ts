import t from 'tap';
import { eventually, sleep } from '../harness/lifetime.js';
import { Twins } from '../harness/twins.js';

/** Commands that wait hold back their own client, and nobody else. */

/** Waits until so many clients of this Redis are blocked. */
async function blocked(
  client: { call(...args: string[]): Promise<string> },
  count: number,
): Promise<void> {
  await eventually(`${count} clients are blocked`, async () =>
    (await client.call('INFO', 'clients')).includes(`blocked_clients:${count}\r\n`),
  );
}

const WAKINGS: [waiting: string, waking: string][] = [
  ['BLPOP l 0', 'RPUSH l a b'],
  ['BRPOP none l 0', 'RPUSH l a b'],
  ['BLMOVE l m LEFT RIGHT 0', 'RPUSH l a'],
  ['BRPOPLPUSH l m 0', 'RPUSH l a'],
  ['BLMPOP 0 1 l LEFT COUNT 2', 'RPUSH l a b'],
  ['BZPOPMIN z 0', 'ZADD z 1 a'],
  ['BZPOPMAX z 0', 'ZADD z 1 a 2 b'],
  ['BZMPOP 0 1 z MIN', 'ZADD z 1 a'],
  ['XREAD BLOCK 0 STREAMS x $', 'XADD x 1-1 f v'],
  ['XREADGROUP GROUP g c BLOCK 0 STREAMS s >', 'XADD s 1-1 f v'],
];

t.test('woken by another client', async t => {
  const twins = await Twins.start(t);
  for (const [waiting, waking] of WAKINGS) {
    await twins.onBoth('FLUSHALL');
    await twins.onBoth('XGROUP', 'CREATE', 's', 'g', '$', 'MKSTREAM');
    const waiter = await twins.pair(t);
    const waker = await twins.pair(t);
    waiter.write(`${waiting}\r\nPING behind\r\n`);
    await Promise.all([blocked(waker.direct, 1), blocked(waker.proxied, 1)]);
    await waker.same(t, 'PING');
    t.same(waiter.proxied.drain(), [], 'nothing is answered before');
    await waker.same(t, ...waking.split(' '));
    await waiter.sameReply(t, waiting);
    await waiter.sameReply(t, 'what stood behind it');
    waiter.destroy();
  }
});

t.test('timed out after the time asked for', async t => {
  const twins = await Twins.start(t);
  for (const command of [
    'BLPOP l 0.1',
    'BLMOVE l m LEFT LEFT 0.1',
    'BZPOPMIN z 0.1',
    'BLMPOP 0.1 1 l LEFT',
    'XREAD BLOCK 100 STREAMS x $',
    'WAIT 1 100',
  ]) {
    for (const hello of ['2', '3']) {
      const pair = await twins.pair(t);
      await pair.call('HELLO', hello);
      const beforeMs = performance.now();
      await pair.same(t, ...command.split(' '));
      t.ok(performance.now() - beforeMs >= 95, 'not before');
    }
  }
});

t.test('served in the order in which they came', async t => {
  const twins = await Twins.start(t);
  const watcher = await twins.forelock.connect(t);
  const waiters = [];
  for (let index = 0; index < 10; index++) {
    const client = await twins.forelock.connect(t);
    client.send('BLPOP', 'l', '0');
    await blocked(watcher, index + 1);
    waiters.push(client);
  }
  for (const [index, waiter] of waiters.entries()) {
    await watcher.call('RPUSH', 'l', String(index));
    t.equal(await waiter.reply(), `*2\r\n$1\r\nl\r\n$1\r\n${index}\r\n`);
  }
});

t.test('a client that goes while it waits takes nothing', async t => {
  const twins = await Twins.start(t);
  const watcher = await twins.forelock.connect(t);
  const gone = await twins.forelock.connect(t);
  gone.send('BLPOP', 'l', '0');
  await blocked(watcher, 1);
  gone.destroy();
  await blocked(watcher, 0);
  await watcher.call('RPUSH', 'l', 'a');
  t.equal(await watcher.call('LRANGE', 'l', '0', '-1'), '*1\r\n$1\r\na\r\n');
});

t.test('many waiting clients hold back none of the others', async t => {
  const twins = await Twins.start(t);
  const waiters = await Promise.all(
    Array.from({ length: 50 }, async () => {
      const client = await twins.forelock.connect(t);
      client.send('BLPOP', 'l', '0');
      return client;
    }),
  );
  const worker = await twins.forelock.connect(t);
  await blocked(worker, 50);
  const beforeMs = performance.now();
  for (let round = 0; round < 100; round++) await worker.call('INCR', 'n');
  t.ok(performance.now() - beforeMs < 2000, 'others work on');
  await worker.call('RPUSH', 'l', ...Array.from({ length: 50 }, (_, index) => String(index)));
  const served = await Promise.all(waiters.map(waiter => waiter.reply()));
  t.equal(new Set(served).size, 50, 'each got one of its own');
});

t.test('CLIENT PAUSE holds back writes, or everything, for its time', async t => {
  const twins = await Twins.start(t);
  const pair = await twins.pair(t);
  await pair.same(t, 'SET', 'k', 'v');
  await pair.same(t, 'CLIENT', 'PAUSE', '150', 'WRITE');
  const beforeMs = performance.now();
  const reader = await twins.pair(t);
  await reader.same(t, 'GET', 'k');
  const readMs = performance.now() - beforeMs;
  await pair.same(t, 'SET', 'k', 'w');
  t.ok(performance.now() - beforeMs >= 140, 'the write waits');
  t.ok(readMs < 140, 'the read does not');
  await sleep(10);
  await pair.same(t, 'GET', 'k');
});
