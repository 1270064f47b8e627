import t from 'tap';
import { Forelock } from '../harness/forelock.js';
import { eventually } from '../harness/lifetime.js';
import { RedisServer } from '../harness/redis-server.js';
import { Relay } from '../harness/relay.js';
import { RespClient } from '../harness/resp-client.js';
import { decode } from '../harness/resp-frame.js';
import { type Comparing, type Pair, Twins } from '../harness/twins.js';

/**
 * What a connection remembers (protocol, user, database, name, reply mode) is the client's own,
 * although many clients share a connection to Redis.
 */

const idOf = (reply: string): number => Number(/^:(\d+)\r\n$/.exec(reply)?.[1]);

/** A field of CLIENT INFO or of a line of CLIENT LIST: `id=7 addr=… name=me`. */
const field = (line: string, name: string): string =>
  new RegExp(`(?:^|\\s)${name}=(\\S*)`).exec(line)?.[1] ?? '(none)';

const linesOf = (reply: string): string[] => String(decode(reply)).trim().split('\n');

/** HELLO's reply but for the connection's id. */
const withoutId = (reply: string): string => reply.replace(/(\$2\r\nid\r\n):\d+/, '$1:ID');

async function sameHello(t: Comparing, pair: Pair, ...args: string[]): Promise<void> {
  const [wanted, found] = await pair.call('HELLO', ...args);
  t.equal(withoutId(found), withoutId(wanted), `HELLO ${args.join(' ')}`);
}

t.test('HELLO answers as Redis does and sets the protocol', async t => {
  const twins = await Twins.start(t, { redis: { requirepass: 'secret' } });
  const pair = await twins.pair(t);
  await sameHello(t, pair);
  await sameHello(t, pair, '3');
  await sameHello(t, pair, '3', 'AUTH', 'default', 'wrong');
  await sameHello(t, pair, '3', 'AUTH', 'default', 'secret', 'SETNAME', 'me');
  await pair.same(t, 'CLIENT', 'GETNAME');
  await pair.same(t, 'GET', 'none');
  await pair.same(t, 'HGETALL', 'none');
  await sameHello(t, pair, '2');
  await pair.same(t, 'GET', 'none');
  await pair.same(t, 'HGETALL', 'none');
  await pair.same(t, 'HELLO', '9');
  await sameHello(t, pair);
  await pair.same(t, 'HELLO', '3', 'SETNAME', 'not valid');
  await pair.same(t, 'GET', 'none');
  pair.write('*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n*2\r\n$3\r\nGET\r\n$4\r\nnone\r\n');
  const [wanted, found] = await Promise.all([pair.direct.replies(2), pair.proxied.replies(2)]);
  t.same(found.map(withoutId), wanted.map(withoutId), 'in a pipeline it holds from the next on');
});

t.test('a password is checked by Redis for each client', async t => {
  const twins = await Twins.start(t, { redis: { requirepass: 'secret' } });
  const pair = await twins.pair(t);
  await pair.same(t, 'GET', 'k');
  await pair.same(t, 'SET', 'k', 'me', 'NX', 'PX', '10000');
  await pair.same(t, 'SUBSCRIBE', 'ch');
  await pair.same(t, 'AUTH', 'wrong');
  await pair.same(t, 'GET', 'k');
  await pair.same(t, 'AUTH', 'secret');
  await pair.same(t, 'SET', 'k', 'v');
  await pair.same(t, 'AUTH', 'wrong');
  await pair.same(t, 'GET', 'k');
  const stranger = await twins.pair(t);
  await stranger.same(t, 'GET', 'k');
  await stranger.same(t, 'AUTH', 'default', 'secret');
  await stranger.same(t, 'GET', 'k');
  await stranger.same(t, 'RESET');
  await stranger.same(t, 'GET', 'k');
});

const USERS = {
  users: [
    'default on nopass ~* &* +@all',
    'alice on >alice-secret ~a:* &a* +@all',
    'bob on >bob-secret ~b:* +get +set +ping +client +multi +exec',
    'reader on >reader-secret %R~* +@read',
    'nobody off >nobody-secret ~* +@all',
  ],
};

