import t from 'tap';
import { cycle, isDelegated, rawValue } from '../harness/delegation.js';
import { Forelock } from '../harness/forelock.js';
import { eventually, sleep } from '../harness/lifetime.js';
import { acquire } from '../harness/lock-scripts.js';
import { RedisServer } from '../harness/redis-server.js';
import { Relay } from '../harness/relay.js';
import { encodeCommand } from '../harness/resp-frame.js';
import { Twins } from '../harness/twins.js';

/** What one client leaves behind in a connection, the next one that gets it must not find. */

/** What the next client in the same state finds in the connection that it gets. */
async function nextFinds(t: Parameters<typeof Twins.start>[0], twins: Twins, ...hello: string[][]) {
  const next = await twins.forelock.connect(t);
  for (const command of hello) await next.call(...command);
  await next.call('SET', 'k', String(Math.random()));
  const [multi, , , exec] = await next.pipeline([
    ['MULTI'],
    ['CLIENT', 'INFO'],
    ['ACL', 'WHOAMI'],
    ['EXEC'],
  ]);
  const field = (name: string): string =>
    new RegExp(` ${name}=(\\S*)`).exec(exec ?? '')?.[1] ?? 'none';
  const user = /\r\n\$\d+\r\n(\w+)\r\n$/.exec(exec ?? '')?.[1];
  const found = { multi, db: field('db'), name: field('name'), resp: field('resp'), user };
  const received = [];
  for (const kind of ['sub', 'psub']) if (field(kind) !== '0') received.push(kind);
  if (field('flags').includes('t')) received.push('tracking');
  return { ...found, received };
}

const FRESH = { multi: '+OK\r\n', db: '0', name: '', resp: '2', user: 'default', received: [] };

const LEFTOVERS: readonly (readonly [string, readonly string[]])[] = [
  ['a DISCARD that is refused', ['MULTI', 'DISCARD x']],
  ['an UNWATCH that is refused', ['WATCH k', 'UNWATCH x']],
  ['a SELECT behind a MULTI that is refused', ['MULTI x', 'SELECT 1', 'EXEC']],
  ['a HELLO behind a MULTI that is refused', ['MULTI x', 'HELLO 3', 'EXEC']],
  ['an AUTH behind a MULTI that is refused', ['MULTI x', 'AUTH bob pw', 'EXEC']],
  ['an EXEC behind a MULTI that is refused', ['WATCH k', 'MULTI x', 'EXEC']],
  ['SELECT in a transaction', ['MULTI', 'SELECT 1', 'EXEC']],
  ['SELECT in a transaction that is discarded', ['MULTI', 'SELECT 1', 'DISCARD']],
  ['AUTH in a transaction', ['MULTI', 'WATCH k', 'AUTH bob pw', 'EXEC']],
  ['HELLO in a transaction', ['MULTI', 'HELLO 3 SETNAME me', 'EXEC']],
  ['CLIENT SETNAME in a transaction', ['MULTI', 'CLIENT SETNAME me', 'EXEC']],
  ['SUBSCRIBE in a transaction', ['MULTI', 'SUBSCRIBE ch', 'EXEC']],
  ['CLIENT TRACKING in a transaction', ['MULTI', 'CLIENT TRACKING ON BCAST', 'EXEC']],
  ['CLIENT REPLY in a transaction', ['MULTI', 'CLIENT REPLY OFF', 'EXEC']],
];

t.test('nothing of a client is left in a connection that another one gets', async t => {
  const users = ['default on nopass ~* &* +@all', 'bob on >pw ~* &* +@all'];
  const twins = await Twins.start(t, { redis: { users } });
  for (const [what, commands] of LEFTOVERS) {
    const client = await twins.forelock.connect(t);
    for (const command of commands) client.send(...command.split(' '));
    await sleep(50);
    t.same(await nextFinds(t, twins), FRESH, what);
    client.destroy();
  }
});

t.test('a client that may not MULTI does at once what it sends behind it', async t => {
  const twins = await Twins.start(t, { redis: { users: ['default on nopass ~* +@all -multi'] } });
  const pair = await twins.pair(t);
  const commands = [['WATCH', 'k'], ['MULTI'], ['SELECT', '3'], ['SET', 'x', '1'], ['EXEC']];
  const [wanted, found] = await Promise.all([
    pair.direct.pipeline(commands),
    pair.proxied.pipeline(commands),
  ]);
  t.same(found, wanted);
  await pair.same(t, 'UNWATCH');
  await pair.same(t, 'GET', 'x');
  await pair.same(t, 'SELECT', '0');
  await pair.same(t, 'GET', 'x');
});

