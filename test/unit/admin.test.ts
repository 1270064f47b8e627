import t from 'tap';
import { LockCounters } from '../../src/locks/counters.js';
import { type AdminContext, createAdmin, createAdminDesk } from '../../src/observe/admin.js';
import { AdminError, type AdminReply, Double } from '../../src/observe/admin-reply.js';
import { LockTally } from '../../src/observe/lock-tally.js';
import { lockView, observed } from '../harness/observed.js';

const allowAll: AdminContext = {
  user: 'default',
  database: 0,
  mayRun: async () => true,
  remembers: () => false,
};

/** A user whom Redis lets run just these commands. */
function may(...commands: readonly string[]): AdminContext {
  return {
    user: 'bob',
    database: 0,
    mayRun: async (_user, command) => commands.includes(command.join(' ')),
    remembers: () => false,
  };
}

function entries(reply: AdminReply): Record<string, AdminReply> {
  if (!(reply instanceof Map)) throw new Error(`no map: ${JSON.stringify(reply)}`);
  return Object.fromEntries(reply as ReadonlyMap<string, AdminReply>);
}

function list(reply: AdminReply): readonly AdminReply[] {
  if (!Array.isArray(reply)) throw new Error(`no list: ${JSON.stringify(reply)}`);
  return reply as readonly AdminReply[];
}

function errorText(reply: AdminReply): string {
  return reply instanceof AdminError ? reply.text : `no error: ${JSON.stringify(reply)}`;
}

const LISTING = { listedDefault: 100, listedMax: 10_000 };

function admin(locks = [lockView({})], listing = LISTING) {
  const counters = new LockCounters();
  const tally = new LockTally(() => {});
  return { ask: createAdmin(observed({ locks, counters, tally }), listing), counters, tally };
}

t.test('STATUS tells how Forelock and Redis are, and the counts since the start', async t => {
  const { ask, counters, tally } = admin();
  tally.requests = 5;
  counters.grantsFromMemory = 2;
  counters.grantsThroughRedis = 1;
  counters.refusalsFromMemory = 1;
  counters.refusalsThroughRedis = 3;
  counters.reservationsUsed = 4;
  tally.doubted('connection lost');
  const status = entries(await ask(['status'], allowAll));
  t.match(status, {
    version: '9.9.9',
    mode: 'reserve',
    ready: 'yes',
    'uptime-s': 61,
    upstream: 'redis://10.0.0.1:6379',
    'upstream-reachable': true,
    'upstream-heard-ms-ago': 12,
    'delegation-bar': null,
    'lock-keys': 1,
    delegations: 1,
    requests: 5,
    'grants-from-memory': 2,
    'grants-through-redis': 1,
    refusals: 4,
    'share-from-memory': new Double(0.6667),
    'reservations-used-share': new Double(1),
  });
  t.same(status.doubts, new Map([['connection lost', 1]]));
});

t.test('STATUS: before the first grant there is no share', async t => {
  const status = entries(await admin().ask(['STATUS'], allowAll));
  t.equal(status['share-from-memory'], null);
});

t.test('LOCKS lists lock keys, POOL the delegated ones', async t => {
  const idle = lockView({ key: 'idle', delegated: false, leaseLeftMs: null, bar: 'barred' });
  const { ask } = admin([lockView({ key: 'ready' }), idle]);
  const locks = list(await ask(['LOCKS'], allowAll)).map(entries);
  t.match(locks, [
    { key: 'ready', 'lease-left-ms': 1234 },
    { key: 'idle', bar: 'barred' },
  ]);
  const pool = list(await ask(['POOL'], allowAll)).map(entries);
  t.match(pool, [{ key: 'ready', 'tenure-left-ms': 500, 'kept-for-ms': 400 }]);
  t.equal(pool.length, 1);
});