t.test('users keep to their own rights', async t => {
  const twins = await Twins.start(t, { redis: USERS });
  const pair = await twins.pair(t);
  for (const [user, password] of [
    ['alice', 'alice-secret'],
    ['bob', 'bob-secret'],
    ['reader', 'reader-secret'],
    ['nobody', 'nobody-secret'],
    ['alice', 'bob-secret'],
    ['none', 'x'],
  ] as const) {
    await pair.same(t, 'AUTH', user, password);
    await pair.same(t, 'ACL', 'WHOAMI');
    for (const key of ['a:1', 'b:1', 'c']) {
      await pair.same(t, 'SET', key, user);
      await pair.same(t, 'GET', key);
      await pair.same(t, 'SET', `${key}:lock`, user, 'NX', 'PX', '10000');
      await pair.same(t, 'EVAL', 'return redis.call("GET", KEYS[1])', '1', key);
      await pair.same(t, 'DEL', `${key}:lock`);
    }
    await pair.same(t, 'MULTI');
    await pair.same(t, 'GET', 'a:1');
    await pair.same(t, 'EXEC');
    await pair.same(t, 'CONFIG', 'GET', 'maxmemory-samples');
    await pair.same(t, 'PUBLISH', 'b', 'hello');
  }
});

t.test('users at work at the same time never get each other’s replies', async t => {
  const twins = await Twins.start(t, { redis: USERS });
  const work = async (user: string, prefix: string): Promise<void> => {
    const client = await twins.forelock.connect(t);
    t.equal(await client.call('AUTH', user, `${user}-secret`), '+OK\r\n');
    const value = `${user}-${Math.random()}`;
    const own = `${prefix}:${value}`;
    const foreign = `${prefix === 'a' ? 'b' : 'a'}:${value}`;
    for (let round = 0; round < 20; round++) {
      const replies = await client.pipeline([
        ['SET', own, value],
        ['GET', own],
        ['GET', foreign],
        ['SET', foreign, 'stolen'],
      ]);
      const bulk = `$${value.length}\r\n${value}\r\n`;
      if (replies[0] !== '+OK\r\n' || replies[1] !== bulk) t.same(replies, ['own', bulk]);
      for (const denied of replies.slice(2)) {
        if (!denied.startsWith('-NOPERM')) t.fail(`${user} was let through: ${denied}`);
      }
    }
    client.destroy();
  };
  await Promise.all(
    Array.from({ length: 40 }, (_, index) =>
      index % 2 === 0 ? work('alice', 'a') : work('bob', 'b'),
    ),
  );
  t.pass('40 clients');
});

t.test('who a client says it is holds also while Forelock gets to know its Redis', async t => {
  const redis = await RedisServer.start(t, USERS);
  const relay = await Relay.start(t, redis.port);
  relay.delayMs = 50;
  for (const greeting of [
    ['AUTH', 'alice', 'alice-secret'],
    ['HELLO', '3', 'AUTH', 'alice', 'alice-secret'],
  ]) {
    const forelock = await Forelock.start(t, { upstream: relay.url });
    const client = await forelock.connect(t);
    await client.call(...greeting);
    t.match(await client.call('ACL', 'WHOAMI'), 'alice', `${greeting[0]} is heeded`);
    t.match(await client.call('GET', 'b:1'), /^-NOPERM/);
    await client.call('SELECT', '1');
    t.match(await client.call('GET', 'b:1'), /^-NOPERM/);
  }
});

t.test('a change of rights reaches clients that are connected', async t => {
  const twins = await Twins.start(t, { redis: USERS });
  const pair = await twins.pair(t, ['AUTH', 'alice', 'alice-secret']);
  const idle = await twins.pair(t, ['AUTH', 'alice', 'alice-secret']);
  await pair.same(t, 'SET', 'a:1', 'v');
  await twins.onBoth('ACL', 'SETUSER', 'alice', '-get');
  await pair.same(t, 'GET', 'a:1');
  await twins.onBoth('ACL', 'SETUSER', 'alice', 'resetkeys', '~b:*', '+get');
  await pair.same(t, 'SET', 'a:2', 'v');
  await pair.same(t, 'SET', 'a:lock', 'v', 'NX', 'PX', '1000');
  await pair.same(t, 'GET', 'b:1');
  await twins.onBoth('ACL', 'SETUSER', 'alice', '>new-secret', '<alice-secret');
  await pair.same(t, 'GET', 'b:1');
  const late = await twins.pair(t);
  await late.same(t, 'AUTH', 'alice', 'alice-secret');
  await late.same(t, 'AUTH', 'alice', 'new-secret');

  await twins.onBoth('ACL', 'DELUSER', 'alice');
  for (const { direct, proxied } of [pair, idle]) {
    await direct.untilEnd();
    proxied.send('GET', 'b:1');
    const end = await proxied.untilEnd();
    t.ok(end === '' || end.startsWith('-'), `a deleted user gets no data: ${JSON.stringify(end)}`);
  }
});

