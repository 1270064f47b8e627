import { spawn } from 'node:child_process';
import { once } from 'node:events';
import t from 'tap';
import { CommandTable } from '../../src/intent/command-table.js';
import type { ScriptCall } from '../../src/locks/contract.js';
import { Controlled } from '../harness/controlled.js';
import { freePort } from '../harness/free-port.js';
import { eventually, sleep, within } from '../harness/lifetime.js';
import { RedisServer } from '../harness/redis-server.js';

const release = (key: string, value: string, database = 0): ScriptCall => ({
  script: 'release',
  database,
  keys: [key, `forelock:{${key}}:${key}`],
  args: [value],
});

const reserve = (key: string, token: string): ScriptCall => ({
  script: 'reserve',
  database: 0,
  keys: [key, `forelock:{${key}}:${key}`, 'forelock:fence'],
  args: [token, 10_000, 'p', 10, ''],
});

t.test('a script runs once, and its answer comes as strings and numbers', async t => {
  const server = await RedisServer.start(t);
  const redis = await server.connect(t);
  const controlled = await Controlled.start(t, server.port);
  await redis.call('SET', 'lock', 'value');
  t.match(await controlled.run(release('lock', 'another')), {
    kind: 'answer',
    values: ['not-owner'],
  });
  t.match(await controlled.run(release('lock', 'value')), {
    kind: 'answer',
    values: ['released'],
  });
  t.match(await controlled.run(reserve('lock', 'forelock:p:1:1')), {
    kind: 'answer',
    values: ['reserved', Number, Number],
  });
  t.equal(await redis.call('GET', 'lock'), '$14\r\nforelock:p:1:1\r\n');
});

t.test('keys and values are bytes', async t => {
  const server = await RedisServer.start(t);
  const redis = await server.connect(t);
  const controlled = await Controlled.start(t, server.port);
  const bytes = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte)).join('');
  await redis.call('SET', bytes, bytes);
  t.match(await controlled.run(release(bytes, bytes)), { values: ['released'] });
  t.equal(await redis.call('DBSIZE'), ':0\r\n');
});

t.test('databases are never mixed up, not even after a reconnect', async t => {
  const server = await RedisServer.start(t);
  const redis = await server.connect(t);
  const controlled = await Controlled.start(t, server.port);
  for (const round of ['first', 'after a reconnect']) {
    for (const database of [0, 3, 9]) {
      await redis.call('SELECT', database);
      await redis.call('SET', 'lock', `of ${database}`);
    }
    const answers = await Promise.all(
      [9, 0, 3].map(database => controlled.run(release('lock', `of ${database}`, database))),
    );
    t.match(answers, [
      { values: ['released'] },
      { values: ['released'] },
      { values: ['released'] },
    ]);
    if (round !== 'first') continue;
    controlled.events.length = 0;
    await redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await eventually('all are back', () => controlled.events.includes('back'));
  }
});

t.test(
  'a database that Redis does not have refuses its scripts, and holds up no other',
  async t => {
    const server = await RedisServer.start(t);
    const controlled = await Controlled.start(t, server.port);
    t.match(await controlled.run(release('lock', 'v', 500)), { kind: 'refused' });
    t.match(await controlled.run(release('lock', 'v', 0)), { values: ['not-owner'] });
    t.equal(controlled.control.isConnected, true);
    t.equal(controlled.log.filter(line => /SELECT refused/.test(line)).length, 1, 'said once');
  },
);

t.test('scripts that Redis has forgotten are loaded again', async t => {
  const server = await RedisServer.start(t);
  const redis = await server.connect(t);
  const controlled = await Controlled.start(t, server.port);
  for (const round of [1, 2]) {
    await redis.call('SCRIPT', 'FLUSH');
    t.match(await controlled.run(release('lock', 'v')), { values: ['not-owner'] }, `${round}`);
  }
});

