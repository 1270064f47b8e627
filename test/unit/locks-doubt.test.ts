import t from 'tap';
import { Scene } from '../simulation/scene.js';

t.test('an upstream that was silent for a second grants nothing from memory', async t => {
  const scene = new Scene();
  scene.delegate('lock');
  scene.world.heardAtMs = scene.world.nowMs;
  scene.world.nowMs += 1000;
  t.equal(scene.acquire('lock', 'a').verdict, 'granted', 'heard a second ago');
  scene.release('lock', 'a');
  scene.world.nowMs += 1;
  const late = scene.acquire('lock', 'b');
  t.equal(late.verdict, null);
  scene.settle();
  t.equal(late.verdict, 'granted', 'through Redis');
  t.match(scene.world.doubts, ['lock: upstream has answered nothing lately']);
});

t.test('a lost upstream ends all delegations, and none is resumed', async t => {
  const scene = new Scene();
  scene.delegate('lock');
  const token = scene.inRedis('lock');
  scene.acquire('lock', 'a', 10_000);
  scene.manager.upstreamLost();
  t.equal(scene.acquire('lock', 'b', 10_000, 2).verdict, null);
  scene.manager.upstreamBack();
  t.equal(scene.world.answerOne(), 'materialize');
  t.equal(scene.inRedis('lock'), 'a', 'the holder keeps its lock');
  scene.settle();
  t.not(scene.inRedis('lock'), token);
});

t.test('with Redis away, a request waits a bounded time', async t => {
  const scene = new Scene({ reconnectWaitMs: 2000 });
  scene.delegate('lock');
  scene.manager.upstreamLost();
  const request = scene.acquire('lock', 'a');
  scene.world.pass(1999);
  t.equal(request.verdict, null);
  scene.world.pass(1);
  t.equal(request.verdict, 'lost');
});

t.test('with Redis away, a request for a key without token is passed on', async t => {
  const scene = new Scene();
  scene.prove('lock');
  scene.manager.upstreamLost();
  t.equal(scene.acquire('lock', 'a').verdict, 'pass');
});

t.test(
  'with Redis away, a touch waits until the key is settled or its lease has run out',
  async t => {
    const scene = new Scene({ reconnectWaitMs: 30_000 });
    scene.delegate('lock');
    scene.manager.upstreamLost();
    const touch = scene.touch(['lock']);
    scene.world.pass(20_000);
    t.equal(touch.readies, 0, 'the lease may not be over in Redis yet');
    scene.world.pass(200);
    t.equal(touch.readies, 1);
  },
);

t.test('with Redis away, a touch waits no longer than a request', async t => {
  const scene = new Scene({ reconnectWaitMs: 2000 });
  for (const key of ['lock', 'other']) scene.delegate(key);
  scene.manager.upstreamLost();
  const touches = [scene.touch(['lock', 'other']), scene.touch(null)];
  scene.world.pass(500);
  const late = scene.touch(['lock']);
  scene.world.pass(1499);
  t.strictSame(
    touches.map(({ refusals }) => refusals),
    [0, 0],
  );
  scene.world.pass(1);
  t.strictSame(
    touches.map(({ refusals }) => refusals),
    [1, 1],
    'told once each',
  );
  for (const touch of touches) scene.manager.touchEnded(touch);
  t.equal(late.refusals, 0);
  scene.manager.upstreamBack();
  scene.settle();
  t.equal(late.readies, 1, 'whose time was not over, goes');
  t.strictSame(
    touches.map(({ readies }) => readies),
    [0, 0],
  );
});

t.test('a script that may still come late is waited out from when it can come at last', async t => {
  const scene = new Scene({ reconnectWaitMs: 30_000 });
  scene.prove('lock');
  scene.manager.reserve(0, 'lock', scene.world.nowMs + 1000);
  scene.manager.upstreamLost();
  scene.world.answerWith({ kind: 'unknown' });
  const touch = scene.touch(['lock']);
  scene.world.pass(21_199);
  t.equal(touch.readies, 0, 'its lease of 20.2 s may have begun a second after the loss');
  scene.world.pass(1);
  t.equal(touch.readies, 1);
});

t.test('how late a script may come is set', async t => {
  const scene = new Scene({ reconnectWaitMs: 30_000, lateScriptMs: 5000 });
  scene.prove('lock');
  scene.manager.reserve(0, 'lock', scene.world.nowMs + 1000);
  scene.manager.upstreamLost();
  scene.world.answerWith({ kind: 'unknown' });
  const touch = scene.touch(['lock']);
  scene.world.pass(25_199);
  t.equal(touch.readies, 0);
  scene.world.pass(1);
  t.equal(touch.readies, 1);
});