t.test('SELECT is the client’s own', async t => {
  const twins = await Twins.start(t);
  const pairs = await Promise.all([0, 1, 2, 15].map(() => twins.pair(t)));
  for (const [index, pair] of pairs.entries())
    await pair.same(t, 'SELECT', [0, 1, 2, 15][index] ?? 0);
  for (const [index, pair] of pairs.entries()) await pair.same(t, 'SET', 'k', `value-${index}`);
  for (const pair of pairs) await pair.same(t, 'GET', 'k');
  const [first, second] = pairs;
  if (!first || !second) return;
  await first.same(t, 'SELECT', '16');
  await first.same(t, 'GET', 'k');
  await second.same(t, 'SUBSCRIBE', 'ch');
  await second.same(t, 'UNSUBSCRIBE', 'ch');
  await second.same(t, 'GET', 'k');
  await second.same(t, 'MULTI');
  await second.same(t, 'SELECT', '2');
  await second.same(t, 'EXEC');
  await second.same(t, 'GET', 'k');
  await second.same(t, 'RESET');
  await second.same(t, 'GET', 'k');
});

t.test('CLIENT ID is unique, and stays', async t => {
  const twins = await Twins.start(t);
  const clients = await Promise.all(Array.from({ length: 60 }, () => twins.forelock.connect(t)));
  const ids = await Promise.all(
    clients.map(async client => idOf(await client.call('CLIENT', 'ID'))),
  );
  t.equal(new Set(ids).size, 60, 'no two clients have one id');
  for (const [index, client] of clients.slice(0, 6).entries()) {
    for (const command of [
      ['GET', 'k'],
      ['SELECT', '1'],
      ['WATCH', 'k'],
      ['SUBSCRIBE', 'ch'],
      ['UNSUBSCRIBE', 'ch'],
      ['BLPOP', 'none', '0.01'],
    ]) {
      await client.call(...command);
      // A RESP2 subscriber may not ask.
      if (command[0] === 'SUBSCRIBE') continue;
      t.equal(idOf(await client.call('CLIENT', 'ID')), ids[index], `after ${command[0]}`);
    }
    const hello = await client.call('HELLO', '2');
    t.match(hello, `$2\r\nid\r\n:${ids[index]}\r\n`, 'HELLO tells the same id');
    t.equal(field(linesOf(await client.call('CLIENT', 'INFO'))[0] ?? '', 'id'), String(ids[index]));
  }
});

t.test('CLIENT INFO and CLIENT LIST tell of the client, as Redis would', async t => {
  const twins = await Twins.start(t);
  const pair = await twins.pair(t);
  await pair.same(t, 'CLIENT', 'SETNAME', 'me');
  await pair.same(t, 'SELECT', '3');
  const [wanted, found] = (await pair.call('CLIENT', 'INFO')).map(reply => linesOf(reply)[0] ?? '');
  const names = (line: string): string[] =>
    [...line.matchAll(/(\S+)=/g)].map(match => match[1] ?? '');
  t.same(names(found ?? ''), names(wanted ?? ''), 'the same fields');
  for (const name of ['name', 'db', 'user', 'cmd', 'flags', 'resp', 'sub', 'multi']) {
    t.equal(field(found ?? '', name), field(wanted ?? '', name), name);
  }
  t.match(field(found ?? '', 'addr'), /^127\.0\.0\.1:\d+$/);
  t.equal(field(found ?? '', 'addr').split(':')[1], String(pair.proxied.socket.localPort));

  const others = await Promise.all(
    Array.from({ length: 10 }, async (_, index) => {
      const client = await twins.forelock.connect(t);
      await client.call('CLIENT', 'SETNAME', `other-${index}`);
      return client;
    }),
  );
  const listed = linesOf(await pair.proxied.call('CLIENT', 'LIST'));
  for (let index = 0; index < 10; index++) {
    t.equal(listed.filter(line => field(line, 'name') === `other-${index}`).length, 1);
  }
  const [one] = others;
  const id = idOf((await one?.call('CLIENT', 'ID')) ?? '');
  const byId = linesOf(await pair.proxied.call('CLIENT', 'LIST', 'ID', id));
  t.equal(byId.length, 1);
  t.equal(field(byId[0] ?? '', 'name'), 'other-0');
});

