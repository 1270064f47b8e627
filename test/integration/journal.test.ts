import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import t from 'tap';
import {
  ARGS,
  delegateAlone,
  leftInTheEnd,
  TTL_MS,
  whileContending,
} from '../harness/contention.js';
import { isToken, namesOfOurs, rawValue, statusOf } from '../harness/delegation.js';
import { Forelock } from '../harness/forelock.js';
import { eventually, type Lifetime, sleep } from '../harness/lifetime.js';
import { acquire, extend, release } from '../harness/lock-scripts.js';
import { RedisServer } from '../harness/redis-server.js';
import type { RespClient } from '../harness/resp-client.js';
import { decode } from '../harness/resp-frame.js';
import { shortFolder } from '../harness/short-folder.js';

/** kill -9, and a start with the same state directory: what was granted from memory alone stays so. */

const LONG_MS = 20_000;

interface Scene {
  readonly redis: RedisServer;
  readonly direct: RespClient;
  readonly directory: string;
  start(...args: readonly string[]): Promise<Forelock>;
}

/** Grants stay in memory alone, and leases are long enough to be waited out in vain. */
async function scene(t: Lifetime): Promise<Scene> {
  const redis = await RedisServer.start(t);
  const directory = shortFolder(t);
  const args = ['--delegate', 'lock:*', '--materialize-after-ms', '1000', '--window-ms', '60000'];
  args.push('--state-dir', directory);
  return {
    redis,
    direct: await redis.connect(t),
    directory,
    start: (...more) => Forelock.start(t, { upstream: redis.url, args: [...args, ...more] }),
  };
}

async function delegate(client: RespClient, direct: RespClient, key: string): Promise<void> {
  await eventually(`${key} is delegated`, async () => {
    await client.call(...acquire(key, 'first', LONG_MS));
    await client.call(...release(key, 'first'));
    return isToken(await rawValue(direct, key));
  });
}

const leftMs = async (direct: RespClient, key: string): Promise<number> =>
  Number(decode(await direct.call('PTTL', key)));

t.test('a holder that memory alone knew of has its lock after kill -9 and a restart', async t => {
  const { direct, start } = await scene(t);
  const first = await start();
  const client = await first.connect(t);
  await delegate(client, direct, 'lock:0');
  t.equal(await client.call(...acquire('lock:0', 'me', LONG_MS)), '+OK\r\n');
  t.ok(isToken(await rawValue(direct, 'lock:0')), 'Redis does not know of it');
  await first.kill();

  const next = await start();
  t.equal(await rawValue(direct, 'lock:0'), 'me', 'it does when Forelock listens again');
  const left = await leftMs(direct, 'lock:0');
  t.ok(left > LONG_MS / 2 && left <= LONG_MS, `for what is left of its TTL: ${left} ms`);
  const again = await next.connect(t);
  t.equal(await again.call(...acquire('lock:0', 'you', LONG_MS)), '$-1\r\n');
  t.equal(await again.call(...release('lock:0', 'me')), ':1\r\n', 'and its holder can release it');
  t.equal(await again.call(...acquire('lock:0', 'you', LONG_MS)), '+OK\r\n');
});

t.test('the last word counts: an extension, a release, the next holder', async t => {
  const { direct, start } = await scene(t);
  const first = await start();
  const client = await first.connect(t);
  // The first time of a script is Redis's.
  t.equal(await client.call(...extend('another', 'me', 1000)), ':0\r\n');
  for (const key of ['lock:extended', 'lock:released', 'lock:next']) {
    await delegate(client, direct, key);
  }
  for (const key of ['lock:extended', 'lock:released', 'lock:next']) {
    t.equal(await client.call(...acquire(key, 'me', 4000)), '+OK\r\n');
  }
  t.equal(await client.call(...extend('lock:extended', 'me', 12_000)), ':1\r\n');
  t.equal(await client.call(...release('lock:released', 'me')), ':1\r\n');
  t.equal(await client.call(...release('lock:next', 'me')), ':1\r\n');
  t.equal(await client.call(...acquire('lock:next', 'you', 5000)), '+OK\r\n');
  for (const key of ['lock:extended', 'lock:released', 'lock:next']) {
    t.ok(isToken(await rawValue(direct, key)), `${key} is in memory alone`);
  }
  await first.kill();

  const next = await start();
  t.equal(await rawValue(direct, 'lock:extended'), 'me');
  const left = await leftMs(direct, 'lock:extended');
  t.ok(left > 4000, `with its longer TTL: ${left} ms`);
  t.equal(await rawValue(direct, 'lock:released'), null);
  t.equal(await rawValue(direct, 'lock:next'), 'you');
  const metrics = (await next.http('/metrics')).body;
  t.match(metrics, /^forelock_recovered_total\{outcome="holder written",.*\} 2$/m);
  t.match(metrics, /^forelock_recovered_total\{outcome="freed",.*\} 1$/m);
});

