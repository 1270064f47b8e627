/**
 * What the simulated Redis does that no single real one shows: replicas, failover, restarts, faults
 * and its clock. How it answers commands and scripts is held against a real Redis by
 * test/integration/lua-model.test.ts.
 */
import t from 'tap';
import { EventQueue } from '../simulation/event-queue.js';
import { SeededRandom } from '../simulation/random.js';
import type { Connection, Push } from '../simulation/redis/connection.js';
import { ErrorReply, plain, type Reply } from '../simulation/redis/reply.js';
import { SimulatedRedis } from '../simulation/redis/simulated-redis.js';

interface World {
  readonly events: EventQueue;
  readonly redis: SimulatedRedis;
  readonly connection: Connection;
}

function world(scripts?: ReadonlyMap<string, string>): World {
  const events = new EventQueue();
  const redis = new SimulatedRedis({
    trueMs: () => events.nowMs,
    clockAheadMs: 1_700_000_000_000,
    after: (ms, run) => events.after(ms, run),
    ...(scripts === undefined ? {} : { scripts }),
  });
  return { events, redis, connection: redis.connect() };
}

function errorOf(reply: Reply): string | null {
  return reply instanceof ErrorReply ? reply.message : null;
}

t.test('a failover loses what had not reached the replica, and every connection', async t => {
  const { events, redis, connection } = world();
  redis.addReplica(() => 10);
  const { runId, replicationId } = redis;
  let closed = 0;
  connection.onClose = () => closed++;
  connection.ask('SET', 'early', '1', 'PX', 1000);
  events.runUntil(20);
  connection.ask('SET', 'late', '1');
  connection.ask('DEL', 'early');
  events.runUntil(25);
  redis.failover();
  t.equal(closed, 1);
  t.throws(() => connection.ask('PING'), 'the connection is gone');
  const next = redis.connect();
  t.equal(next.ask('GET', 'late'), null);
  t.equal(next.ask('PTTL', 'early'), 975, 'what a lost DEL deleted is there again');
  t.not(redis.runId, runId);
  t.not(redis.replicationId, replicationId);
  t.match(next.ask('INFO'), `run_id:${redis.runId}\r\n`);
  t.match(next.ask('ROLE'), ['master']);
});

t.test('a script reaches a replica whole or not at all', async t => {
  const { events, redis, connection } = world();
  redis.addReplica(() => 10);
  connection.evalScript("redis.call('SET', 'a', 1) redis.call('RPUSH', 'b', 1, 2)", [], []);
  events.runUntil(9);
  redis.failover();
  t.equal(redis.connect().ask('EXISTS', 'a', 'b'), 0);
  redis.connect().evalScript("redis.call('SET', 'a', 1) redis.call('RPUSH', 'b', 1, 2)", [], []);
  events.runUntil(19);
  redis.failover();
  const connected = redis.connect();
  t.equal(connected.ask('EXISTS', 'a', 'b'), 2);
  t.strictSame(connected.ask('LRANGE', 'b', 0, -1), ['1', '2']);
});

t.test('FLUSHALL reaches the replica as well, and only what came before it is gone', async t => {
  const { events, redis, connection } = world();
  connection.ask('FLUSHALL');
  connection.ask('SET', 'before', '1');
  redis.addReplica(() => 1);
  connection.ask('SET', 'x', '1');
  events.runUntil(5);
  redis.failover();
  const next = redis.connect();
  t.strictSame(next.keys(), ['before', 'x'], 'it does not come a second time');
  next.evalScript("redis.call('FLUSHALL') redis.call('SET', 'y', 1)", [], []);
  events.runUntil(10);
  redis.failover();
  t.strictSame(redis.connect().keys(), ['y']);
});

t.test('WAIT answers when enough replicas have it, or when its time is over', async t => {
  const { events, redis, connection } = world();
  redis.addReplica(() => 10);
  redis.addReplica(() => 30);
  const answers: unknown[] = [];
  const wait = (...words: string[]): void =>
    connection.callLater(words, reply => answers.push([events.nowMs, reply]));
  wait('WAIT', '2', '100');
  t.strictSame(answers.splice(0), [[0, 2]], 'nothing was written on this connection');
  connection.ask('SET', 'a', '1');
  wait('WAIT', '0', '100');
  t.strictSame(answers.splice(0), [[0, 0]]);
  wait('WAIT', '1', '100');
  wait('WAIT', '2', '20');
  wait('WAIT', '2', '0');
  wait('WAIT', '3', '50');
  events.runUntil(200);
  t.strictSame(answers, [
    [10, 1],
    [20, 1],
    [30, 2],
    [50, 2],
  ]);
});

t.test('WAITAOF tells of the disk and of replicas', async t => {
  const { events, redis, connection } = world();
  const answers: Reply[] = [];
  const wait = (...words: string[]): void =>
    connection.callLater(words, reply => answers.push(reply));
  wait('WAITAOF', '1', '0', '0');
  t.match(errorOf(answers.pop() ?? null), /appendonly is disabled/);
  redis.appendOnly(() => 15);
  redis.addReplica(() => 5);
  connection.ask('SET', 'a', '1');
  wait('WAITAOF', '1', '1', '10');
  events.runUntil(10);
  t.strictSame(answers, [[0, 1]]);
  wait('WAITAOF', '1', '1', '10');
  events.runUntil(20);
  t.strictSame(answers, [
    [0, 1],
    [1, 1],
  ]);
});