t.test('listings are bounded: 100 by default, a count at most 10000', async t => {
  const many = Array.from({ length: 150 }, (_, n) => lockView({ key: `k${n}` }));
  const { ask } = admin(many);
  t.equal(list(await ask(['LOCKS'], allowAll)).length, 100);
  t.equal(list(await ask(['LOCKS', '7'], allowAll)).length, 7);
  t.equal(list(await ask(['POOL', '150'], allowAll)).length, 150);
  for (const count of ['0', '-1', '10001', 'x', '1.5', '']) {
    t.match(errorText(await ask(['LOCKS', count], allowAll)), /^ERR count must be/, count);
  }
});

t.test('how many keys a listing names is set', async t => {
  const many = Array.from({ length: 50 }, (_, n) => lockView({ key: `k${n}` }));
  const { ask } = admin(many, { listedDefault: 3, listedMax: 20 });
  t.equal(list(await ask(['LOCKS'], allowAll)).length, 3);
  t.equal(list(await ask(['LOCKS', '20'], allowAll)).length, 20);
  t.match(errorText(await ask(['LOCKS', '21'], allowAll)), /from 1 to 20$/);
  t.match(await ask(['HELP'], allowAll), [/./, /./, /./, /./, /\(3 of them by default\)/]);
  t.equal(
    list(await admin(many, { listedDefault: 30, listedMax: 20 }).ask(['POOL'], allowAll)).length,
    20,
  );
});

t.test('SCORES lists the highest scores as doubles', async t => {
  const scores = list(await admin().ask(['SCORES', '1'], allowAll)).map(entries);
  t.match(scores, [
    { key: 'lock:1', score: new Double(0.9), threshold: new Double(0.5), forecaster: 'ewma' },
  ]);
});

t.test('EXPLAIN says all of one key, and why', async t => {
  const { ask } = admin([lockView({ key: 'a' }), lockView({ key: 'b', bar: 'touched by GET' })]);
  t.match(entries(await ask(['EXPLAIN', 'a'], allowAll)), {
    why: 'it is delegated',
    template: 'lock:{}',
    proven: true,
    'tenure-kept-ms': 8,
    'lease-left-ms': 1234,
    grants: 5,
  });
  t.match(entries(await ask(['EXPLAIN', 'b'], allowAll)), { why: 'touched by GET' });
  t.match(entries(await ask(['EXPLAIN', 'c'], allowAll)), {
    key: 'c',
    state: 'unknown',
    why: 'nothing was seen of it',
  });
  t.match(entries(await ask(['EXPLAIN', 'lock:1'], allowAll)), { score: new Double(0.9) });
});

t.test("EXPLAIN looks in the session's database", async t => {
  const { ask } = admin([lockView({ key: 'a', database: 3 })]);
  t.match(entries(await ask(['EXPLAIN', 'a'], allowAll)), { state: 'unknown', database: 0 });
  t.match(entries(await ask(['EXPLAIN', 'a'], { ...allowAll, database: 3 })), {
    state: 'reserved',
    database: 3,
  });
});

t.test('HELP names every subcommand', async t => {
  const lines = list(await admin().ask(['help'], allowAll)).join('\n');
  for (const name of ['STATUS', 'LOCKS', 'POOL', 'SCORES', 'EXPLAIN', 'FENCE', 'HELP']) {
    t.match(lines, new RegExp(`^${name}\\b`, 'm'));
  }
});

t.test('what is no subcommand, or has a wrong number of arguments', async t => {
  const { ask } = admin();
  const cases: readonly (readonly [readonly string[], string])[] = [
    [[], "ERR wrong number of arguments for 'forelock' command"],
    [['FENCE', 'k'], "ERR wrong number of arguments for 'forelock|fence' command"],
    [['a\r\n+OK'], "ERR unknown subcommand 'a??+OK'. Try FORELOCK HELP."],
    [['x'.repeat(5000)], `ERR unknown subcommand '${'x'.repeat(64)}'. Try FORELOCK HELP.`],
    [['STATUS', 'x'], "ERR wrong number of arguments for 'forelock|status' command"],
    [['EXPLAIN'], "ERR wrong number of arguments for 'forelock|explain' command"],
    [['EXPLAIN', 'a', 'b'], "ERR wrong number of arguments for 'forelock|explain' command"],
    [['constructor'], "ERR unknown subcommand 'constructor'. Try FORELOCK HELP."],
  ];
  for (const [args, text] of cases) t.equal(errorText(await ask(args, allowAll)), text);
});

