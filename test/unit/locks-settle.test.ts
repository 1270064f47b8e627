import t from 'tap';
import { acquire, extend, release } from '../simulation/lock-requests.js';
import { Scene } from '../simulation/scene.js';

t.test('a lock held for longer than materializeAfterMs is written to Redis', async t => {
  const scene = new Scene();
  scene.delegate('lock');
  scene.acquire('lock', 'a', 1000);
  scene.world.pass(4);
  t.strictSame(scene.world.onTheirWay, []);
  scene.world.pass(1);
  t.strictSame(scene.world.onTheirWay, ['materialize']);
  scene.settle();
  t.equal(scene.inRedis('lock'), 'a');
  t.equal(scene.world.redis.pttl(0, 'lock'), 995, 'with what is left of its TTL');
  t.equal(scene.state('lock'), 'granted');
});

t.test('a lock released before and taken again is not written for its predecessor', async t => {
  const scene = new Scene();
  scene.delegate('lock');
  scene.acquire('lock', 'a');
  scene.world.pass(3);
  scene.release('lock', 'a');
  scene.acquire('lock', 'b');
  scene.world.pass(3);
  t.strictSame(scene.world.onTheirWay, [], "the first grant's time is over, the second's is not");
  scene.world.pass(2);
  t.strictSame(scene.world.onTheirWay, ['materialize']);
  scene.settle();
  t.equal(scene.inRedis('lock'), 'b');
});

t.test('nor for a predecessor of the delegation before', async t => {
  const scene = new Scene();
  scene.retainMs = 0;
  scene.delegate('lock');
  scene.acquire('lock', 'a');
  scene.world.pass(2);
  scene.release('lock', 'a');
  scene.settle();
  scene.manager.reserve(0, 'lock', scene.world.nowMs + 1000);
  scene.settle();
  scene.world.pass(2);
  scene.acquire('lock', 'b');
  scene.world.pass(4);
  t.strictSame(scene.world.onTheirWay, []);
  scene.world.pass(1);
  t.strictSame(scene.world.onTheirWay, ['materialize']);
});

t.test('nothing is decided in memory while a materialize is on its way', async t => {
  const scene = new Scene();
  scene.delegate('lock');
  scene.acquire('lock', 'a');
  scene.world.pass(5);
  const released = scene.release('lock', 'a');
  const next = scene.acquire('lock', 'b', 10_000, 2);
  t.strictSame([released.verdict, next.verdict], [null, null]);
  t.equal(scene.world.answerOne(), 'materialize');
  t.equal(released.verdict, null, 'the release of a materialized grant is for Redis to confirm');
  t.equal(scene.world.answerOne(), 'retain');
  t.equal(released.verdict, 'released');
  t.equal(next.verdict, 'granted', 'from memory again');
});

t.test(
  'the release of a materialized grant keeps the lock only where a request is forecast',
  async t => {
    for (const [retainMs, script] of [
      [1000, 'retain'],
      [0, 'release'],
    ] as const) {
      const scene = new Scene();
      scene.delegate('lock');
      scene.acquire('lock', 'a');
      scene.world.live(6);
      scene.retainMs = retainMs;
      scene.release('lock', 'a');
      t.strictSame(scene.world.onTheirWay, [script]);
    }
  },
);

t.test('a losing release, as Redlock clients send it, is answered by Redis', async t => {
  const scene = new Scene();
  scene.delegate('lock');
  scene.acquire('lock', 'a');
  scene.world.live(6);
  scene.world.changesAreHeard = false;
  const losing = scene.release('lock', 'loser', 2);
  t.strictSame(scene.world.onTheirWay, ['release'], 'and never by a retain');
  scene.settle();
  t.equal(losing.verdict, 'not-owner');
  t.equal(scene.inRedis('lock'), 'a');
});