/** A lock that is delegated in this database, and a client straight at Redis that shows it. */
async function delegatedIn(t: Parameters<typeof Twins.start>[0], database: string) {
  const redis = await RedisServer.start(t);
  const forelock = await Forelock.start(t, { upstream: redis.url, args: ['--delegate', 'lock*'] });
  const select = ['SELECT', database];
  const locker = await forelock.connect(t);
  await locker.call(...select);
  const straight = await redis.connect(t);
  await straight.call(...select);
  const delegate = async (): Promise<unknown> =>
    eventually('it is delegated', async () => {
      await cycle(locker, 'lock');
      return isDelegated(straight, 'lock');
    });
  return { forelock, delegate };
}

t.test('no client sees a token in a database that it selected unnoticed', async t => {
  const { forelock, delegate } = await delegatedIn(t, '1');
  for (const [what, commands, answers] of [
    ['in a transaction', ['MULTI', 'SELECT 1', 'GET lock', 'EXEC'], 4],
    ['behind a refused MULTI', ['MULTI x', 'SELECT 1', 'GET lock'], 3],
    ['while replies are off', ['CLIENT REPLY OFF', 'SELECT 1', 'CLIENT REPLY ON', 'GET lock'], 2],
    ['by the second of two', ['MULTI', 'SELECT 2', 'SELECT 1', 'GET lock', 'EXEC'], 5],
  ] as const) {
    await delegate();
    const client = await forelock.connect(t);
    for (const command of commands) client.send(...command.split(' '));
    const found = await client.replies(answers);
    t.match(found.at(-1), /\$-1\r\n$/, what);
    client.destroy();
  }
});

t.test('what a request means is known before it is passed on in pieces', async t => {
  const twins = await Twins.start(t);
  const many = 220_000;
  for (const [what, head, part] of [
    ['WATCH', '$5\r\nWATCH\r\n$1\r\nk\r\n', '$1\r\nk\r\n$1\r\nk\r\n'],
    ['HELLO', '$5\r\nHELLO\r\n$1\r\n3\r\n', '$7\r\nSETNAME\r\n$1\r\nk\r\n'],
  ] as const) {
    const client = await twins.forelock.connect(t);
    await client.call('PING');
    client.write(`*${2 + many}\r\n`);
    await sleep(50);
    client.write(head + part.repeat(many / 2));
    await client.reply();
    client.destroy();
    t.same(await nextFinds(t, twins), FRESH, what);
  }
});

const LARGE = 'x'.repeat(2 * 1024 * 1024);

t.test('a large request in a transaction is done at EXEC', async t => {
  const { forelock, delegate } = await delegatedIn(t, '0');
  const client = await forelock.connect(t);
  t.same(await client.pipeline([['MULTI'], ['MGET', 'lock', LARGE]]), ['+OK\r\n', '+QUEUED\r\n']);
  await t.rejects(delegate(), 'what it will read is not delegated until then');
  t.equal(await client.call('EXEC'), '*1\r\n*2\r\n$-1\r\n$-1\r\n');
  await delegate();
});

t.test('a large request while replies are off is waited for by nobody', async t => {
  const twins = await Twins.start(t);
  const pair = await twins.pair(t);
  pair.send('CLIENT', 'REPLY', 'OFF');
  pair.send('SET', 'x', LARGE);
  pair.send('CLIENT', 'REPLY', 'ON');
  await pair.sameReply(t, 'CLIENT REPLY ON');
  await pair.same(t, 'STRLEN', 'x');
  await pair.same(t, 'RESET');
  await pair.same(t, 'STRLEN', 'x');
});

t.test('MONITOR behind commands that wait for their answers', async t => {
  const twins = await Twins.start(t);
  const client = await twins.forelock.connect(t);
  t.same(await client.pipeline([['WATCH', 'k'], ['GET', 'k'], ['MONITOR']]), [
    '+OK\r\n',
    '$-1\r\n',
    '+OK\r\n',
  ]);
  client.send('RESET');
  await eventually('RESET is answered', async () => (await client.reply()) === '+RESET\r\n');
  t.equal(await client.call('GET', 'k'), '$-1\r\n');
});