t.test('what nobody held is free at once, and no lease is waited out', async t => {
  const { direct, start } = await scene(t);
  const first = await start();
  const client = await first.connect(t);
  const keys = Array.from({ length: 20 }, (_, index) => `lock:${index}`);
  for (const key of keys) await delegate(client, direct, key);
  await first.kill();
  for (const key of keys) {
    if (!isToken(await rawValue(direct, key))) t.fail(`${key} is not delegated`);
    if ((await leftMs(direct, key)) < LONG_MS / 2) t.fail(`the lease of ${key} is short`);
  }
  await start();
  for (const key of keys) t.equal(await rawValue(direct, key), null, key);
  t.same(await namesOfOurs(direct), ['forelock:fence'], 'and nothing else is left');
});

t.test('each listener has a journal of its own', async t => {
  const { redis, direct, directory } = await scene(t);
  const second = await RedisServer.start(t);
  const directSecond = await second.connect(t);
  const start = (): Promise<Forelock> =>
    Forelock.start(t, {
      upstream: redis.url,
      furtherUpstreams: [second.url],
      args: ['--delegate', 'lock:*', '--materialize-after-ms', '1000', '--state-dir', directory],
    });
  const first = await start();
  const clients = await Promise.all(first.ports.map(port => first.connect(t, port)));
  for (const [index, client] of clients.entries()) {
    await delegate(client, index === 0 ? direct : directSecond, 'lock:0');
  }
  for (const [index, client] of clients.entries()) {
    t.equal(await client.call(...acquire('lock:0', `holder ${index}`, LONG_MS)), '+OK\r\n');
  }
  await first.kill();
  t.same(
    readdirSync(directory).filter(name => name.startsWith('journal')),
    ['journal-0', 'journal-1'],
  );
  await start();
  t.equal(await rawValue(direct, 'lock:0'), 'holder 0');
  t.equal(await rawValue(directSecond, 'lock:0'), 'holder 1');
});

t.test('what a restart frees, another Forelock can have at once', async t => {
  const { redis, direct, start } = await scene(t);
  const first = await start();
  const client = await first.connect(t);
  await delegate(client, direct, 'lock:0');
  const other = await Forelock.start(t, { upstream: redis.url, args: ['--delegate', 'lock:*'] });
  const elsewhere = await other.connect(t);
  await first.kill();
  t.equal(
    await elsewhere.call(...acquire('lock:0', 'you', LONG_MS)),
    '$-1\r\n',
    'who owns it does not answer',
  );
  await start();
  t.equal(await elsewhere.call(...acquire('lock:0', 'you', LONG_MS)), '+OK\r\n');
  t.equal(await elsewhere.call(...release('lock:0', 'you')), ':1\r\n');
});

t.test('killed again and again while clients compete: no lock has two holders', async t => {
  const redis = await RedisServer.start(t);
  const address = { port: 0 };
  // Leases that outlive a start: else there is nothing left to recover.
  const slack = ['--lease-slack-min-ms', '5000', '--lease-slack-max-ms', '5000'];
  const args = [...ARGS, ...slack, '--materialize-after-ms', '100', '--state-dir', shortFolder(t)];
  let recovered = 0;
  const ledger = await whileContending(t, address, null, 'lock:0', async () => {
    for (let life = 0; life < 8; life++) {
      const forelock = await Forelock.start(t, { upstream: redis.url, args });
      address.port = forelock.port;
      const metrics = (await forelock.http('/metrics')).body;
      for (const [, count] of metrics.matchAll(/^forelock_recovered_total.* (\d+)$/gm)) {
        recovered += Number(count);
      }
      await sleep(300 + Math.random() * 100);
      await forelock.kill();
    }
  });
  t.same(ledger.overlaps(), []);
  t.ok(recovered > 0, `${recovered} were left to be recovered`);
  const last = await Forelock.start(t, { upstream: redis.url, args });
  await last.stop();
  t.equal(await leftInTheEnd(await redis.connect(t), 'lock:0'), null);
});