for (const password of [null, 'pw']) {
  const where = password === null ? 'without a password' : 'with a password';
  t.test(`${where}, CLIENT LIST tells of clients, and of no connection of Forelock's`, async t => {
    const redis = password === null ? {} : { requirepass: password };
    const login = password === null ? [] : [['AUTH', password]];
    const twins = await Twins.start(t, { redis });
    const straight = await RespClient.connect(t, twins.behind.port, ...login);
    await straight.call('CLIENT', 'SETNAME', 'straight');
    const clients = await Promise.all(
      ['one', 'another'].map(async name => {
        const client = await RespClient.connect(t, twins.forelock.port, ...login);
        await client.call('CLIENT', 'SETNAME', name);
        await client.call('GET', 'k');
        // This connection of its own is left at rest, under the client's name.
        await client.call('WATCH', 'k');
        await client.call('UNWATCH');
        return client;
      }),
    );
    const names = (reply: string): string[] => linesOf(reply).map(line => field(line, 'name'));
    // Whoever asks Redis itself is a client too, also when this was its last question.
    const seen = names(await straight.call('CLIENT', 'LIST'));
    const ours = ['forelock:pipe', ...(password === null ? ['forelock:greeter'] : [])];
    for (const name of ours) t.ok(seen.includes(name), `${name} in ${seen}`);
    for (const client of clients) {
      const told = names(await client.call('CLIENT', 'LIST'));
      t.same(told.sort(), ['another', 'one', 'straight']);
    }
  });
}

t.test('Redis is told what the connection is that scripts and heartbeats are sent on', async t => {
  const redis = await RedisServer.start(t);
  const forelock = await Forelock.start(t, { upstream: redis.url });
  const straight = await redis.connect(t);
  await eventually('it has its name', async () =>
    (await straight.call('CLIENT', 'LIST')).includes(' name=forelock:control '),
  );
  t.equal(linesOf(await (await forelock.connect(t)).call('CLIENT', 'LIST')).length, 2);
});

t.test('CLIENT KILL ends that client alone', async t => {
  const twins = await Twins.start(t, { redis: USERS });
  const killer = await twins.forelock.connect(t);
  const bystander = await twins.forelock.connect(t);

  const victims: [how: string, filter: (victim: RespClient) => Promise<string[]>][] = [
    ['by ID', async victim => ['ID', String(idOf(await victim.call('CLIENT', 'ID')))]],
    ['by ADDR', async victim => ['ADDR', `127.0.0.1:${victim.socket.localPort}`]],
  ];
  for (const [how, filterOf] of victims) {
    const victim = await twins.forelock.connect(t);
    await victim.call('GET', 'k');
    t.equal(await killer.call('CLIENT', 'KILL', ...(await filterOf(victim))), ':1\r\n', how);
    t.equal(await victim.untilEnd(), '');
    t.equal(await bystander.call('PING'), '+PONG\r\n');
  }

  const old = await twins.forelock.connect(t);
  t.equal(await killer.call('CLIENT', 'KILL', `127.0.0.1:${old.socket.localPort}`), '+OK\r\n');
  t.equal(await old.untilEnd(), '');

  const subscriber = await twins.forelock.connect(t);
  await subscriber.call('SUBSCRIBE', 'ch');
  t.equal(await killer.call('CLIENT', 'KILL', 'TYPE', 'pubsub'), ':1\r\n');
  t.equal(await subscriber.untilEnd(), '');

  const alice = await twins.forelock.connect(t);
  await alice.call('AUTH', 'alice', 'alice-secret');
  await alice.call('GET', 'a:1');
  t.equal(await killer.call('CLIENT', 'KILL', 'USER', 'alice'), ':1\r\n');
  t.equal(await alice.untilEnd(), '');

  const self = await twins.pair(t);
  const [wanted, found] = await Promise.all(
    [self.direct, self.proxied].map(async client => {
      const id = idOf(await client.call('CLIENT', 'ID'));
      client.send('CLIENT', 'KILL', 'ID', id, 'SKIPME', 'no');
      return client.untilEnd();
    }),
  );
  t.equal(found, wanted, 'a client that kills itself');
  t.equal(await bystander.call('PING'), '+PONG\r\n');
  t.equal(await killer.call('PING'), '+PONG\r\n');
});