t.test('a script that Redis refuses did nothing', async t => {
  const server = await RedisServer.start(t);
  const redis = await server.connect(t);
  const controlled = await Controlled.start(t, server.port);
  await controlled.run(release('lock', 'v'));
  await redis.call('CONFIG', 'SET', 'maxmemory', 1);
  const answer = await controlled.run(reserve('lock', 'forelock:p:1:1'));
  t.match(answer, { kind: 'refused', error: /^OOM/ });
  t.equal(await redis.call('EXISTS', 'lock'), ':0\r\n');
});

t.test(
  'the fate of a script on a lost connection is unknown, and it is never sent again',
  async t => {
    const server = await RedisServer.start(t);
    const controlled = await Controlled.start(t, server.port);
    await controlled.run(release('lock', 'v'));
    server.pause();
    const onItsWay = controlled.run(reserve('lock', 'forelock:p:1:1'));
    await sleep(50);
    await server.kill();
    t.same(await within('an answer', 5000, onItsWay), { kind: 'unknown' });
    t.match(await controlled.run(reserve('lock', 'forelock:p:1:2')), { kind: 'refused' });
    t.equal(controlled.control.lastHeardAtMs(), Number.NEGATIVE_INFINITY);
    await server.restart();
    await eventually('connected again', () => controlled.control.isConnected);
    await sleep(100);
    const redis = await server.connect(t);
    t.equal(await redis.call('EXISTS', 'lock'), ':0\r\n', 'neither was sent later');
    t.match(await controlled.run(reserve('lock', 'forelock:p:1:3')), { values: ['reserved'] });
    const events = controlled.events.filter(event => !event.startsWith('doubt'));
    t.match(events.slice(0, 3), ['back', 'lost', 'back']);
    const lost = controlled.log.filter(line => /was lost/.test(line));
    t.equal(lost.length, 1, 'said once');
  },
);

t.test(
  'a connection that is lost is opened at once, one that does not last after a while',
  async t => {
    const server = await RedisServer.start(t);
    const redis = await server.connect(t);
    const controlRetryMinMs = 400;
    const controlled = await Controlled.start(t, server.port, { controlRetryMinMs });
    const awayMs = async (): Promise<number> => {
      controlled.events.length = 0;
      await redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      await eventually('it is lost', () => controlled.events.includes('lost'), { everyMs: 1 });
      const lostAtMs = performance.now();
      await eventually('it is back', () => controlled.events.includes('back'), { everyMs: 1 });
      return performance.now() - lostAtMs;
    };
    await sleep(controlRetryMinMs + 50);
    t.ok((await awayMs()) < controlRetryMinMs / 2, 'at once');
    t.ok((await awayMs()) > controlRetryMinMs - 50, 'after the wait');
  },
);

t.test('settings of Redis are read as often as is said', async t => {
  const server = await RedisServer.start(t);
  const redis = await server.connect(t);
  const controlled = await Controlled.start(t, server.port, { redisFactsMs: 100 });
  t.equal(await controlled.bar(), null);
  await redis.call('CONFIG', 'SET', 'maxmemory-policy', 'volatile-lru');
  await eventually('it is seen', () => controlled.control.delegationBar() !== null, {
    withinMs: 1000,
  });
});

t.test('a Redis that is not there yet is no error: it is connected when it comes', async t => {
  const server = await RedisServer.start(t);
  await server.stop();
  const controlled = new Controlled(t, server.port);
  await eventually('it is said', () => controlled.log.length > 0);
  await sleep(400);
  t.equal(controlled.control.isConnected, false);
  t.equal(controlled.control.lastHeardAtMs(), Number.NEGATIVE_INFINITY);
  t.equal(controlled.control.delegationBar(), 'Redis is not connected');
  t.match(controlled.log, [/^Redis can not be connected: connect ECONNREFUSED/]);
  t.equal(controlled.log.length, 1, 'many attempts, one line');
  t.match(await controlled.run(release('lock', 'v')), { kind: 'refused' });
  await server.restart();
  await eventually('connected', () => controlled.control.isConnected);
  t.match(await controlled.run(release('lock', 'v')), { values: ['not-owner'] });
});

