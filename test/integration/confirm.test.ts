import t from 'tap';
import { isToken, rawValue } from '../harness/delegation.js';
import { Forelock } from '../harness/forelock.js';
import { eventually, type Lifetime, sleep } from '../harness/lifetime.js';
import { acquire, release } from '../harness/lock-scripts.js';
import { RedisServer } from '../harness/redis-server.js';
import { Relay } from '../harness/relay.js';
import type { RespClient } from '../harness/resp-client.js';
import { decode } from '../harness/resp-frame.js';

/** `--confirm`: locks are granted only from leases that replicas have, or the disk. */

const TTL_MS = 10_000;
const ARGS = ['--delegate', 'lock:*', '--window-ms', '60000', '--redis-facts-ms', '200'];

/** A replica of the server at that port, in sync. */
async function replicaOf(t: Lifetime, port: number): Promise<RedisServer> {
  const replica = await RedisServer.start(t, { args: ['--replicaof', '127.0.0.1', String(port)] });
  const client = await replica.connect(t);
  await eventually('the replica is in sync', async () =>
    (await client.call('INFO', 'replication')).includes('master_link_status:up'),
  );
  return replica;
}

/** How many leases were confirmed, and how many were not. */
async function leases(forelock: Forelock): Promise<Record<'yes' | 'no', number>> {
  const { body } = await forelock.http('/metrics');
  const count = (outcome: string): number =>
    Number(
      new RegExp(`_confirmed_total\\{outcome="${outcome}",.*\\} (\\d+)$`, 'm').exec(body)?.[1],
    );
  return { yes: count('confirmed'), no: count('not confirmed') };
}

async function fromMemory(forelock: Forelock): Promise<number> {
  const { body } = await forelock.http('/metrics');
  return Number(/^forelock_lock_grants_total\{by="memory",.*\} (\d+)$/m.exec(body)?.[1]);
}

/** Cycles until the lock is held ready, and was granted from memory once. */
async function holdReady(forelock: Forelock, client: RespClient, key: string): Promise<void> {
  await eventually(`${key} is granted from memory`, async () => {
    const before = await fromMemory(forelock);
    await client.call(...acquire(key, 'first', TTL_MS));
    await client.call(...release(key, 'first'));
    return (await fromMemory(forelock)) > before;
  });
}

t.test('a lock from a confirmed lease survives a failover that loses an ordinary one', async t => {
  const master = await RedisServer.start(t);
  const replication = await Relay.start(t, master.port);
  const replica = await replicaOf(t, replication.port);
  const address = await Relay.start(t, master.port);
  const forelock = await Forelock.start(t, {
    upstream: address.url,
    args: [...ARGS, '--confirm', 'replicas=1,500', '--materialize-after-ms', '300'],
  });
  const client = await forelock.connect(t);
  const onMaster = await master.connect(t);
  const onReplica = await replica.connect(t);
  await holdReady(forelock, client, 'lock:written');
  await holdReady(forelock, client, 'lock:kept');
  t.ok((await leases(forelock)).yes >= 2, 'they are confirmed');
  t.ok(isToken(await rawValue(onReplica, 'lock:kept')), 'the replica has them');

  // From here on nothing reaches the replica any more.
  replication.stall();
  t.equal(await client.call(...acquire('lock:written', 'me', TTL_MS)), '+OK\r\n');
  await eventually(
    'it is written',
    async () => (await rawValue(onMaster, 'lock:written')) === 'me',
  );
  t.equal(await client.call('SET', 'plain', 'me', 'NX', 'PX', String(TTL_MS)), '+OK\r\n');
  t.equal(await client.call(...acquire('lock:kept', 'me', TTL_MS)), '+OK\r\n');
  t.ok(isToken(await rawValue(onMaster, 'lock:kept')), 'known to memory alone');
  await master.kill();
  address.aimAt(replica.port);
  address.cut();
  replication.cut();
  t.equal(await onReplica.call('REPLICAOF', 'NO', 'ONE'), '+OK\r\n');

  const taken = async (key: string): Promise<string> =>
    onReplica.call('SET', key, 'another', 'NX', 'PX', String(TTL_MS));
  t.equal(await taken('plain'), '+OK\r\n', 'the ordinary lock is lost: it has two holders now');
  t.equal(await taken('lock:kept'), '$-1\r\n', 'this one is not');
  t.equal(await taken('lock:written'), '$-1\r\n', 'nor this');
  for (const key of ['lock:kept', 'lock:written']) {
    await eventually(`${key} is known to the new master`, async () => {
      const next = await forelock.connect(t);
      const reply = await next.call(...acquire(key, 'you', TTL_MS)).catch(String);
      next.destroy();
      if (reply === '+OK\r\n') t.fail(`${key} was given to another`);
      return (await rawValue(onReplica, key)) === 'me';
    });
  }
  const holder = await forelock.connect(t);
  t.equal(await holder.call(...release('lock:kept', 'me')), ':1\r\n', 'its holder can release it');
});