t.test("the holder's release goes before what others have queued", async t => {
  const scene = new Scene();
  scene.delegate('lock');
  scene.acquire('lock', 'a');
  scene.world.changesAreHeard = false;
  scene.world.pass(6);
  t.strictSame(scene.world.onTheirWay, ['materialize']);
  const others = ['b', 'c'].map((value, at) => scene.release('lock', value, at + 2));
  const released = scene.release('lock', 'a');
  scene.world.answerOne();
  scene.world.answerOne();
  t.equal(released.verdict, 'released');
  t.strictSame(
    others.map(({ verdict }) => verdict),
    ['not-owner', 'not-owner'],
    'and they are answered by what is known then',
  );
});

t.test('requests that queue behind a script are decided in their order', async t => {
  const scene = new Scene();
  scene.prove('lock');
  const order: string[] = [];
  const note = (name: string, request: ReturnType<Scene['acquire']>): void => {
    request.onSettled = verdict => order.push(`${name} ${verdict}`);
  };
  note('a', scene.acquire('lock', 'a'));
  note('b', scene.acquire('lock', 'b', 10_000, 2));
  note('a released', scene.release('lock', 'a'));
  note('c', scene.acquire('lock', 'c', 10_000, 3));
  scene.settle();
  t.strictSame(order, ['a granted', 'b held', 'a released released', 'c granted']);
});

t.test('clients that poll a lock held elsewhere share the answer of one script', async t => {
  const scene = new Scene();
  scene.prove('lock');
  scene.world.redis.setNx(0, 'lock', 'a stranger', 10_000);
  const polls = [1, 2, 3, 4].map(client => scene.acquire('lock', `v${client}`, 10_000, client));
  t.equal(scene.world.answerOne(), 'want');
  t.strictSame(
    polls.map(poll => poll.verdict),
    ['held', null, null, null],
    'those came after the script was sent',
  );
  t.strictSame(scene.world.answerAll(), ['want'], 'one more for all of them');
  t.strictSame(
    polls.map(poll => poll.verdict),
    ['held', 'held', 'held', 'held'],
  );
  const first = scene.acquire('lock', 'v5', 10_000, 5);
  const released = scene.release('lock', 'a stranger', 6);
  const next = scene.acquire('lock', 'v7', 10_000, 7);
  scene.settle();
  t.strictSame(
    [first, released, next].map(({ verdict }) => verdict),
    ['held', 'released', 'granted'],
    'no answer is shared beyond a release',
  );
});

t.test(
  'who asks for a lock that a client of ours holds in Redis is refused from memory',
  async t => {
    const scene = new Scene();
    scene.prove('lock');
    scene.acquire('lock', 'a', 10_000);
    scene.settle();
    const refused = (value: string): boolean => {
      const request = scene.acquire('lock', value, 10_000, 2);
      const fromMemory = request.verdict === 'held';
      scene.settle();
      return fromMemory;
    };
    t.notOk(refused('b'), 'before Redis was asked to tell of its end');
    t.ok(refused('b2'));
    scene.world.live(9_890);
    t.ok(refused('c'));
    scene.world.live(20);
    t.notOk(refused('d'), 'not when its TTL is all but over');
    t.ok(refused('e'), 'Redis has just said for how long');

    const elsewhere = scene.extend('lock', 'a', 10_000);
    scene.settle();
    t.equal(elsewhere.verdict, 'extended');
    t.ok(refused('f'), 'an extension counts');
    scene.manager.changed(0, 'lock');
    t.notOk(refused('g'), 'not when the key may have changed');
    t.ok(refused('h'), 'Redis has said that it has not');
    scene.world.heardAtMs = scene.world.nowMs - 1001;
    t.notOk(refused('i'), 'not when Redis has said nothing for long');
    scene.world.heardAtMs = Infinity;
    t.ok(refused('j'));
    t.equal(scene.release('lock', 'j', 2).verdict, 'not-owner', 'a release in vain is so too');
    scene.world.changesAreHeard = false;
    const asked = scene.release('lock', 'j', 2);
    t.equal(asked.verdict, null);
    scene.settle();
    t.equal(asked.verdict, 'not-owner');
    t.notOk(refused('l'), 'not where nobody tells of changes by another hand');
    scene.world.changesAreHeard = true;
    scene.world.wallAheadMs += 9_950;
    t.notOk(refused('k'), 'not when the wall clock says that it is over');
  },
);