t.test('Redis is away at the start: recovered when it is back', async t => {
  const { redis, direct, start } = await scene(t);
  const first = await start();
  const client = await first.connect(t);
  await delegate(client, direct, 'lock:0');
  t.equal(await client.call(...acquire('lock:0', 'me', LONG_MS)), '+OK\r\n');
  await first.kill();
  redis.pause();
  await start('--reconnect-wait-ms', '300');
  redis.resume();
  await eventually('it is recovered', async () => (await rawValue(direct, 'lock:0')) === 'me');
});

t.test('SIGTERM leaves nothing to be recovered', async t => {
  const { direct, start } = await scene(t);
  const first = await start();
  const client = await first.connect(t);
  await delegate(client, direct, 'lock:0');
  t.equal(await client.call(...acquire('lock:0', 'me', LONG_MS)), '+OK\r\n');
  client.destroy();
  t.equal(await first.stop(), 0);
  t.equal(await rawValue(direct, 'lock:0'), 'me');
  const next = await start();
  t.match((await next.http('/metrics')).body, /^forelock_scripts_total\{script="recover",.*\} 0$/m);
});

t.test(
  'one Forelock has a state directory at a time, be it stopped; a killed one has none',
  async t => {
    const { redis, directory, start } = await scene(t);
    const first = await start();
    const second = (): Promise<string> =>
      Forelock.start(t, { upstream: redis.url, args: ['--state-dir', directory] }).then(
        () => 'started',
        error => String(error),
      );
    t.match(
      await second(),
      `--state-dir ${directory}: another Forelock has it (process ${first.pid})`,
    );
    first.pause();
    t.match(await second(), 'another Forelock has it (a process that does not answer)');
    first.resume();
    t.equal((await first.http('/healthz')).status, 200, 'it is not disturbed');
    await first.kill();
    await start();
  },
);

t.test('a journal that is damaged, or of another Redis, is refused and said so', async t => {
  const { direct, directory, start } = await scene(t);
  const first = await start();
  const client = await first.connect(t);
  await delegate(client, direct, 'lock:0');
  await delegate(client, direct, 'lock:1');
  await first.kill();
  const journal = `${directory}/journal-0`;
  const bytes = readFileSync(journal);
  bytes[bytes.indexOf('lock:0')] = 0x4c;
  writeFileSync(journal, bytes);
  const next = await start();
  t.match(
    next.log.map(line => line.msg),
    [/the journal is refused: it is damaged at byte \d+; leases .* are waited out/],
  );
  t.ok(isToken(await rawValue(direct, 'lock:0')), 'nothing is done on the word of it');
  await next.kill();
  const other = await RedisServer.start(t);
  const args = ['--state-dir', directory];
  const elsewhere = await Forelock.start(t, { upstream: other.url, args });
  t.match(
    elsewhere.log.map(line => line.msg),
    [/the journal is refused: it is of another upstream, redis:/],
  );
  t.ok(readdirSync(directory).includes('journal-0.refused'));
});

t.test('without a state directory nothing is written, and leases are waited out', async t => {
  const redis = await RedisServer.start(t);
  const forelock = await Forelock.start(t, { upstream: redis.url, args: ARGS });
  const client = await forelock.connect(t);
  const direct = await redis.connect(t);
  await delegateAlone(client, direct, 'lock:0');
  const files = readdirSync(`/proc/${forelock.pid}/cwd`);
  await client.call(...acquire('lock:0', 'me', TTL_MS));
  t.same(readdirSync(`/proc/${forelock.pid}/cwd`), files);
  t.equal((await statusOf(t, { forelock })).get('mode'), 'reserve');
});
