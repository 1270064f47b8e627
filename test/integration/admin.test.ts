import t from 'tap';
import { Forelock } from '../harness/forelock.js';
import { sleep } from '../harness/lifetime.js';
import { RedisServer } from '../harness/redis-server.js';
import type { RespClient } from '../harness/resp-client.js';

const RELEASE =
  'if redis.call("get",KEYS[1]) == ARGV[1] then return redis.call("del",KEYS[1]) else return 0 end';

/** Locks and unlocks, as often as it takes to be proven and granted from memory. */
async function lockOften(client: RespClient, key: string): Promise<void> {
  for (let cycle = 0; cycle < 20; cycle++) {
    await client.call('SET', key, `v${cycle}`, 'NX', 'PX', '10000');
    await client.call('EVAL', RELEASE, '1', key, `v${cycle}`);
  }
}

t.test('FORELOCK as the first command of a client, in both protocols', async t => {
  const redis = await RedisServer.start(t);
  const forelock = await Forelock.start(t, { upstream: redis.url });
  const first = await forelock.connect(t);
  t.match(
    await first.call('FORELOCK', 'STATUS'),
    /^\*\d+\r\n\$7\r\nversion\r\n\$5\r\n\d+\.\d+\.\d+/,
  );
  const third = await forelock.connect3(t);
  t.match(await third.call('forelock', 'status'), /^%\d+\r\n\$7\r\nversion\r\n/);
  t.match(await first.call('FORELOCK', 'HELP'), /EXPLAIN key\r\n/);
  t.match(await first.call('FORELOCK', 'NONSENSE'), /^-ERR unknown subcommand 'NONSENSE'/);
  t.equal(await first.call('PING'), '+PONG\r\n', 'the client goes on');
});

t.test(
  'LOCKS, POOL, SCORES, EXPLAIN and /metrics tell of a lock that is granted from memory',
  async t => {
    const redis = await RedisServer.start(t);
    const forelock = await Forelock.start(t, {
      upstream: redis.url,
      args: ['--delegate', 'job:*'],
    });
    const client = await forelock.connect(t);
    await lockOften(client, 'job:1');
    t.match(await client.call('FORELOCK', 'LOCKS'), /\r\njob:1\r\n/);
    t.match(await client.call('FORELOCK', 'POOL'), /\r\njob:1\r\n[\s\S]*lease-left-ms\r\n:\d+/);
    t.match(
      await client.call('FORELOCK', 'SCORES'),
      /\r\njob:1\r\n[\s\S]*\r\nforecaster\r\n\$\d+\r\n[a-z-]+\r\n/,
    );
    const explained = await client.call('FORELOCK', 'EXPLAIN', 'job:1');
    t.match(explained, /grants-from-memory\r\n:[1-9]/);
    t.match(await client.call('FORELOCK', 'EXPLAIN', 'other'), /state\r\n\$7\r\nunknown/);
    const { body } = await forelock.http('/metrics');
    t.match(body, /^forelock_lock_grants_total\{by="memory",upstream="redis:.*"\} [1-9]/m);
    t.match(body, /^forelock_clients_connected\{upstream="redis:.*"\} 1$/m);
    t.match(body, /^forelock_broken_assumptions_total\{upstream="redis:.*"\} 0$/m);
  },
);

t.test('only who may CONFIG GET * is answered; EXPLAIN also who may GET the key', async t => {
  const redis = await RedisServer.start(t, {
    users: [
      'ops on >secret +config|get',
      'reader on >secret ~job:* +get',
      'nobody on >secret ~* +set',
    ],
  });
  const forelock = await Forelock.start(t, { upstream: redis.url });
  const as = async (user: string): Promise<RespClient> => {
    const client = await forelock.connect(t);
    t.equal(await client.call('AUTH', user, 'secret'), '+OK\r\n');
    return client;
  };
  const ops = await as('ops');
  t.match(await ops.call('FORELOCK', 'STATUS'), /^\*/);
  t.match(await ops.call('FORELOCK', 'EXPLAIN', 'job:1'), /^\*/);
  const reader = await as('reader');
  t.match(await reader.call('FORELOCK', 'STATUS'), /^-NOPERM /);
  t.match(await reader.call('FORELOCK', 'EXPLAIN', 'job:1'), /^\*/);
  t.match(await reader.call('FORELOCK', 'EXPLAIN', 'secret:1'), /^-NOPERM /);
  const nobody = await as('nobody');
  for (const words of [['STATUS'], ['HELP'], ['EXPLAIN', 'job:1'], ['NONSENSE']]) {
    t.match(await nobody.call('FORELOCK', ...words), /^-NOPERM /, words.join(' '));
  }
});

t.test('while Redis is away, STATUS answers those whom Redis allowed before', async t => {
  const redis = await RedisServer.start(t, {
    users: [
      'ops on >secret +config|get',
      'reader on >secret ~* +get',
      'past on >secret +config|get',
    ],
  });
  const forelock = await Forelock.start(t, {
    upstream: redis.url,
    args: ['--reconnect-wait-ms', '300', '--admin-rights-refresh-ms', '100'],
  });
  const as = async (user: string): Promise<RespClient> => {
    const client = await forelock.connect(t);
    await client.call('AUTH', user, 'secret');
    await client.call('FORELOCK', 'STATUS');
    return client;
  };
  const [ops, reader, past] = await Promise.all(['ops', 'reader', 'past'].map(as));
  const early = await forelock.connect(t);
  await early.call('PING');
  await (await redis.connect(t)).call('ACL', 'SETUSER', 'past', '-config|get');
  await sleep(300);
  for (const silent of [true, false]) {
    if (silent) redis.pause();
    else await redis.kill();
    await sleep(100);
    const how = silent ? 'silent' : 'gone';
    const next = silent ? null : await forelock.connect(t);
    for (const client of [ops, early, next]) {
      if (!client) continue;
      t.match(await client.call('FORELOCK', 'STATUS'), /upstream-reachable\r\n:[01]/, how);
      t.match(await client.call('FORELOCK', 'LOCKS'), /^-ERR Redis can't be asked/, how);
    }
    for (const client of [reader, past]) {
      t.match(await client?.call('FORELOCK', 'STATUS'), /^-ERR Redis can't be asked/, how);
    }
    if (next !== null) t.match(await next.call('GET', 'k'), /^-ERR Forelock/, 'and nothing else');
  }
});

for (const [what, options] of [
  ['must log in', { requirepass: 'secret' }],
  ['may not look', { users: ['default on nopass ~* +@all -config'] }],
] as const) {
  t.test(`while Redis is away, a client without a login that ${what} sees nothing`, async t => {
    const redis = await RedisServer.start(t, options);
    const forelock = await Forelock.start(t, {
      upstream: redis.url,
      args: ['--reconnect-wait-ms', '300'],
    });
    const early = await forelock.connect(t);
    t.match(await early.call('FORELOCK', 'STATUS'), /^-(NOAUTH|NOPERM)/);
    await redis.kill();
    const client = await forelock.connect(t);
    t.match(await client.call('FORELOCK', 'STATUS'), /^-ERR (Forelock: upstream|Redis can't)/);
  });
}

t.test('who has not authenticated is not answered', async t => {
  const redis = await RedisServer.start(t, { requirepass: 'secret' });
  const forelock = await Forelock.start(t, { upstream: redis.url });
  const client = await forelock.connect(t);
  t.match(await client.call('FORELOCK', 'STATUS'), /^-NOAUTH /);
  t.equal(await client.call('AUTH', 'secret'), '+OK\r\n');
  t.match(await client.call('FORELOCK', 'STATUS'), /^\*/);
});
