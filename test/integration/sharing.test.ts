import { Redis } from 'ioredis';
import { createClient } from 'redis';
import t from 'tap';
import type { Forelock } from '../harness/forelock.js';
import { eventually, type Lifetime } from '../harness/lifetime.js';
import { acquire, RELEASE, release } from '../harness/lock-scripts.js';
import type { RedisServer } from '../harness/redis-server.js';
import { decode } from '../harness/resp-frame.js';
import { Twins } from '../harness/twins.js';

/** Clients that use no connection state share few connections to Redis. */

const SHARED_MAX = 10;

/** Connections that Redis has now, but for the one that asks. */
async function connectionsOf(t: Lifetime, redis: RedisServer): Promise<string[]> {
  const client = await redis.connect(t);
  const lines = String(decode(await client.call('CLIENT', 'LIST')))
    .trim()
    .split('\n');
  client.destroy();
  return lines.filter(line => !line.includes('cmd=client|list'));
}

async function workOnIoredis(t: Lifetime, forelock: Forelock, name: string): Promise<boolean> {
  const client = new Redis({ port: forelock.port, host: '127.0.0.1', lazyConnect: true, db: 1 });
  t.teardown(() => client.disconnect());
  await client.connect();
  for (let round = 1; round <= 30; round++) {
    const value = `${name}-${round}`;
    const [count, granted] = await Promise.all([
      client.incr(name),
      client.set(`lock:${name}`, value, 'PX', 10_000, 'NX'),
    ]);
    const released = await client.eval(RELEASE, 1, `lock:${name}`, value);
    if (count !== round || granted !== 'OK' || released !== 1) return false;
  }
  return true;
}

async function workOnNodeRedis(t: Lifetime, forelock: Forelock, name: string): Promise<boolean> {
  const client = createClient({ socket: { port: forelock.port, host: '127.0.0.1' }, name });
  client.on('error', () => {});
  t.teardown(() => client.destroy());
  await client.connect();
  for (let round = 1; round <= 30; round++) {
    const value = `${name}-${round}`;
    const [count, granted] = await Promise.all([
      client.incr(name),
      client.set(`lock:${name}`, value, { PX: 10_000, NX: true }),
    ]);
    const released = await client.eval(RELEASE, { keys: [`lock:${name}`], arguments: [value] });
    if (count !== round || granted !== 'OK' || released !== 1) return false;
  }
  return true;
}

t.test('50 ioredis and 50 node-redis clients at work need at most 10 connections', async t => {
  const twins = await Twins.start(t);
  let most = 0;
  let done = false;
  const counting = eventually(
    'the clients are done',
    async () => {
      most = Math.max(most, (await connectionsOf(t, twins.behind)).length);
      return done;
    },
    { withinMs: 60_000, everyMs: 20 },
  );
  const results = await Promise.all(
    Array.from({ length: 50 }, (_, index) => [
      workOnIoredis(t, twins.forelock, `ioredis-${index}`),
      workOnNodeRedis(t, twins.forelock, `node-redis-${index}`),
    ]).flat(),
  );
  done = true;
  await counting;
  t.ok(
    results.every(isRight => isRight),
    'each got its own replies',
  );
  t.ok(most <= SHARED_MAX, `${most} connections at most`);
});

t.test('what libraries send when they connect costs no place on a shared connection', async t => {
  const twins = await Twins.start(t);
  const greetings = [
    ['HELLO', '3', 'SETNAME', 'greeting'],
    ['CLIENT', 'SETINFO', 'LIB-NAME', 'tests'],
    ['CLIENT', 'SETINFO', 'LIB-VER', '1'],
    ['CLIENT', 'SETNAME', 'greeting'],
    ['CLIENT', 'ID'],
    ['CLIENT', 'GETNAME'],
    ['INFO'],
    ['SELECT', '1'],
    ['SELECT', '0'],
    ['COMMAND', 'COUNT'],
    ['READONLY'],
    ['PING'],
  ];
  const clients = await Promise.all(
    Array.from({ length: 40 }, async () => {
      const client = await twins.forelock.connect(t);
      for (const greeting of greetings) await client.call(...greeting);
      return client;
    }),
  );
  for (const [index, client] of clients.entries()) {
    await client.call('SET', `k${index}`, String(index));
    await client.call(...acquire(`lock${index}`, 'me', 10_000));
    await client.call(...release(`lock${index}`, 'me'));
  }
  const connections = await connectionsOf(t, twins.behind);
  t.ok(connections.length <= SHARED_MAX, `${connections.length}:\n${connections.join('\n')}`);
  t.equal(await clients[7]?.call('CLIENT', 'GETNAME'), '$8\r\ngreeting\r\n');
});

t.test('a connection of its own is given up when its client needs it no longer', async t => {
  const twins = await Twins.start(t);
  const clients = await Promise.all(
    Array.from({ length: 30 }, async () => {
      const client = await twins.forelock.connect(t);
      await client.call('WATCH', 'k');
      await client.call('MULTI');
      await client.call('EXEC');
      return client;
    }),
  );
  for (const client of clients) client.destroy();
  await eventually(
    'the connections are given up',
    async () => (await connectionsOf(t, twins.behind)).length <= SHARED_MAX + 8,
    { withinMs: 15_000, everyMs: 100 },
  );
  t.pass();
});

t.test('each user, database and protocol has connections of its own', async t => {
  const redis = { users: ['default on nopass ~* &* +@all', 'alice on >secret ~a:* +@all'] };
  const twins = await Twins.start(t, { redis });
  for (const hello of [
    [],
    ['HELLO', '3'],
    ['SELECT', '1'],
    ['AUTH', 'alice', 'secret'],
    ['HELLO', '3', 'AUTH', 'alice', 'secret'],
  ]) {
    const client = await twins.forelock.connect(t);
    if (hello.length > 0) await client.call(...hello);
    await client.call('GET', 'a:1');
  }
  const users = (await connectionsOf(t, twins.behind)).map(line => /user=(\S+)/.exec(line)?.[1]);
  t.ok(users.includes('alice'));
  t.ok(users.includes('default'));
});
