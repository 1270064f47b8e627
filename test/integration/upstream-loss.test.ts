import t from 'tap';
import { cycle, isDelegated } from '../harness/delegation.js';
import { Forelock } from '../harness/forelock.js';
import { eventually, sleep } from '../harness/lifetime.js';
import { acquire, release } from '../harness/lock-scripts.js';
import { RedisServer } from '../harness/redis-server.js';
import { Relay } from '../harness/relay.js';
import type { RespClient } from '../harness/resp-client.js';
import { decode } from '../harness/resp-frame.js';

/**
 * Redis goes away and comes back. A command whose fate nobody knows is neither repeated nor
 * answered; all others wait a short time, then fail with a clear error.
 */

const RECONNECT_WAIT_MS = 600;
const ARGS = ['--reconnect-wait-ms', String(RECONNECT_WAIT_MS)];

async function timed(act: Promise<string>): Promise<{ reply: string; tookMs: number }> {
  const beforeMs = performance.now();
  const reply = await act;
  return { reply, tookMs: performance.now() - beforeMs };
}

t.test('a client with a command in flight is disconnected, as by Redis', async t => {
  const redis = await RedisServer.start(t);
  const forelock = await Forelock.start(t, { upstream: redis.url, args: ARGS });
  const states: [what: string, client: RespClient, before: string[][], inFlight: string[]][] = [
    ['on a shared connection', await forelock.connect(t), [['PING']], ['INCR', 'n']],
    ['on a connection of its own', await forelock.connect(t), [['WATCH', 'k']], ['INCR', 'n']],
    ['in a transaction', await forelock.connect(t), [['MULTI']], ['INCR', 'n']],
    ['acquiring', await forelock.connect(t), [['PING']], acquire('lock', 'me', 5000)],
    ['releasing', await forelock.connect(t), [acquire('mine', 'me', 5000)], release('mine', 'me')],
  ];
  for (const [, client, before] of states) {
    for (const command of before) await client.call(...command);
  }
  const subscriber = await forelock.connect(t);
  await subscriber.call('SUBSCRIBE', 'ch');
  const waiting = await forelock.connect(t);
  waiting.send('BLPOP', 'l', '0');
  const idle = await forelock.connect(t);
  await eventually('BLPOP waits', async () =>
    (await idle.call('INFO', 'clients')).includes('blocked_clients:1'),
  );

  redis.pause();
  for (const [, client, , inFlight] of states) client.send(...inFlight);
  await sleep(50);
  await redis.kill();
  for (const [what, client] of states) t.equal(await client.untilEnd(2000), '', what);
  t.equal(await waiting.untilEnd(2000), '', 'one that waits');
  t.equal(await subscriber.untilEnd(2000), '', 'a subscriber, who would miss messages');

  await redis.restart();
  t.equal(await idle.call('GET', 'n'), '$-1\r\n', 'an idle client goes on, nothing was repeated');
});

t.test('commands of the others wait for Redis, and are answered when it is back', async t => {
  const redis = await RedisServer.start(t);
  const forelock = await Forelock.start(t, {
    upstream: redis.url,
    args: ['--reconnect-wait-ms', '5000'],
  });
  const clients = await Promise.all(Array.from({ length: 5 }, () => forelock.connect(t)));
  await Promise.all(clients.map(client => client.call('PING')));
  await redis.kill();
  await sleep(100);
  const waiting = clients.map(client =>
    client.pipeline([['INCR', 'n'], ['SELECT', '1'], ['PING']]),
  );
  await sleep(300);
  await redis.restart();
  const replies = await Promise.all(waiting);
  t.same(
    replies.map(([count]) => count).sort(),
    [1, 2, 3, 4, 5].map(count => `:${count}\r\n`),
    'each command ran once',
  );
  t.ok(replies.every(([, selected, pong]) => selected === '+OK\r\n' && pong === '+PONG\r\n'));
});