t.test('without replicas nothing is kept in memory, and locks are granted by Redis', async t => {
  const redis = await RedisServer.start(t);
  const args = [...ARGS, '--confirm', 'replicas=1,50'];
  const forelock = await Forelock.start(t, { upstream: redis.url, args });
  const client = await forelock.connect(t);
  const direct = await redis.connect(t);
  for (let cycle = 0; cycle < 10; cycle++) {
    t.equal(await client.call(...acquire('lock:0', 'me', TTL_MS)), '+OK\r\n');
    t.equal(await client.call(...release('lock:0', 'me')), ':1\r\n');
  }
  t.equal(await rawValue(direct, 'lock:0'), null);
  t.equal(await fromMemory(forelock), 0);
  const explained = String(decode(await client.call('FORELOCK', 'EXPLAIN', 'lock:0')));
  t.match(explained, 'leases are not confirmed: 0 of 1 replicas within 50 ms');
});

t.test(
  'a replica that stands still holds up no client, and counts again when it goes on',
  async t => {
    const master = await RedisServer.start(t);
    const replica = await replicaOf(t, master.port);
    const args = [...ARGS, '--confirm', 'replicas=1,2000'];
    const forelock = await Forelock.start(t, { upstream: master.url, args });
    const client = await forelock.connect(t);
    await holdReady(forelock, client, 'lock:0');
    // A replica tells once a second how far it is: that may not count for what comes now.
    await sleep(1500);
    replica.pause();
    const granted = await fromMemory(forelock);
    const startMs = performance.now();
    for (let cycle = 0; cycle < 20; cycle++) {
      const key = `lock:new:${cycle % 2}`;
      t.equal(await client.call(...acquire(key, 'me', TTL_MS)), '+OK\r\n');
      t.equal(await client.call(...release(key, 'me')), ':1\r\n');
    }
    t.ok(performance.now() - startMs < 1500, 'nobody waits for the replica');
    t.equal(await fromMemory(forelock), granted, 'nothing is granted from memory');
    await eventually('it is noticed', async () => (await leases(forelock)).no > 0);
    replica.resume();
    await holdReady(forelock, client, 'lock:new:0');
  },
);

t.test('a server without WAITAOF stops the start', async t => {
  const redis = await RedisServer.start(t);
  const direct = await redis.connect(t);
  const [facts] = decode(await direct.call('COMMAND', 'INFO', 'WAITAOF')) as unknown[];
  const started = Forelock.start(t, { upstream: redis.url, args: ['--confirm', 'aof'] }).then(
    () => 'started',
    error => String(error),
  );
  const said = await started;
  if (facts !== null) t.equal(said, 'started');
  else t.match(said, /--confirm: redis:.*: WAITAOF is missing: it needs Redis 7\.2/);
});

t.test('where leases on disk can not be had, nothing is kept in memory', async t => {
  const redis = await RedisServer.start(t);
  const relay = await Relay.start(t, redis.port);
  // Redis is away at the start, and lacks it when it comes.
  relay.refuse();
  const forelock = await Forelock.start(t, {
    upstream: relay.url,
    args: [...ARGS, '--confirm', 'aof,50', '--reconnect-wait-ms', '300'],
  });
  await relay.accept();
  const client = await eventually('Redis is there', async () => {
    const one = await forelock.connect(t);
    return (await one.call('PING')) === '+PONG\r\n' && one;
  });
  for (let cycle = 0; cycle < 5; cycle++) {
    t.equal(await client.call(...acquire('lock:0', 'me', TTL_MS)), '+OK\r\n');
    t.equal(await client.call(...release('lock:0', 'me')), ':1\r\n');
  }
  t.equal(await fromMemory(forelock), 0);
});
