import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Redis } from 'ioredis';
import t from 'tap';
import { cycle, isDelegated, rawValue } from '../harness/delegation.js';
import { Forelock } from '../harness/forelock.js';
import { eventually, type Lifetime, sleep } from '../harness/lifetime.js';
import { acquire, release } from '../harness/lock-scripts.js';
import { projectFolder } from '../harness/project.js';
import { RedisServer } from '../harness/redis-server.js';
import type { RespClient } from '../harness/resp-client.js';
import { decode } from '../harness/resp-frame.js';

/** Numbers that grow with every grant, so that a storage can refuse whoever comes too late. */

const ARGS = ['--delegate', 'lock:*'];
/** Short, since a killed proxy's reservation stays for a lease. */
const TTL_MS = 1000;

async function fenceOf(client: RespClient, key: string, value: string): Promise<unknown> {
  return decode(await client.call('FORELOCK', 'FENCE', key, value));
}

async function delegated(client: RespClient, direct: RespClient, key: string): Promise<void> {
  await eventually(`${key} is delegated`, async () => {
    await cycle(client, key, TTL_MS);
    return isDelegated(direct, key);
  });
}

t.test('numbers grow with every grant, over two proxies and a restart', async t => {
  const redis = await RedisServer.start(t);
  const direct = await redis.connect(t);
  let last = 0;
  const grant = async (through: RespClient, how: string): Promise<void> => {
    const value = `${how} ${Math.random()}`;
    await eventually(
      `${how}: granted`,
      async () => (await through.call(...acquire('lock:0', value, TTL_MS))) === '+OK\r\n',
      { withinMs: 10_000, everyMs: 50 },
    );
    const fence = Number(await fenceOf(through, 'lock:0', value));
    t.ok(fence > last, `${how}: ${fence} after ${last}`);
    last = fence;
    await through.call(...release('lock:0', value));
  };
  const first = await Forelock.start(t, { upstream: redis.url, args: ARGS });
  const client = await first.connect(t);
  await grant(client, 'not yet a lock key');
  await delegated(client, direct, 'lock:0');
  for (let use = 0; use < 3; use++) await grant(client, 'from memory');
  const second = await Forelock.start(t, { upstream: redis.url, args: ARGS });
  const beside = await second.connect(t);
  await grant(beside, 'through another proxy');
  await delegated(beside, direct, 'lock:0');
  await grant(beside, 'from the memory of another proxy');
  await grant(client, 'through the first again');
  await first.kill();
  const third = await Forelock.start(t, { upstream: redis.url, args: ARGS });
  const after = await third.connect(t);
  await grant(after, 'after a restart');
  await direct.call('FLUSHALL');
  await grant(after, 'after a FLUSHALL');
  await redis.restart();
  const again = await third.connect(t);
  await grant(again, 'after a restart of Redis, which lost the counter');
});

t.test('a holder keeps its number, and nobody else is told any', async t => {
  const redis = await RedisServer.start(t);
  const direct = await redis.connect(t);
  const forelock = await Forelock.start(t, { upstream: redis.url, args: ARGS });
  const client = await forelock.connect(t);
  await delegated(client, direct, 'lock:0');
  const replies = await client.pipeline([
    acquire('lock:0', 'me', 10_000),
    ['FORELOCK', 'FENCE', 'lock:0', 'me'],
  ]);
  t.equal(replies[0], '+OK\r\n');
  t.match(replies[1], /^:\d{16}\r\n$/, 'an integer in RESP2');
  const fence = decode(replies[1] ?? '');
  await eventually('it is in Redis', async () => (await rawValue(direct, 'lock:0')) === 'me');
  const other = await forelock.connect3(t);
  t.equal(await fenceOf(other, 'lock:0', 'me'), fence, 'who knows the value, knows the grant');
  t.equal(await fenceOf(other, 'lock:0', 'you'), null);
  t.equal(await fenceOf(other, 'lock:1', 'me'), null);
  t.equal(await other.call('FORELOCK', 'FENCE', 'lock:0', 'you'), '_\r\n', 'nil in RESP3');
  await other.call('SELECT', '1');
  t.equal(await fenceOf(other, 'lock:0', 'me'), null, "the session's database counts");
  await client.call(...release('lock:0', 'me'));
  t.equal(await fenceOf(client, 'lock:0', 'me'), null, 'released');
});

t.test('it takes the right to GET the key, or to CONFIG GET *', async t => {
  const redis = await RedisServer.start(t, {
    users: [
      'locker on >secret ~lock:* +set +get +evalsha +eval +del',
      'writer on >secret ~lock:* +set',
      'ops on >secret ~none +config|get',
    ],
  });
  const forelock = await Forelock.start(t, { upstream: redis.url, args: ARGS });
  const as = async (user: string): Promise<RespClient> => {
    const client = await forelock.connect(t);
    t.equal(await client.call('AUTH', user, 'secret'), '+OK\r\n');
    return client;
  };
  const locker = await as('locker');
  await locker.call(...acquire('lock:0', 'me', 10_000));
  t.match(await locker.call('FORELOCK', 'FENCE', 'lock:0', 'me'), /^:\d+\r\n$/);
  t.match(await (await as('ops')).call('FORELOCK', 'FENCE', 'lock:0', 'me'), /^:\d+\r\n$/);
  for (const key of ['lock:0', 'other']) {
    t.match(await (await as('writer')).call('FORELOCK', 'FENCE', key, 'me'), /^-NOPERM /, key);
  }
  t.match(await locker.call('FORELOCK', 'FENCE', 'other', 'me'), /^-NOPERM /);
});

interface Example {
  withLock(
    redis: Redis,
    key: string,
    ttlMs: number,
    work: (fence: number) => Promise<void>,
  ): Promise<boolean>;
  Storage: new () => {
    write(id: string, text: string, fence: number): void;
    read(id: string): string | undefined;
  };
}

/** The code that README shows, as its readers would run it. */
async function exampleOf(t: Lifetime): Promise<Example> {
  const readme = readFileSync(join(projectFolder, 'README.md'), 'utf8');
  const code = /<!-- fences: .*? -->\n\n```js\n([\s\S]*?)```\n\n<!-- fences end -->/.exec(readme);
  // Beside this file, so that it finds the packages.
  const folder = await mkdtemp(join(import.meta.dirname, 'readme-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'fences.mjs');
  await writeFile(file, code?.[1] ?? '');
  return (await import(pathToFileURL(file).href)) as Example;
}

t.test("README's example: a holder that slept past its TTL is refused by the storage", async t => {
  const redis = await RedisServer.start(t);
  const forelock = await Forelock.start(t, { upstream: redis.url, args: ARGS });
  const { withLock, Storage } = await exampleOf(t);
  const client = new Redis(forelock.port);
  t.teardown(() => client.disconnect());
  const storage = new Storage();
  const late = withLock(client, 'lock:page', 500, async fence => {
    // As a process that was frozen: it wakes when the next holder has written.
    await eventually('the next has written', () => storage.read('page') === 'new');
    storage.write('page', 'old', fence);
  });
  const expectation = t.rejects(late, { message: /^too late: \d+ < \d+$/ });
  await eventually('the next has the lock', async () => {
    await sleep(20);
    return withLock(client, 'lock:page', 10_000, async fence =>
      storage.write('page', 'new', fence),
    );
  });
  await expectation;
  t.equal(storage.read('page'), 'new');
  t.equal(
    await withLock(client, 'lock:page', 10_000, async fence =>
      storage.write('page', 'last', fence),
    ),
    true,
  );
  t.equal(storage.read('page'), 'last');
});