t.test('a client that asks again from within its verdict waits its turn', async t => {
  const scene = new Scene();
  scene.prove('lock');
  const first = scene.acquire('lock', 'a');
  const waiting = scene.acquire('lock', 'b', 10_000, 2);
  let again: ReturnType<Scene['acquire']> | null = null;
  first.onSettled = () => {
    again = scene.release('lock', 'a');
  };
  scene.settle();
  t.equal(waiting.verdict, 'held', 'it was first');
  t.match(again, { verdict: 'released' });
});

t.test('so it does where nobody else waits', async t => {
  const scene = new Scene();
  scene.prove('lock');
  const first = scene.acquire('lock', 'a');
  first.onSettled = () => {
    scene.release('lock', 'a');
    t.strictSame(scene.world.onTheirWay, [], 'not before its own grant is noted');
  };
  scene.world.answerOne();
  t.strictSame(scene.world.onTheirWay, ['retain'], 'known for the holder');
});

t.test('a grant that nobody heard of is undone', async t => {
  t.test('through Redis', async t => {
    const scene = new Scene();
    scene.prove('lock');
    const dead = scene.acquire('lock', 'a');
    dead.hears = false;
    const next = scene.acquire('lock', 'b', 10_000, 2);
    t.strictSame(scene.world.answerAll(), ['want', 'release', 'want']);
    t.equal(next.verdict, 'granted');
    t.equal(scene.manager.counters.grantsUndone, 1);
  });

  t.test('from memory', async t => {
    const scene = new Scene();
    scene.prove('lock');
    scene.manager.reserve(0, 'lock', scene.world.nowMs + 1000);
    const dead = scene.acquire('lock', 'a');
    dead.hears = false;
    const next = scene.acquire('lock', 'b', 10_000, 2);
    scene.settle();
    t.equal(next.verdict, 'granted');
    t.equal(scene.manager.counters.grantsUndone, 1);
  });
});

t.test('of a client that is gone, an attempt is dropped, a release is carried out', async t => {
  const scene = new Scene();
  scene.prove('lock');
  const before = scene.world.redis.scriptsRun;
  scene.acquire('lock', 'a');
  const attempt = scene.acquire('lock', 'b', 10_000, 2);
  const released = scene.release('lock', 'a');
  for (const request of [attempt, released]) {
    request.hears = false;
    scene.manager.abandoned(request);
  }
  scene.settle();
  t.equal(scene.world.redis.scriptsRun, before + 2, 'want and retain, nothing for the attempt');
  t.match(scene.inRedis('lock'), /^forelock:/);
});

for (const kind of ['release', 'extend', 'acquire'] as const) {
  t.test(`of a client that is gone, Redis alone may decide its ${kind}`, async t => {
    const scene = new Scene();
    scene.delegate('lock');
    scene.acquire('lock', 'a', 1000);
    const intents = {
      release: release('lock', 'a'),
      extend: extend('lock', 'a', 9000),
      acquire: acquire('lock', 'b'),
    };
    const request = scene.ask(intents[kind], 2, one => {
      one.onlyRedis = true;
    });
    scene.manager.abandoned(request);
    scene.settle();
    t.equal(request.verdict, kind === 'acquire' ? null : 'pass');
    t.equal(scene.inRedis('lock'), kind === 'release' ? null : 'a');
    if (kind === 'extend') t.equal(scene.world.redis.pttl(0, 'lock'), 9000);
    t.ok(scene.manager.find(0, 'lock'));
    scene.release('lock', 'a');
    scene.settle();
    scene.manager.reserve(0, 'lock', scene.world.nowMs + 1000);
    scene.settle();
    t.match(scene.inRedis('lock'), /^forelock:/, 'no pass of it is counted any more');
  });
}

t.test('a grant on its way to a client that is gone is undone', async t => {
  const scene = new Scene();
  scene.prove('lock');
  const attempt = scene.acquire('lock', 'a');
  scene.manager.abandoned(attempt);
  scene.settle();
  t.equal(attempt.verdict, null);
  t.equal(scene.inRedis('lock'), null);
});