t.test("FENCE tells the holder's number as an integer, and nobody else any", async t => {
  const { ask } = admin([lockView({ fence: 1_764_000_000_000_001 })]);
  t.equal(await ask(['FENCE', 'lock:1', 'holder'], allowAll), 1_764_000_000_000_001);
  t.equal(await ask(['FENCE', 'lock:1', 'somebody'], allowAll), null);
  t.equal(
    errorText(await ask(['FENCE', 'lock:1', 'unheard'], allowAll)),
    "ERR Redis can't be asked now for this grant: READONLY as a replica",
  );
});

t.test('it answers who may CONFIG GET *; EXPLAIN and FENCE who may GET the key', async t => {
  const { ask } = admin();
  const all = [
    'STATUS',
    'LOCKS',
    'POOL',
    'SCORES',
    'HELP',
    'NONSENSE',
    'EXPLAIN lock:1',
    'FENCE lock:1 v',
  ];
  for (const command of all) {
    const reply = await ask(command.split(' '), may('GET other', 'CONFIG GET maxmemory'));
    t.match(errorText(reply), /^NOPERM User bob /, command);
    const allowed = await ask(command.split(' '), may('CONFIG GET *'));
    t.notMatch(errorText(allowed), /^NOPERM/, command);
  }
  const reader = may('GET lock:1');
  t.match(entries(await ask(['EXPLAIN', 'lock:1'], reader)), { state: 'reserved' });
  t.match(errorText(await ask(['EXPLAIN', 'lock:2'], reader)), /^NOPERM/);
  t.match(errorText(await ask(['EXPLAIN'], reader)), /^NOPERM/);
  t.equal(await ask(['FENCE', 'lock:1', 'v'], reader), null);
  t.match(errorText(await ask(['FENCE', 'lock:2', 'v'], reader)), /^NOPERM/);
  t.match(errorText(await ask(['STATUS', 'lock:1'], reader)), /^NOPERM/);
});

t.test('where Redis cannot be asked, those are answered whom it allowed before', async t => {
  const context: AdminContext = {
    ...allowAll,
    mayRun: () => Promise.reject(new Error('upstream lost')),
    remembers: user => user === 'ops',
  };
  const refused = /^ERR Redis can't be asked now/;
  t.match(errorText(await admin().ask(['STATUS'], context)), refused);
  const ops = { ...context, user: 'ops' };
  t.match(entries(await admin().ask(['STATUS'], ops)), { mode: 'reserve' });
  t.type(await admin().ask(['HELP'], ops), Array);
  for (const words of [
    ['LOCKS'],
    ['POOL'],
    ['SCORES'],
    ['EXPLAIN', 'k'],
    ['FENCE', 'k', 'v'],
    ['NO'],
  ]) {
    t.match(
      errorText(await admin().ask(words, ops)),
      refused,
      `${words}: it names keys, or is none`,
    );
  }
});

t.test('a session gets bytes in its own protocol', async t => {
  const desk = createAdminDesk(admin().ask, {
    mayRun: async user => user === 'ann',
    remembers: () => false,
  });
  const asker = {
    user: 'ann',
    authenticated: true,
    presumed: false,
    database: 0,
    protocol: 3,
  } as const;
  t.match((await desk.answer(['forelock', 'STATUS'], asker)).toString('latin1'), /^%\d+\r\n/);
  t.match(
    (await desk.answer(['forelock', 'STATUS'], { ...asker, protocol: 2 })).toString(),
    /^\*\d+\r\n/,
  );
  t.match(
    (await desk.answer(['forelock', 'STATUS'], { ...asker, user: 'bob' })).toString(),
    /^-NOPERM /,
  );
  t.match(
    (await desk.answer(['forelock', 'STATUS'], { ...asker, authenticated: false })).toString(),
    /^-NOAUTH Authentication required\.\r\n$/,
  );
});
