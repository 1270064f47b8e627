/** Several listeners in one process: each with a Redis, and locks, of its own. */
import t from 'tap';
import { Forelock } from '../harness/forelock.js';
import { eventually, type Lifetime } from '../harness/lifetime.js';
import { acquire, release } from '../harness/lock-scripts.js';
import { RedisServer } from '../harness/redis-server.js';
import { RespClient } from '../harness/resp-client.js';

async function startRedis(t: Lifetime, count: number): Promise<readonly RedisServer[]> {
  const servers: RedisServer[] = [];
  for (let index = 0; index < count; index++) servers.push(await RedisServer.start(t));
  return servers;
}

async function start(
  t: Lifetime,
  servers: readonly RedisServer[],
  args: readonly string[] = [],
): Promise<Forelock> {
  const [upstream = '', ...furtherUpstreams] = servers.map(server => server.url);
  return Forelock.start(t, { upstream, furtherUpstreams, args });
}

t.test('each listener has its own Redis, locks and status', async t => {
  const servers = await startRedis(t, 2);
  const forelock = await start(t, servers, ['--delegate', 'job:*']);
  for (const [index, port] of forelock.ports.entries()) {
    const client = await forelock.connect(t, port);
    t.equal(await client.call('SET', 'where', `redis ${index}`), '+OK\r\n');
    const status = await client.call('FORELOCK', 'STATUS');
    t.match(status, `\r\n127.0.0.1:${port}\r\n`);
    t.match(status, `\r\n${servers[index]?.url}\r\n`);
    t.equal(await client.call('SET', 'job:1', `holder ${index}`, 'NX', 'PX', '9000'), '+OK\r\n');
  }
  for (const [index, server] of servers.entries()) {
    const straight = await RespClient.connect(t, server.port);
    t.match(await straight.call('GET', 'where'), `redis ${index}`);
    t.match(await straight.call('GET', 'job:1'), `holder ${index}`);
  }
  const { body } = await forelock.http('/metrics');
  for (const server of servers) {
    t.match(body, `\nforelock_lock_requests_total{upstream="${server.url}"} 1\n`);
  }
});

t.test('SIGTERM gives back what every listener holds', async t => {
  const servers = await startRedis(t, 3);
  const forelock = await start(t, servers, ['--delegate', 'job:*']);
  for (const port of forelock.ports) {
    const client = await forelock.connect(t, port);
    for (let round = 0; round < 20; round++) {
      await client.call(...acquire('job:1', `v${round}`, 9000));
      await client.call(...release('job:1', `v${round}`));
    }
    const pool = await client.call('FORELOCK', 'POOL');
    t.match(pool, 'job:1', 'it is held ready');
  }
  t.equal(await forelock.stop(), 0);
  for (const server of servers) {
    const straight = await RespClient.connect(t, server.port);
    t.equal(await straight.call('KEYS', 'job:*'), '*0\r\n', 'nothing is left in the key');
  }
});

t.test('/readyz: every listener counts, of a group a majority', async t => {
  for (const [args, withOneLost, withTwoLost] of [
    [[], 503, 503],
    [['--group'], 200, 503],
  ] as const) {
    const servers = await startRedis(t, 3);
    const forelock = await start(t, servers, args);
    const becomes = (status: number): Promise<unknown> =>
      eventually(
        `/readyz is ${status}`,
        async () => (await forelock.http('/readyz')).status === status,
        {
          withinMs: 15_000,
        },
      );
    await becomes(200);
    await servers[0]?.stop();
    await eventually('the loss is seen', async () =>
      (await forelock.http('/metrics')).body.includes(
        `forelock_upstream_reachable{upstream="${servers[0]?.url}"} 0`,
      ),
    );
    await becomes(withOneLost);
    await servers[1]?.stop();
    await becomes(withTwoLost);
    const { body } = await forelock.http('/readyz');
    t.match(body, `${servers[0]?.url}: upstream unreachable; ${servers[1]?.url}: upstream unreach`);
  }
});
