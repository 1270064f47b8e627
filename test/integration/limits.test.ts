import { once } from 'node:events';
import t from 'tap';
import { Forelock } from '../harness/forelock.js';
import { eventually, sleep } from '../harness/lifetime.js';
import { RedisServer } from '../harness/redis-server.js';
import type { RespClient } from '../harness/resp-client.js';
import { Twins } from '../harness/twins.js';

/** What one client may cost the others, and Forelock: it is bounded, and the bounds are settings. */

const KIB = 1024;
const MIB = 1024 * KIB;

/**
 * Size of the largest value that is moved. Redis allows 512 MB; that takes a minute on a small
 * machine: FORELOCK_TEST_LARGE_VALUE_MIB=512.
 */
const LARGE_MIB = Number(process.env.FORELOCK_TEST_LARGE_VALUE_MIB ?? 128);

/** Runs `act` with a bystander that works all the while; returns its slowest answer, in ms. */
async function slowestMeanwhile(bystander: RespClient, act: () => Promise<void>): Promise<number> {
  let slowestMs = 0;
  let done = false;
  const working = (async () => {
    while (!done) {
      const beforeMs = performance.now();
      await bystander.call('INCR', 'bystander');
      slowestMs = Math.max(slowestMs, performance.now() - beforeMs);
      await sleep(2);
    }
  })();
  await Promise.all([
    working,
    act().finally(() => {
      done = true;
    }),
  ]);
  return slowestMs;
}

/** Runs `act` and returns by how much Forelock's memory grew at most, in bytes. */
async function memoryGrowth(forelock: Forelock, act: () => Promise<void>): Promise<number> {
  const before = await forelock.rssBytes();
  let most = before;
  let done = false;
  const watching = (async () => {
    while (!done) {
      most = Math.max(most, await forelock.rssBytes());
      await sleep(20);
    }
  })();
  await Promise.all([
    watching,
    act().finally(() => {
      done = true;
    }),
  ]);
  return most - before;
}

const OUTPUT_LIMIT = 4 * MIB;
const LIMITED = { forelockArgs: ['--client-output-limit-bytes', String(OUTPUT_LIMIT)] };

t.test('a client that does not read is closed at the limit, with a log line', async t => {
  const twins = await Twins.start(t, LIMITED);
  const bystander = await twins.forelock.connect(t);
  await bystander.call('SET', 'big', 'v'.repeat(100 * KIB));

  for (const [what, commands] of [
    ['on a shared connection', []],
    ['on a connection of its own', [['WATCH', 'k']]],
  ] as const) {
    await t.test(what, async t => {
      const deaf = await twins.forelock.connect(t);
      for (const command of commands) await deaf.call(...command);
      const logged = twins.forelock.log.length;
      deaf.socket.pause();
      const slowestMs = await slowestMeanwhile(bystander, async () => {
        // 200 MB of replies: more than any kernel buffers.
        for (let sent = 0; sent < 2000 && !deaf.isEnded; sent++) deaf.send('GET', 'big');
        await eventually(
          'it is closed',
          () =>
            twins.forelock.log
              .slice(logged)
              .some(line => line.level === 'warn' && line.limitBytes === OUTPUT_LIMIT),
          { withinMs: 15_000 },
        );
      });
      deaf.socket.resume();
      await deaf.untilEnd();
      t.ok(slowestMs < 2000, `others go on meanwhile (${Math.round(slowestMs)} ms at most)`);
    });
  }
});

t.test('a subscriber that does not read is closed at the limit', async t => {
  const twins = await Twins.start(t, LIMITED);
  const deaf = await twins.forelock.connect(t);
  await deaf.call('SUBSCRIBE', 'ch');
  deaf.socket.pause();
  const publisher = await twins.forelock.connect(t);
  const message = 'm'.repeat(100 * KIB);
  await eventually(
    'nobody receives any more',
    async () => (await publisher.call('PUBLISH', 'ch', message)) === ':0\r\n',
    { withinMs: 15_000, everyMs: 0 },
  );
  deaf.socket.resume();
  await deaf.untilEnd();
  t.equal(await publisher.call('PING'), '+PONG\r\n');
});

t.test('a large reply to a client that is slow holds back no other', async t => {
  const twins = await Twins.start(t);
  const size = 32 * MIB;
  const bystander = await twins.forelock.connect(t);
  await bystander.call('SETRANGE', 'huge', String(size - 1), 'x');
  const slow = await twins.forelock.connect(t);
  slow.socket.pause();
  slow.send('GET', 'huge');
  const slowestMs = await slowestMeanwhile(bystander, () => sleep(500));
  t.ok(slowestMs < 400, `others go on meanwhile (${Math.round(slowestMs)} ms at most)`);
  slow.socket.resume();
  t.equal((await slow.reply()).length, size + `$${size}\r\n`.length + 2);
  t.equal(await slow.call('PING'), '+PONG\r\n');
});