t.test('a wrong password is said once, and grants nothing', async t => {
  const server = await RedisServer.start(t, { requirepass: 'secret' });
  const wrong = new Controlled(t, server.port, {
    credentials: { user: 'default', password: 'wrong' },
  });
  await sleep(500);
  t.equal(wrong.control.isConnected, false);
  t.match(wrong.log, [/AUTH refused: WRONGPASS/]);
  const right = await Controlled.start(t, server.port, {
    credentials: { user: 'default', password: 'secret' },
  });
  t.match(await right.run(release('lock', 'v')), { values: ['not-owner'] });
});

t.test(
  'the heartbeat keeps the time of the last answer, and a silent Redis lets it grow old',
  async t => {
    const server = await RedisServer.start(t);
    const { control } = await Controlled.start(t, server.port);
    const silentMs = () => performance.now() - control.lastHeardAtMs();
    const wasHeardAtMs = control.lastHeardAtMs();
    await eventually(
      'it is heard again and again',
      () => control.lastHeardAtMs() > wasHeardAtMs + 200,
    );
    await eventually('just now', () => silentMs() < 100);
    server.pause();
    await sleep(400);
    t.ok(silentMs() > 300, `${silentMs()} ms ago`);
    t.equal(control.isConnected, true);
    server.resume();
    await eventually('heard again', () => silentMs() < 100);
  },
);

t.test('a connection that stays silent is given up, and its scripts hear of it', async t => {
  const server = await RedisServer.start(t);
  const controlled = await Controlled.start(t, server.port, { controlSilenceMaxMs: 300 });
  await controlled.run(release('lock', 'v', 2));
  server.pause();
  const answer = await within('an answer', 5000, controlled.run(release('lock', 'v', 2)));
  t.same(answer, { kind: 'unknown' });
  t.ok(controlled.events.includes('lost'));
  server.resume();
  await eventually('connected again', () => controlled.control.isConnected);
  t.match(await controlled.run(release('lock', 'v', 2)), { values: ['not-owner'] });
});

t.test('a failover brings doubt, and a replica is not delegated from', async t => {
  const server = await RedisServer.start(t);
  const redis = await server.connect(t);
  const controlled = await Controlled.start(t, server.port);
  t.equal(await controlled.bar(), null);
  t.equal(controlled.control.role, 'master');
  await redis.call('REPLICAOF', '127.0.0.1', await freePort());
  await eventually('doubt', () =>
    controlled.events.includes('doubt: the role of Redis changed to slave'),
  );
  t.match(controlled.control.delegationBar(), /slave/);
  await redis.call('REPLICAOF', 'NO', 'ONE');
  await eventually('master', () => controlled.control.delegationBar() === null);
  t.equal(controlled.events.filter(event => event.startsWith('doubt')).length, 2);
});

t.test('a Redis that was restarted meanwhile is doubted', async t => {
  const server = await RedisServer.start(t);
  const controlled = await Controlled.start(t, server.port);
  await controlled.bar();
  await server.restart();
  await eventually('doubt', () => controlled.events.includes('doubt: Redis was restarted'));
  const others = (): readonly string[] =>
    controlled.events.filter(event => !event.startsWith('doubt'));
  await eventually('connected again', () => others().length >= 3);
  t.match(others().slice(0, 3), ['back', 'lost', 'back']);
});

t.test('the commands of Redis are told after every connect', async t => {
  const server = await RedisServer.start(t);
  const controlled = await Controlled.start(t, server.port);
  await eventually('told', () => controlled.commands !== undefined);
  const table = new CommandTable(controlled.commands);
  t.match(table.commandNamed('GET'), { keyAt: 1 });
  t.equal(controlled.control.redisVersion?.split('.').length, 3);
});