t.test('Redis being away is no refusal of Redis, even before the loss is told', async t => {
  const scene = new Scene();
  scene.delegate('lock');
  scene.manager.doubtAll('role changed');
  scene.world.heardAtMs = -Infinity;
  const request = scene.acquire('lock', 'a');
  t.equal(request.verdict, null, 'not passed on while our token may be in its way');
  t.strictSame(scene.world.onTheirWay, [], 'and nothing sent that could be refused');
  scene.manager.upstreamLost();
  scene.world.heardAtMs = Infinity;
  scene.manager.upstreamBack();
  t.strictSame(scene.world.answerAll(), ['yield', 'want']);
  t.equal(request.verdict, 'granted');
});

t.test('what a lost connection refused to settle, the next one is asked at once', async t => {
  const scene = new Scene();
  scene.delegate('lock');
  scene.acquire('lock', 'a');
  scene.world.pass(5);
  scene.world.answerWith({ kind: 'refused', error: 'BUSY' });
  scene.manager.upstreamLost();
  scene.manager.upstreamBack();
  t.strictSame(scene.world.onTheirWay, ['materialize']);
});

t.test(
  'a release that Redis refuses to carry out is remembered, and carried out later',
  async t => {
    const scene = new Scene();
    scene.delegate('lock');
    scene.acquire('lock', 'a');
    scene.manager.doubtAll('role changed');
    scene.world.pass(0);
    scene.world.answerWith({ kind: 'refused', error: 'READONLY' });
    const released = scene.release('lock', 'a');
    t.strictSame(scene.world.onTheirWay, ['yield']);
    scene.world.answerWith({ kind: 'refused', error: 'READONLY' });
    t.equal(released.verdict, 'released');
    t.equal(scene.acquire('lock', 'b').verdict, 'pass', 'Redis says why nobody gets it');
    scene.pipe.length = 0;
    scene.world.pass(101);
    t.strictSame(scene.world.answerAll(), ['yield']);
    t.equal(scene.inRedis('lock'), null);
  },
);

t.test('of a script whose fate is unknown, the client is disconnected', async t => {
  const scene = new Scene();
  scene.prove('lock');
  const request = scene.acquire('lock', 'a');
  scene.world.answerWith({ kind: 'unknown' });
  t.equal(request.verdict, 'lost');
});

t.test('a reserve whose fate is unknown is settled by its exact token', async t => {
  for (const carriedOut of [true, false]) {
    const scene = new Scene();
    scene.prove('lock');
    scene.manager.reserve(0, 'lock', scene.world.nowMs + 1000);
    if (carriedOut) scene.world.executeOne();
    scene.manager.upstreamLost();
    scene.world.answerWith({ kind: 'unknown' });
    const touch = scene.touch(['lock']);
    t.equal(touch.readies, 0);
    scene.manager.upstreamBack();
    t.strictSame(scene.world.answerAll(), ['yield']);
    t.equal(touch.readies, 1);
    t.equal(scene.inRedis('lock'), null);
  }
});

t.test('a materialize whose fate is unknown leaves the lock with its holder', async t => {
  for (const carriedOut of [true, false]) {
    const scene = new Scene();
    scene.delegate('lock');
    scene.acquire('lock', 'a');
    scene.world.pass(5);
    if (carriedOut) scene.world.executeOne();
    scene.manager.upstreamLost();
    scene.world.answerWith({ kind: 'unknown' });
    const released = scene.release('lock', 'a');
    const other = scene.acquire('lock', 'b', 10_000, 2);
    t.strictSame([released.verdict, other.verdict], [null, null]);
    scene.manager.upstreamBack();
    scene.settle();
    t.strictSame([released.verdict, other.verdict], ['released', 'granted']);
    scene.world.live(5);
    t.equal(scene.inRedis('lock'), 'b');
  }
});

t.test('a retain whose fate is unknown grants nothing from its token', async t => {
  const scene = new Scene();
  scene.delegate('lock');
  scene.acquire('lock', 'a');
  scene.world.live(6);
  const released = scene.release('lock', 'a');
  scene.world.executeOne();
  scene.manager.upstreamLost();
  scene.world.answerWith({ kind: 'unknown' });
  t.equal(released.verdict, 'lost');
  t.equal(scene.acquire('lock', 'b').verdict, null);
  scene.manager.upstreamBack();
  t.strictSame(scene.world.answerAll(), ['yield', 'want']);
  t.equal(scene.inRedis('lock'), 'b');
});