t.test('CLIENT UNBLOCK wakes that client alone', async t => {
  const twins = await Twins.start(t);
  for (const how of [[], ['TIMEOUT'], ['ERROR']]) {
    const waiting = await twins.pair(t);
    const [direct, proxied] = await waiting.call('CLIENT', 'ID');
    waiting.send('BLPOP', 'none', '0');
    const waker = await twins.pair(t);
    for (const [client, id] of [
      [waker.direct, idOf(direct)],
      [waker.proxied, idOf(proxied)],
    ] as const) {
      await eventually(
        'it is blocked, and woken',
        async () => (await client.call('CLIENT', 'UNBLOCK', id, ...how)) === ':1\r\n',
      );
    }
    await waiting.sameReply(t, `BLPOP after UNBLOCK ${how.join('')}`);
    await waiting.same(t, 'PING');
  }
});

t.test('CLIENT REPLY OFF, SKIP and ON', async t => {
  const twins = await Twins.start(t);
  for (const commands of [
    ['CLIENT REPLY OFF', 'SET k 1', 'GET k', 'CLIENT REPLY ON', 'GET k'],
    ['CLIENT REPLY SKIP', 'SET k 2', 'GET k', 'PING'],
    ['CLIENT REPLY SKIP', 'CLIENT REPLY SKIP', 'SET k 3', 'GET k', 'PING'],
    ['CLIENT REPLY OFF', 'NOSUCH', 'SET l me NX PX 100000', 'CLIENT REPLY ON', 'GET l'],
    ['CLIENT REPLY OFF', 'SELECT 1', 'SET k 4', 'CLIENT REPLY ON', 'GET k', 'SELECT 0'],
    ['GET k', 'CLIENT REPLY OFF', 'PING', 'QUIT'],
  ]) {
    const pair = await twins.pair(t);
    pair.write(`${commands.join('\r\n')}\r\n`);
    // What is silenced is silent whatever comes; the last command is always answered, or QUIT.
    if (commands.at(-1) === 'QUIT') {
      await pair.sameEnd(t, commands.join(', '));
      continue;
    }
    pair.write('ECHO done\r\n');
    const [wanted, found] = await Promise.all(
      [pair.direct, pair.proxied].map(async client => {
        const replies: string[] = [];
        while (replies.at(-1) !== '$4\r\ndone\r\n') replies.push(await client.reply());
        return replies;
      }),
    );
    t.same(found, wanted, commands.join(', '));
  }
});

t.test('RESET leaves nothing', async t => {
  const twins = await Twins.start(t, { redis: USERS });
  for (const before of [
    ['SELECT 1'],
    ['HELLO 3'],
    ['CLIENT SETNAME me'],
    ['AUTH alice alice-secret'],
    ['MULTI', 'SET k v'],
    ['WATCH k'],
    ['SUBSCRIBE ch'],
    ['CLIENT TRACKING ON BCAST'],
    ['CLIENT NO-EVICT ON'],
    ['SELECT 1', 'SUBSCRIBE ch', 'PSUBSCRIBE p*'],
  ]) {
    const pair = await twins.pair(t);
    for (const command of before) await pair.call(...command.split(' '));
    await pair.same(t, 'RESET');
    await pair.same(t, 'CLIENT', 'GETNAME');
    await pair.same(t, 'GET', 'k');
    await pair.same(t, 'ACL', 'WHOAMI');
    await pair.same(t, 'CLIENT', 'TRACKINGINFO');
    await twins.onBoth('PUBLISH', 'ch', 'hello');
    await twins.onBoth('SET', 'k', 'changed');
    await pair.same(t, 'MULTI');
    await pair.same(t, 'EXEC');
    await twins.onBoth('DEL', 'k');
    pair.destroy();
  }
});

t.test('QUIT is answered, after all before it, and ends the connection', async t => {
  const twins = await Twins.start(t);
  for (const text of [
    'QUIT\r\n',
    'SET k v\r\nGET k\r\nQUIT\r\nSET k never\r\n',
    'MULTI\r\nGET k\r\nQUIT\r\n',
    'SUBSCRIBE ch\r\nQUIT\r\n',
    'SELECT 1\r\nGET k\r\nquit\r\n',
    'SET lock me NX PX 1000\r\nQUIT\r\n',
  ]) {
    const pair = await twins.pair(t);
    pair.write(text);
    await pair.sameEnd(t, JSON.stringify(text));
  }
  t.equal(await (await twins.forelock.connect(t)).call('GET', 'k'), '$1\r\nv\r\n');
});