t.test('one reply beyond the limit closes nobody, and new commands go round it', async t => {
  const twins = await Twins.start(t, LIMITED);
  const size = 32 * MIB;
  const bystander = await twins.forelock.connect(t);
  await bystander.call('SETRANGE', 'huge', String(size - 1), 'x');
  const slow = await twins.forelock.connect(t);
  slow.socket.pause();
  slow.send('GET', 'huge');
  // Long enough for it to be known that this connection is held up.
  await sleep(300);
  const slowestMs = await slowestMeanwhile(bystander, () => sleep(500));
  t.ok(slowestMs < 400, `others go on meanwhile (${Math.round(slowestMs)} ms at most)`);
  slow.socket.resume();
  t.equal((await slow.reply()).length, size + `$${size}\r\n`.length + 2);
  t.equal(await slow.call('PING'), '+PONG\r\n', 'it is still connected');
});

t.test(`a value of ${LARGE_MIB} MiB streams through, both ways`, async t => {
  const twins = await Twins.start(t);
  const size = LARGE_MIB * MIB;
  const client = await twins.forelock.connect(t);
  const bystander = await twins.forelock.connect(t);
  const chunk = Buffer.alloc(MIB, 'abcdefgh');
  const allowed = Math.max(64 * MIB, size / 4);

  let slowestMs = 0;
  const growthSetting = await memoryGrowth(twins.forelock, async () => {
    slowestMs = await slowestMeanwhile(bystander, async () => {
      client.write(`*3\r\n$3\r\nSET\r\n$5\r\nlarge\r\n$${size}\r\n`);
      for (let sent = 0; sent < LARGE_MIB; sent++) {
        if (!client.socket.write(chunk)) await once(client.socket, 'drain');
      }
      client.write('\r\n');
      t.equal(await client.reply(60_000), '+OK\r\n');
    });
  });
  t.ok(growthSetting < allowed, `SET takes ${Math.round(growthSetting / MIB)} MiB of memory`);
  // Redis itself stands still while it moves a value of this size.
  t.ok(slowestMs < 10 * LARGE_MIB, `others wait ${Math.round(slowestMs)} ms at most`);
  t.equal(await bystander.call('STRLEN', 'large'), `:${size}\r\n`);
  t.equal(await bystander.call('GETRANGE', 'large', '-9', '-1'), '$9\r\nhabcdefgh\r\n');

  for (const [what, before] of [
    ['on a shared connection', ['PING']],
    ['on a connection of its own', ['WATCH', 'k']],
  ] as const) {
    const reader = await twins.forelock.connect(t);
    await reader.call(...before);
    const header = `$${size}\r\n`;
    let received = 0;
    let last = Buffer.alloc(0);
    // Counted instead of kept: the test must not need the memory that Forelock may not need.
    reader.socket.removeAllListeners('data');
    const whole = new Promise<void>(resolve => {
      reader.socket.on('data', bytes => {
        received += bytes.length;
        last = Buffer.concat([last, bytes]).subarray(-10);
        if (received >= header.length + size + 2) resolve();
      });
    });
    const growth = await memoryGrowth(twins.forelock, async () => {
      reader.send('GET', 'large');
      await whole;
    });
    t.equal(received, header.length + size + 2, `GET ${what}: every byte`);
    t.equal(last.toString(), 'abcdefgh\r\n');
    // On a shared connection a client's output limit of 64 MiB may fill before it is held up.
    const limit = what.includes('shared') ? Math.max(allowed, 96 * MIB) : allowed;
    t.ok(growth < limit, `GET ${what} takes ${Math.round(growth / MIB)} MiB of memory`);
    reader.destroy();
  }
});

t.test('a large value that comes before Redis has told its commands streams too', async t => {
  const redis = await RedisServer.start(t);
  redis.pause();
  const forelock = await Forelock.start(t, { upstream: redis.url });
  const client = await forelock.connect(t);
  const chunk = Buffer.alloc(MIB, 'abcdefgh');
  const growth = await memoryGrowth(forelock, async () => {
    client.write(`*3\r\n$3\r\nSET\r\n$5\r\nlarge\r\n$${LARGE_MIB * MIB}\r\n`);
    // Who the client is, Redis tells in its first answer; its commands in a later one.
    await sleep(100);
    redis.resume();
    for (let sent = 0; sent < LARGE_MIB; sent++) {
      if (!client.socket.write(chunk)) await once(client.socket, 'drain');
    }
    client.write('\r\n');
    t.equal(await client.reply(60_000), '+OK\r\n');
  });
  t.ok(growth < 64 * MIB, `it takes ${Math.round(growth / MIB)} MiB of memory`);
});