t.test(
  'what lets others see a lock that nobody holds, or drops locks, bars delegation',
  async t => {
    const server = await RedisServer.start(t);
    const redis = await server.connect(t);
    const bar = async () => {
      const controlled = await Controlled.start(t, server.port);
      const seen = await controlled.bar();
      controlled.control.close();
      return seen;
    };
    t.equal(await bar(), null);
    await redis.call('CONFIG', 'SET', 'maxmemory-policy', 'volatile-lru');
    t.match(await bar(), /maxmemory-policy volatile-lru/);
    await redis.call('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    await redis.call('CONFIG', 'SET', 'notify-keyspace-events', 'Kx');
    t.match(await bar(), /notify-keyspace-events/);
    await redis.call('CONFIG', 'SET', 'notify-keyspace-events', '');
    const tracker = await server.connect(t);
    await tracker.call('HELLO', 3);
    await tracker.call('CLIENT', 'TRACKING', 'ON');
    t.equal(await bar(), null, 'tracking of keys that a client reads itself');
    await tracker.call('CLIENT', 'TRACKING', 'OFF');
    await tracker.call('CLIENT', 'TRACKING', 'ON', 'BCAST');
    t.match(await bar(), /BCAST/);
  },
);

t.test('a user of its own that may not look is told as the bar', async t => {
  const all = 'on >p ~* &* +@all';
  const server = await RedisServer.start(t, {
    users: [
      `noconfig ${all} -config`,
      `noinfo ${all} -info`,
      `noacl ${all} -acl`,
      `noscript ${all} -script`,
      `nocommand ${all} -command`,
    ],
  });
  const as = (user: string) =>
    Controlled.start(t, server.port, { credentials: { user, password: 'p' } });
  t.match(await (await as('noconfig')).bar(), /CONFIG GET/);
  t.match(await (await as('noinfo')).bar(), /INFO/);
  t.match(await (await as('noacl')).bar(), /ACL DRYRUN.*NOPERM/);
  t.match(await (await as('noscript')).bar(), /SCRIPT LOAD refused/);
  const noCommand = await as('nocommand');
  t.equal(await noCommand.bar(), null);
  await eventually('told', () => noCommand.commands === null);
});

t.test('after close() nothing keeps the process', async t => {
  const server = await RedisServer.start(t);
  const module = new URL('../harness/controlled.js', import.meta.url).href;
  const program = `
    import { Controlled } from ${JSON.stringify(module)};
    const ends = [];
    const there = new Controlled({ teardown: end => ends.push(end) }, ${server.port});
    const nowhere = new Controlled({ teardown: end => ends.push(end) }, ${await freePort()});
    setTimeout(() => { for (const end of ends) end(); }, 300);
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  const [code] = await within('its end', 5000, once(child, 'exit'));
  t.equal(code, 0);
});

t.test('what is published on its channel is told, also after the connection was lost', async t => {
  const server = await RedisServer.start(t);
  const redis = await server.connect(t);
  const { events } = await Controlled.start(t, server.port);
  const told = (): number => events.filter(event => event === 'message: a \xff\x00 b').length;
  const publish = async (): Promise<unknown> => {
    return redis.call('PUBLISH', 'forelock:proxy:test', 'a \xff\x00 b');
  };
  await publish();
  await eventually('it is told', () => told() === 1);
  t.strictSame(events, ['back', 'message: a \xff\x00 b']);
  await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  await eventually('that it was lost is told', () => events.filter(is => is === 'back').length > 1);
  t.equal(events[2], 'lost');
  await publish();
  await eventually('it is told again', () => told() === 2);
});

t.test('one that may not subscribe goes on without', async t => {
  const server = await RedisServer.start(t);
  const redis = await server.connect(t);
  await redis.call(...'ACL SETUSER mute on >secret ~* +@all resetchannels'.split(' '));
  const { events, log } = await Controlled.start(t, server.port, {
    credentials: { user: 'mute', password: 'secret' },
  });
  await eventually('it is said', () => log.some(line => /can tell Forelock nothing/.test(line)));
  t.match(events, ['back']);
});