t.test('a refusal of Redis is for the client to hear from Redis itself', async t => {
  const scene = new Scene();
  scene.prove('lock');
  const request = scene.acquire('lock', 'a');
  scene.world.answerWith({ kind: 'refused', error: "READONLY You can't write" });
  t.equal(request.verdict, 'pass');
});

t.test('a key of another type is for the client to hear of from Redis itself', async t => {
  const scene = new Scene();
  scene.delegate('lock');
  scene.world.redis.setList(0, 'lock');
  scene.acquire('lock', 'a');
  scene.world.live(5);
  t.equal(scene.state('lock'), 'idle', 'the delegation is over');
  const request = scene.acquire('lock', 'b', 10_000, 2);
  scene.world.answerAll();
  t.equal(request.verdict, 'pass');
});

t.test('out of memory, a holder can still give its lock up', async t => {
  const scene = new Scene();
  scene.delegate('lock');
  scene.acquire('lock', 'a');
  scene.world.pass(5);
  const oom = { kind: 'refused', error: 'OOM command not allowed' } as const;
  scene.world.answerWith(oom);
  const other = scene.acquire('lock', 'b', 10_000, 2);
  t.equal(other.verdict, 'held', 'the holder is known');
  const released = scene.release('lock', 'a');
  t.strictSame(scene.world.answerAll(), ['yield']);
  t.equal(released.verdict, 'released');
  t.equal(scene.inRedis('lock'), null);
});

t.test('a release that Redis refused is made good, should the value be there', async t => {
  const scene = new Scene();
  scene.delegate('lock');
  scene.acquire('lock', 'mine');
  scene.world.pass(5);
  scene.world.executeOne();
  scene.manager.upstreamLost();
  scene.world.answerWith({ kind: 'unknown' });
  scene.manager.upstreamBack();
  const refused = { kind: 'refused', error: 'OOM command not allowed' } as const;
  scene.world.answerWith(refused);
  const released = scene.release('lock', 'mine');
  scene.world.answerWith(refused);
  t.equal(released.verdict, 'released');
  t.equal(scene.inRedis('lock'), 'mine');
  scene.world.live(1000);
  t.equal(scene.inRedis('lock'), null);
  const next = scene.acquire('lock', 'next', 10_000, 2);
  scene.settle();
  t.equal(next.verdict, 'granted');
});

t.test('a settling that Redis refuses is tried again', async t => {
  const scene = new Scene({ settleRetryMs: 100 });
  scene.delegate('lock');
  scene.acquire('lock', 'a');
  scene.world.pass(5);
  scene.world.answerWith({ kind: 'refused', error: 'OOM command not allowed' });
  scene.world.pass(99);
  t.strictSame(scene.world.onTheirWay, []);
  scene.world.pass(1);
  t.strictSame(scene.world.answerAll(), ['materialize']);
  t.equal(scene.inRedis('lock'), 'a');
});

t.test('a broken assumption ends the delegation of that key, and goes no further', async t => {
  const scene = new Scene({}, inner => ({
    monotonicMs: () => inner.monotonicMs(),
    wallMs: () => inner.wallMs(),
    run: (call, answered) => inner.run(call, answered),
    setTimer: (atMs, due) => inner.setTimer(atMs, due),
    cancelTimer: handle => inner.cancelTimer(handle),
    lastHeardAtMs: () => {
      if (inner.heardAtMs !== -1) return inner.heardAtMs;
      inner.heardAtMs = Infinity;
      throw new Error('thrown in the middle of a decision');
    },
    hearsChanges: () => inner.hearsChanges(),
    oldestUnansweredAtMs: () => inner.oldestUnansweredAtMs(),
    delegationBar: () => inner.delegationBar(),
    doubt: (reason, database, key) => inner.doubt(reason, database, key),
  }));
  scene.delegate('lock');
  scene.world.heardAtMs = -1;
  const request = scene.acquire('lock', 'a');
  t.equal(scene.manager.counters.assertions, 1);
  scene.settle();
  t.equal(request.verdict, 'granted', 'through Redis');
  t.equal(scene.inRedis('lock'), 'a');
});