t.test('commands fail with a clear error where Redis stays away', async t => {
  const redis = await RedisServer.start(t);
  const forelock = await Forelock.start(t, { upstream: redis.url, args: ARGS });
  const client = await forelock.connect(t);
  await client.call('PING');
  await redis.kill();
  await sleep(50);
  const commands = [
    ['GET', 'k'],
    ['SELECT', '1'],
    ['CLIENT', 'SETNAME', 'me'],
    ['WATCH', 'k'],
    ['SUBSCRIBE', 'ch'],
    ['BLPOP', 'l', '0'],
    acquire('lock', 'me', 1000),
    release('lock', 'me'),
  ];
  await Promise.all(
    commands.map(async command => {
      // One of its own each: a connection that needs Redis may also be ended.
      const other = await forelock.connect(t);
      const { reply, tookMs } = await timed(other.call(...command));
      t.match(reply, /^-\w+ .*(upstream|Redis)/, `${command[0]}: ${reply.trim()}`);
      t.ok(tookMs < RECONNECT_WAIT_MS + 1000, `${command[0]} waits ${Math.round(tookMs)} ms`);
    }),
  );
  const { reply } = await timed(client.call('GET', 'k'));
  t.match(reply, /^-/);
  await redis.restart();
  await eventually(
    'the same client works again',
    async () => (await client.call('SET', 'k', 'v')) === '+OK\r\n',
  );
});

t.test('a command that touches a delegated lock waits no longer than others', async t => {
  const redis = await RedisServer.start(t);
  const relay = await Relay.start(t, redis.port);
  const forelock = await Forelock.start(t, {
    upstream: relay.url,
    args: [...ARGS, '--delegate', 'lock'],
  });
  const direct = await redis.connect(t);
  const client = await forelock.connect(t);
  const queuing = await forelock.connect(t);
  await queuing.call('MULTI');
  const watching = await forelock.connect(t);
  await watching.call('WATCH', 'other');
  await eventually('it is delegated', async () => {
    await cycle(client, 'lock');
    return isDelegated(direct, 'lock');
  });
  // Clients' own connections stay, those of the lock scripts do not come back.
  relay.refuse();
  const control = decode(await direct.call('CLIENT', 'LIST')) as string;
  const numbers = [...control.matchAll(/id=(\d+) .* name=forelock:control /g)].map(([, id]) => id);
  for (const id of numbers) await direct.call('CLIENT', 'KILL', 'ID', id ?? '');
  await sleep(50);
  const { reply, tookMs } = await timed(client.call('GET', 'lock'));
  t.match(reply, /^-ERR Forelock: the upstream is unreachable/);
  t.ok(tookMs > RECONNECT_WAIT_MS - 100 && tookMs < RECONNECT_WAIT_MS + 1000, `${tookMs} ms`);
  for (const ended of [queuing, watching]) {
    ended.send('GET', 'lock');
    t.equal(await ended.untilEnd(3000), '', 'a transaction is not carried out with a gap in it');
  }
  const [first, second] = await client.pipeline([['PING'], ['TTL', 'lock']]);
  t.equal(first, '+PONG\r\n');
  t.match(second, /^-ERR Forelock/, 'in its order');
  await relay.accept();
  await eventually(
    'the same client works again',
    async () => (await client.call('GET', 'lock')) === '$-1\r\n',
  );
});