t.test('CLIENT TRACKING: changed keys are told, as RESP3 pushes', async t => {
  const twins = await Twins.start(t);
  const pair = await twins.pair(t);
  await pair.call('HELLO', '3');
  await pair.same(t, 'CLIENT', 'TRACKING', 'ON');
  await pair.same(t, 'GET', 'k');
  await pair.same(t, 'CLIENT', 'TRACKINGINFO');
  await pair.same(t, 'CLIENT', 'GETREDIR');
  const other = await twins.pair(t);
  await other.same(t, 'SET', 'k', 'v');
  await pair.samePush(t, 'a key that was read is changed by another');
  await pair.same(t, 'GET', 'k');
  await pair.same(t, 'SET', 'k', 'w');
  await pair.samePush(t, 'changed by the client itself');
  await pair.same(t, 'SET', 'lock', 'me', 'NX', 'PX', '10000');
  await pair.same(t, 'GET', 'lock');
  await other.same(t, 'DEL', 'lock');
  await pair.samePush(t, 'a lock is deleted by another');
  await other.same(t, 'FLUSHALL');
  await pair.samePush(t, 'all keys are flushed');
  await pair.same(t, 'CLIENT', 'TRACKING', 'OFF');

  await pair.same(t, 'CLIENT', 'TRACKING', 'ON', 'BCAST', 'PREFIX', 'p:', 'NOLOOP');
  await other.same(t, 'SET', 'p:1', 'v');
  await pair.samePush(t, 'a key of a prefix');
  await pair.same(t, 'SET', 'p:1', 'own');
  await other.same(t, 'SET', 'p:2', 'v');
  await pair.samePush(t, 'with NOLOOP only what others did');
  await pair.same(t, 'CLIENT', 'TRACKING', 'OFF');

  await pair.same(t, 'CLIENT', 'TRACKING', 'ON', 'OPTIN');
  await pair.same(t, 'GET', 'unseen');
  await pair.same(t, 'CLIENT', 'CACHING', 'YES');
  await pair.same(t, 'GET', 'seen');
  await other.same(t, 'MSET', 'unseen', '1', 'seen', '1');
  await pair.samePush(t, 'with OPTIN only what was asked for');
});

t.test('CLIENT TRACKING REDIRECT: changed keys are told to another connection', async t => {
  const twins = await Twins.start(t);
  const listener = await twins.pair(t);
  const [directId, proxiedId] = (await listener.call('CLIENT', 'ID')).map(idOf);
  await listener.same(t, 'SUBSCRIBE', '__redis__:invalidate');
  const reader = await twins.pair(t);
  const redirected = await Promise.all([
    reader.direct.call('CLIENT', 'TRACKING', 'ON', 'REDIRECT', directId ?? 0),
    reader.proxied.call('CLIENT', 'TRACKING', 'ON', 'REDIRECT', proxiedId ?? 0),
  ]);
  t.same(redirected, ['+OK\r\n', '+OK\r\n']);
  await reader.same(t, 'GET', 'k');
  t.equal(idOf(await reader.proxied.call('CLIENT', 'GETREDIR')), proxiedId);
  await (await twins.pair(t)).same(t, 'SET', 'k', 'v');
  await listener.sameReply(t, 'the invalidation');
});

t.test('MONITOR shows what others do', async t => {
  const twins = await Twins.start(t);
  const monitor = await twins.pair(t);
  await monitor.same(t, 'MONITOR');
  const other = await twins.pair(t);
  await other.same(t, 'SELECT', '2');
  await other.same(t, 'SET', 'k', 'a "quoted" \r\n value');
  await other.same(t, 'GET', 'last');
  /** What was done, in which database, without the time and the address. */
  const seenBy = async (client: RespClient): Promise<string[]> => {
    const seen: string[] = [];
    for (;;) {
      const line = await client.reply();
      const [, what] = /^\+[\d.]+ \[(\d+ .*)\r\n$/.exec(line) ?? [];
      const text = (what ?? line).replace(/ \S+\]/, ']');
      if (/"(set|get)"/i.test(text)) seen.push(text);
      if (/"last"/.test(text)) return seen;
    }
  };
  const [wanted, found] = await Promise.all([seenBy(monitor.direct), seenBy(monitor.proxied)]);
  t.same(found, wanted);
});