t.test('names of Forelock are left out behind commands that are not queued', async t => {
  const twins = await Twins.start(t);
  await (await twins.behind.connect(t)).call('SET', 'forelock:x', '1');
  const client = await twins.forelock.connect(t);
  const last = async (...commands: string[]): Promise<string | undefined> =>
    (await client.pipeline(commands.map(command => command.split(' ')))).at(-1);
  t.equal(await last('MULTI', 'WATCH k', 'KEYS *', 'EXEC'), '*1\r\n*0\r\n');
  t.equal(await last('MULTI', 'MULTI', 'KEYS *', 'EXEC'), '*1\r\n*0\r\n');
});

/** A client whose Redis has just gone, and does not come back. */
async function bereft(t: Parameters<typeof Twins.start>[0], waitMs: number) {
  const redis = await RedisServer.start(t);
  const args = ['--reconnect-wait-ms', String(waitMs)];
  const forelock = await Forelock.start(t, { upstream: redis.url, args });
  const client = await forelock.connect(t);
  t.teardown(() => client.destroy());
  const id = (await client.call('CLIENT', 'ID')).slice(1, -2);
  await redis.kill();
  await sleep(100);
  return { forelock, client, id };
}

t.test('a client that waits for no counted answer hears that Redis stays away', async t => {
  const { client } = await bereft(t, 300);
  client.send('MONITOR');
  t.equal(await client.untilEnd(3000), '', 'its connection ends, as it would with Redis');
});

t.test('a client that waits for the connection of another hears so too', async t => {
  const { forelock, client, id } = await bereft(t, 300);
  const asking = await forelock.connect(t);
  asking.send('CLIENT', 'TRACKING', 'ON', 'REDIRECT', id);
  client.send('CLIENT', 'TRACKING', 'ON', 'REDIRECT', id);
  for (const one of [asking, client]) t.match(await one.reply(3000), /unreachable/);
});

t.test('a client is read no further while Redis is away', async t => {
  const { forelock, client } = await bereft(t, 3000);
  const beforeBytes = await forelock.rssBytes();
  const request = Buffer.concat([
    Buffer.from('*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$50000\r\n'),
    Buffer.alloc(50_000, 'v'),
    Buffer.from('\r\n'),
  ]);
  let sentBytes = 0;
  for (let turn = 0; turn < 200; turn++) {
    for (let count = 0; count < 100 && !client.socket.writableNeedDrain; count++) {
      client.socket.write(request);
      sentBytes += request.length;
    }
    await sleep(5);
  }
  const growthMib = ((await forelock.rssBytes()) - beforeBytes) / 1024 ** 2;
  t.ok(sentBytes < 100e6, `it took ${Math.round(sentBytes / 1e6)} MB`);
  t.ok(growthMib < 100, `and ${Math.round(growthMib)} MiB of memory`);
});

t.test('clients that wait for others keep no lock from being delegated', async t => {
  const redis = await RedisServer.start(t);
  const forelock = await Forelock.start(t, { upstream: redis.url });
  const straight = await redis.connect(t);
  await straight.call('XGROUP', 'CREATE', 'stream', 'group', '$', 'MKSTREAM');
  for (const command of [
    ['BLPOP', 'list', '0'],
    ['XREAD', 'BLOCK', '0', 'STREAMS', 'stream', '$'],
    ['XREADGROUP', 'GROUP', 'group', 'me', 'BLOCK', '0', 'STREAMS', 'stream', '>'],
    ['WAIT', '1', '0'],
  ]) {
    const waiting = await forelock.connect(t);
    waiting.send(...command);
  }
  await sleep(50);
  const locker = await forelock.connect(t);
  await eventually('the lock is delegated', async () => {
    await cycle(locker, 'lock');
    return isDelegated(straight, 'lock');
  });
});

t.test('a request that comes whole while its locks are settled leaves them free', async t => {
  const redis = await RedisServer.start(t);
  const relay = await Relay.start(t, redis.port);
  relay.delayMs = 30;
  const args = ['--delegate', 'lock*', '--large-request-bytes', '65536'];
  const forelock = await Forelock.start(t, { upstream: relay.url, args });
  const straight = await redis.connect(t);
  const locker = await forelock.connect(t);
  const delegate = async (): Promise<unknown> =>
    eventually('it is delegated', async () => {
      await cycle(locker, 'lock');
      return isDelegated(straight, 'lock');
    });
  await delegate();
  const client = await forelock.connect(t);
  await client.call('PING');
  const request = encodeCommand(['SET', 'other', 'v'.repeat(200_000), 'NX', 'PX', '60000']);
  client.write(request.subarray(0, -20));
  await sleep(20);
  client.write(request.subarray(-20));
  t.equal(await client.reply(), '+OK\r\n');
  await delegate();
});