t.test('a command is never sent twice, wherever the connection breaks', async t => {
  const redis = await RedisServer.start(t);
  const relay = await Relay.start(t, redis.port);
  const forelock = await Forelock.start(t, { upstream: relay.url, args: ARGS });
  const direct = await redis.connect(t);
  let sent = 0;
  let answered = 0;
  for (let round = 0; round < 20; round++) {
    const client = await forelock.connect(t);
    const name = `n${round}`;
    // Odd rounds lose the command on its way, even ones its answer.
    const loses = round % 2 === 0 ? 'down' : 'up';
    relay.up = bytes => {
      if (!bytes.includes('INCR')) return bytes;
      relay.up = kept => kept;
      if (loses === 'up') {
        relay.cut();
        return null;
      }
      // The command arrives, and no answer comes back.
      relay.down = () => null;
      setTimeout(() => relay.cut(), 20);
      return bytes;
    };
    client.send('INCR', name);
    sent++;
    const reply = await client.untilEnd(3000);
    if (reply !== '') answered++;
    relay.up = kept => kept;
    relay.down = kept => kept;
    const count = await direct.call('GET', name);
    t.equal(count, loses === 'up' ? '$-1\r\n' : '$1\r\n1\r\n', `${loses}: it ran at most once`);
  }
  t.equal(answered, 0, `${sent} clients were disconnected`);
});

t.test('a silent Redis is waited for, and then answers in order', async t => {
  const redis = await RedisServer.start(t);
  const relay = await Relay.start(t, redis.port);
  const forelock = await Forelock.start(t, { upstream: relay.url, args: ARGS });
  const client = await forelock.connect(t);
  await client.call('PING');
  relay.stall();
  client.write('INCR n\r\nINCR n\r\nSELECT 1\r\nPING a\r\n');
  await sleep(RECONNECT_WAIT_MS + 200);
  t.same(client.drain(), [], 'nothing is answered');
  t.notOk(client.isEnded);
  relay.flow();
  t.same(await client.replies(4), [':1\r\n', ':2\r\n', '+OK\r\n', '$1\r\na\r\n']);
});

t.test('an upstream that is unreachable at the start', async t => {
  const redis = await RedisServer.start(t);
  const relay = await Relay.start(t, redis.port);
  relay.refuse();
  const forelock = await Forelock.start(t, { upstream: relay.url, args: ARGS });
  t.equal((await forelock.http('/healthz')).status, 200);
  t.equal((await forelock.http('/readyz')).status, 503);
  const client = await forelock.connect(t);
  t.match(await client.call('PING'), /^-\w+ .*(upstream|Redis)/);
  t.match(await client.call(...acquire('lock', 'me', 1000)), /^-\w+ .*(upstream|Redis)/);
  await relay.accept();
  await eventually('it is ready', async () => (await forelock.http('/readyz')).status === 200);
  t.equal(await client.call('SET', 'k', 'v'), '+OK\r\n');
  t.equal(await client.call(...acquire('lock', 'me', 1000)), '+OK\r\n');
});

t.test('/readyz follows Redis, /healthz does not', async t => {
  const redis = await RedisServer.start(t);
  const forelock = await Forelock.start(t, { upstream: redis.url, args: ARGS });
  const isReady = async (): Promise<boolean> => (await forelock.http('/readyz')).status === 200;
  await eventually('ready', isReady);
  await redis.kill();
  await eventually('not ready', async () => !(await isReady()));
  t.equal((await forelock.http('/healthz')).status, 200);
  await redis.restart();
  await eventually('ready again', isReady);
  redis.pause();
  await eventually('a silent Redis is not ready', async () => !(await isReady()));
  redis.resume();
  await eventually('ready after the silence', isReady);
});

t.test('a Redis that takes no more clients', async t => {
  const redis = await RedisServer.start(t, { args: ['--maxclients', '10'] });
  const direct = await Promise.all(Array.from({ length: 10 }, () => redis.connect(t)));
  await Promise.all(direct.map(client => client.call('PING')));
  const forelock = await Forelock.start(t, { upstream: redis.url, args: ARGS });
  const client = await forelock.connect(t);
  t.match(await client.call('GET', 'k'), /^-/, 'an error, not a hang');
  for (const other of direct) other.destroy();
  await eventually('it works when there is room', async () => {
    const next = await forelock.connect(t);
    return (await next.call('GET', 'k')) === '$-1\r\n';
  });
});