t.test('a restart keeps all, what is on disk, or nothing; never scripts', async t => {
  for (const [keeps, left] of [
    ['all', ['early', 'late']],
    ['disk', ['early']],
    ['nothing', []],
  ] as const) {
    const { events, redis, connection } = world();
    redis.appendOnly(() => 1000);
    const sha = String(connection.ask('SCRIPT', 'LOAD', 'return 1'));
    connection.ask('SET', 'early', '1');
    events.runUntil(1500);
    connection.ask('SET', 'late', '1');
    const { runId } = redis;
    redis.restart(keeps);
    const next = redis.connect();
    t.strictSame(next.keys(), left, keeps);
    t.match(errorOf(next.call(['EVALSHA', sha, '0'])), /^NOSCRIPT/);
    t.not(redis.runId, runId);
  }
});

t.test('a master that becomes a replica refuses writes, and keeps its connections', async t => {
  const { events, redis, connection } = world();
  connection.ask('SET', 'a', '1', 'PX', 10);
  redis.demote();
  t.match(errorOf(connection.call(['SET', 'a', '2'])), /^READONLY/);
  const refused = connection.evalScript("return redis.call('SET', 'a', 2)", ['a'], []);
  t.match(errorOf(refused), /^READONLY You can't write against a read only replica\. script: /);
  t.equal(connection.ask('GET', 'a'), '1');
  t.match(connection.ask('ROLE'), ['slave']);
  events.runUntil(20);
  t.equal(connection.ask('GET', 'a'), null, 'what has expired is hidden');
  redis.promote();
  t.equal(connection.ask('SET', 'a', '2', 'NX'), 'OK');
});

t.test('a server in trouble says which', async t => {
  const { redis, connection } = world();
  const write = (): string | null =>
    errorOf(connection.evalScript("return redis.call('SET', 'a', 1)", ['a'], []));
  redis.trouble = 'loading';
  t.match(write(), /^LOADING /);
  t.match(errorOf(connection.call(['GET', 'a'])), /^LOADING /);
  t.match(connection.ask('INFO'), 'loading:1');
  redis.trouble = 'busy';
  t.match(write(), /^BUSY /);
  t.match(errorOf(connection.call(['PING'])), /^BUSY /);
  redis.trouble = 'out of memory';
  t.match(write(), /^OOM .* script: /);
  t.equal(connection.ask('DEL', 'a'), 0, 'what needs no memory is done');
  redis.trouble = null;
  t.equal(write(), null);
});

t.test('expiry goes by the clock of the server, which drifts and jumps', async t => {
  const { events, redis, connection } = world();
  connection.ask('SET', 'a', '1', 'PX', 1000);
  redis.clock.drift(0.5);
  events.runUntil(600);
  t.equal(connection.ask('PTTL', 'a'), 100);
  redis.clock.drift(0);
  redis.clock.jump(-400);
  t.equal(connection.ask('PTTL', 'a'), 500);
  redis.clock.jump(500);
  t.equal(connection.ask('EXISTS', 'a'), 1, 'at its last millisecond a key is there');
  redis.clock.jump(1);
  t.equal(connection.ask('EXISTS', 'a'), 0);
});

t.test(
  'who tracks a key hears of its expiry only when the server notices, and of its eviction',
  async t => {
    const { events, redis, connection } = world();
    const heard: Push[] = [];
    connection.onPush = push => heard.push(push);
    connection.ask('CLIENT', 'TRACKING', 'ON');
    connection.ask('SET', 'a', '1', 'PX', 10);
    connection.ask('GET', 'a');
    events.runUntil(100);
    t.strictSame(heard, []);
    redis.expireSome(new SeededRandom(1), 1);
    t.strictSame(heard.splice(0), [{ kind: 'invalidate', keys: ['a'] }]);
    connection.ask('SET', 'b', '1');
    connection.ask('GET', 'b');
    redis.evict(0, 'b');
    t.strictSame(heard, [{ kind: 'invalidate', keys: ['b'] }]);
    t.equal(connection.ask('EXISTS', 'b'), 0);
  },
);

t.test('REDIRECT brings invalidations to another connection', async t => {
  const { redis, connection } = world();
  const other = redis.connect();
  const heard: Push[] = [];
  other.onPush = push => heard.push(push);
  connection.ask('CLIENT', 'TRACKING', 'ON', 'REDIRECT', other.id);
  connection.ask('GET', 'a');
  redis.connect().ask('SET', 'a', '1');
  t.strictSame(heard, [{ kind: 'invalidate', keys: ['a'] }]);
});

t.test('a closed connection is told nothing more', async t => {
  const { redis, connection } = world();
  connection.ask('SUBSCRIBE', 'channel');
  t.equal(redis.connect().ask('PUBLISH', 'channel', 'x'), 1);
  connection.close();
  t.equal(redis.connect().ask('PUBLISH', 'channel', 'x'), 0);
});

t.test(
  'a script may be given in place of a file, and a fault of the model is nobody else’s',
  async t => {
    const { connection } = world(new Map([['want', "return 'mine'"]]));
    t.equal(plain(connection.evalScript('want', [], [])), 'mine');
    t.match(plain(connection.evalScript('yield', ['lock', 'companion'], ['x'])), [
      'gone',
      'absent',
    ]);
    t.throws(() => connection.evalScript("return pcall(redis.call, 'XADD')", [], []), /XADD/);
    t.equal(plain(connection.evalScript('return 5', [], [])), 5, 'and the next script runs');
  },
);