t.test('an argument that is too long is refused when it is announced', async t => {
  for (const limit of [512 * MIB, 2 * MIB]) {
    const args = ['--proto-max-bulk-len', String(limit)];
    const twins = await Twins.start(t, { redis: { args } });
    const watching = await twins.forelock.connect(t);
    await watching.call('GET', 'k');
    for (const [what, before] of [
      ['one that streams', `*3\r\n$3\r\nSET\r\n$1\r\nk\r\n`],
      ['one that blocks', '*3\r\n$5\r\nBLPOP\r\n'],
      ['one that changes state', '*4\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n'],
      ['one behind others', 'INCR n\r\n*2\r\n$5\r\nBLPOP\r\n'],
      ['a name', '*2\r\n'],
    ] as const) {
      const pair = await twins.pair(t);
      // As much as Redis reads at once: what it leaves unread when it closes, may cost its last words.
      pair.write(`${before}$${limit + 1}\r\n${'v'.repeat(1024)}`);
      await pair.sameEnd(t, `${what}, ${limit} bytes`);
    }
    const pair = await twins.pair(t);
    if (limit < 512 * MIB) await pair.same(t, 'SET', 'k', 'v'.repeat(limit));
    await pair.same(t, 'STRLEN', 'k');
  }
});

t.test('a request that can only be held whole is held up to a limit', async t => {
  const redis = await RedisServer.start(t);
  const forelock = await Forelock.start(t, {
    upstream: redis.url,
    args: ['--held-request-max-bytes', String(4 * MIB)],
  });
  const client = await forelock.connect(t);
  t.equal(await client.call('BLPOP', 'l'.repeat(3 * MIB), '0.01'), '*-1\r\n');
  client.write(`INCR n\r\n*3\r\n$5\r\nBLPOP\r\n$${4 * MIB}\r\n`);
  t.equal(await client.untilEnd(), ':1\r\n', 'what came before is answered');
  t.ok(forelock.log.some(line => /held-request-max-bytes/.test(String(line.msg))));
  const other = await forelock.connect(t);
  t.equal(
    await other.call('SET', 'k', 'v'.repeat(8 * MIB)),
    '+OK\r\n',
    'what streams, may be larger',
  );
});

t.test('a slow Redis is not buffered for: clients are read no further', async t => {
  const redis = await RedisServer.start(t);
  const forelock = await Forelock.start(t, { upstream: redis.url });
  const client = await forelock.connect(t);
  await client.call('PING');
  redis.pause();
  const value = 'v'.repeat(64 * KIB);
  const COMMANDS = 1000;
  const growth = await memoryGrowth(forelock, async () => {
    for (let sent = 0; sent < COMMANDS; sent++) client.send('SET', `k${sent}`, value);
    await sleep(500);
  });
  t.ok(client.socket.writableLength > 16 * MIB, 'most of 64 MB waits on the client’s side');
  t.ok(growth < 32 * MIB, `Forelock takes ${Math.round(growth / MIB)} MiB of memory`);
  redis.resume();
  const replies = await client.replies(COMMANDS);
  t.ok(replies.every(reply => reply === '+OK\r\n'));
  t.equal(await client.call('DBSIZE'), `:${COMMANDS}\r\n`);
});

t.test('clients beyond the limit are refused in Redis’s words', async t => {
  const redis = await RedisServer.start(t, { args: ['--maxclients', '5'] });
  const other = await RedisServer.start(t);
  const forelock = await Forelock.start(t, { upstream: other.url, args: ['--max-clients', '5'] });
  const refusals = await Promise.all(
    [redis, forelock].map(async server => {
      const clients: RespClient[] = [];
      for (let index = 0; index < 5; index++) {
        clients.push(await server.connect(t));
        await clients[index]?.call('PING');
      }
      const refused = await (await server.connect(t)).untilEnd();
      clients[0]?.destroy();
      await eventually('a place is free', async () => {
        const next = await server.connect(t);
        return (await next.call('PING')) === '+PONG\r\n';
      });
      return refused;
    }),
  );
  t.equal(refusals[1], refusals[0]);
});

t.test('a Redis that ends idle connections does not end its clients’ work', async t => {
  const redis = await RedisServer.start(t, { args: ['--timeout', '1'] });
  const forelock = await Forelock.start(t, { upstream: redis.url });
  const client = await forelock.connect(t);
  await client.call('SET', 'k', 'v');
  await sleep(2500);
  t.equal(await client.call('GET', 'k'), '$1\r\nv\r\n');
});

t.test('a thousand idle clients cost little', async t => {
  const twins = await Twins.start(t);
  const COUNT = 1000;
  const warm = await Promise.all(Array.from({ length: 50 }, () => twins.forelock.connect(t)));
  await Promise.all(warm.map(client => client.call('GET', 'k')));
  const before = await twins.forelock.rssBytes();
  for (let made = 0; made < COUNT; made += 50) {
    const clients = await Promise.all(Array.from({ length: 50 }, () => twins.forelock.connect(t)));
    await Promise.all(clients.map(client => client.call('GET', 'k')));
  }
  const perClient = ((await twins.forelock.rssBytes()) - before) / COUNT;
  t.ok(perClient < 20 * KIB, `${(perClient / KIB).toFixed(1)} KiB each`);
});