t.test(
  'a script that comes late puts in a token that nobody knows: it is freed when met',
  async t => {
    const scene = new Scene();
    scene.prove('lock');
    scene.manager.reserve(0, 'lock', scene.world.nowMs + 1000);
    const late = scene.world.flights[0]?.call;
    scene.manager.upstreamLost();
    scene.world.answerWith({ kind: 'unknown' });
    scene.manager.upstreamBack();
    scene.settle();
    if (late !== undefined) scene.world.redis.run(late);
    const request = scene.acquire('lock', 'a');
    t.strictSame(scene.world.answerAll(), ['want', 'yield', 'want']);
    t.equal(request.verdict, 'granted');
  },
);

t.test('the token of an earlier life, or of another proxy, is waited out', async t => {
  const scene = new Scene();
  scene.prove('lock');
  scene.world.redis.set(0, 'lock', 'forelock:p1:e0:7', 500);
  const request = scene.acquire('lock', 'a');
  scene.settle();
  t.equal(request.verdict, 'held');
  scene.world.live(501);
  const next = scene.acquire('lock', 'a');
  scene.settle();
  t.equal(next.verdict, 'granted');
});

t.test("an answer that is none of the script's own is a doubt", async t => {
  const scene = new Scene();
  scene.prove('lock');
  scene.manager.reserve(0, 'lock', scene.world.nowMs + 1000);
  scene.world.answerWith({ kind: 'answer', values: ['OK'] });
  t.strictSame(scene.world.answerAll(), ['yield'], 'the token may be there');
  t.equal(scene.manager.counters.doubts > 0, true);
});

t.test('a token that is gone from the key is a doubt, and bars the template', async t => {
  t.test('deleted by somebody', async t => {
    const scene = new Scene();
    scene.delegate('lock');
    scene.acquire('lock', 'a');
    scene.world.redis.del(0, 'lock');
    scene.world.live(5);
    t.match(scene.world.doubts, ['lock: token gone from the key, found absent']);
    t.equal(scene.why('lock'), 'a touch bars its template');
    const released = scene.release('lock', 'a');
    scene.settle();
    t.equal(released.verdict, 'not-owner', 'as Redis says it of a lock that was deleted');
  });

  t.test('taken by somebody', async t => {
    const scene = new Scene({ delegate: ['lock'] });
    scene.delegate('lock');
    scene.world.redis.set(0, 'lock', 'theirs', 5000);
    scene.world.live(1000);
    t.equal(scene.why('lock'), 'a foreign holder bars its template', '--delegate or not');
    const request = scene.acquire('lock', 'a');
    scene.settle();
    t.equal(request.verdict, 'held');
  });
});

t.test('a changed role doubts what is delegated, and what is on its way to be', async t => {
  const scene = new Scene();
  for (const key of ['a', 'b']) scene.prove(key);
  scene.manager.reserve(0, 'a', scene.world.nowMs + 1000);
  scene.settle();
  scene.manager.reserve(0, 'b', scene.world.nowMs + 1000);
  scene.manager.doubtAll('role changed');
  scene.world.live(0);
  t.strictSame(scene.world.redis.keys(), ['forelock:fence']);
  t.equal(scene.acquire('b', 'x').verdict, null);
});

t.test(
  'a suspension that only the wall clock shows ends a delegation with its holder settled',
  async t => {
    const scene = new Scene();
    scene.delegate('lock');
    scene.acquire('lock', 'a');
    scene.world.wallAheadMs += 60_000;
    const released = scene.release('lock', 'a');
    scene.settle();
    t.equal(released.verdict, 'not-owner', 'its lease had run out in Redis');
  },
);

t.test('drain gives all delegations back, and makes no new ones', async t => {
  const scene = new Scene();
  for (const key of ['held', 'idle', 'new']) scene.prove(key);
  for (const key of ['held', 'idle']) scene.manager.reserve(0, key, scene.world.nowMs + 1000);
  scene.settle();
  scene.acquire('held', 'a');
  scene.manager.reserve(0, 'new', scene.world.nowMs + 1000);
  let drained = false;
  const done = scene.manager.drain().then(() => {
    drained = true;
  });
  await Promise.resolve();
  t.equal(drained, false);
  scene.settle();
  await done;
  t.equal(scene.inRedis('held'), 'a');
  t.strictSame(scene.world.redis.keys().sort(), ['forelock:fence', 'held']);
  t.strictSame(
    scene.cycle('idle', 'b'),
    ['granted', 'released'],
    'clients are served until the end',
  );
  t.equal(scene.manager.delegatedCount(), 0);
  scene.release('held', 'a');
  scene.settle();
  t.strictSame(scene.world.redis.keys(), ['forelock:fence']);
});

t.test('resume ends a pause', async t => {
  const scene = new Scene();
  scene.delegate('lock');
  scene.manager.pause();
  scene.settle();
  t.equal(scene.inRedis('lock'), null);
  t.equal(scene.why('lock'), 'paused');
  scene.manager.resume();
  t.equal(scene.why('lock'), null);
});