t.test('a client that goes while it waits for others is gone, whatever it had sent', async t => {
  const twins = await Twins.start(t);
  for (const commands of [
    [['BLPOP', 'list', '0']],
    [
      ['BLPOP', 'list', '0'],
      ['GET', 'k'],
    ],
    [
      ['WATCH', 'k'],
      ['BLPOP', 'list', '0'],
      ['SELECT', '1'],
      ['GET', 'k'],
    ],
  ]) {
    const pair = await twins.pair(t);
    await pair.same(t, 'PING');
    const bytes = Buffer.concat(commands.map(encodeCommand));
    pair.direct.socket.end(bytes);
    pair.proxied.socket.end(bytes);
    await pair.sameEnd(t, commands.join(' '));
  }
});

t.test('a login that holds no more gives nobody the rights of another user', async t => {
  const users = ['default on nopass ~* &* +@all', 'alice on >pw ~* +get +auth +client|setname'];
  const redis = await RedisServer.start(t, { users });
  const forelock = await Forelock.start(t, { upstream: redis.url });
  const straight = await redis.connect(t);
  const alice = await forelock.connect(t);
  const other = await forelock.connect(t);
  const otherId = (await other.call('CLIENT', 'ID')).slice(1, -2);
  t.equal(await alice.call('AUTH', 'alice', 'pw'), '+OK\r\n');
  for (const password of ['pw', 'changed']) {
    await straight.call('ACL', 'SETUSER', 'alice', 'resetpass', `>${password}`);
    for (const command of [
      ['CLIENT', 'LIST'],
      ['CLIENT', 'KILL', 'ID', otherId],
      ['CLIENT', 'PAUSE', '1'],
      ['SCRIPT', 'KILL'],
      ['SHUTDOWN', 'NOSAVE'],
    ]) {
      t.match(await alice.call(...command), /^-(NOPERM|WRONGPASS)/, command.join(' '));
    }
  }
  t.equal(await other.call('PING'), '+PONG\r\n');
});

t.test('CLIENT LIST tells clients that log in of no connection that asked for others', async t => {
  const twins = await Twins.start(t, { redis: { requirepass: 'pw' } });
  const client = await twins.forelock.connect(t);
  await client.call('AUTH', 'pw');
  await client.call('CLIENT', 'SETNAME', 'me');
  const list = await client.call('CLIENT', 'LIST');
  t.match(list, / name=me .* cmd=client\|list /);
  t.equal(list.match(/ cmd=(reset|client)/g)?.length, 1, list);
});

t.test('WAIT makes sure of the locks of every database that its client was in', async t => {
  const redis = await RedisServer.start(t);
  const args = ['--delegate', 'lock:*', '--materialize-after-ms', '1000'];
  const forelock = await Forelock.start(t, { upstream: redis.url, args });
  const [client, straight] = [await forelock.connect(t), await redis.connect(t)];
  for (const database of ['0', '1']) {
    await client.call('SELECT', database);
    await straight.call('SELECT', database);
    await eventually('the lock is kept ready', async () => {
      await cycle(client, 'lock:1');
      return isDelegated(straight, 'lock:1');
    });
    t.equal(await client.call(...acquire('lock:1', `in ${database}`, 10_000)), '+OK\r\n');
    t.ok(await isDelegated(straight, 'lock:1'), 'granted from memory');
  }
  t.equal(await client.call('WAIT', '0', '0'), ':0\r\n');
  for (const database of ['0', '1']) {
    await straight.call('SELECT', database);
    t.equal(await rawValue(straight, 'lock:1'), `in ${database}`, `database ${database}`);
  }
});

t.test('of more locks than --wait-grants-max, WAIT makes sure of the newest', async t => {
  const redis = await RedisServer.start(t);
  const args = ['--delegate', 'lock:*', '--materialize-after-ms', '1000', '--wait-grants-max', '1'];
  const forelock = await Forelock.start(t, { upstream: redis.url, args });
  const [client, straight] = [await forelock.connect(t), await redis.connect(t)];
  for (const key of ['lock:1', 'lock:2']) {
    await eventually('the lock is kept ready', async () => {
      await cycle(client, key);
      return isDelegated(straight, key);
    });
  }
  for (const key of ['lock:1', 'lock:2']) await client.call(...acquire(key, 'me', 10_000));
  await client.call('WAIT', '0', '0');
  t.ok(await isDelegated(straight, 'lock:1'));
  t.equal(await rawValue(straight, 'lock:2'), 'me');
});
