import t from 'tap';
import { acquire, extend, release } from '../simulation/lock-requests.js';
import { Scene } from '../simulation/scene.js';

t.test('a key becomes a lock key once a grant and its release by compare were seen', async t => {
  const scene = new Scene();
  t.equal(scene.manager.knows(0, 'lock'), false);
  t.strictSame(
    scene.cycle('lock', 'a'),
    [null, null],
    'both went to Redis as the client wrote them',
  );
  t.equal(scene.manager.knows(0, 'lock'), true);
  t.equal(scene.manager.knows(1, 'lock'), false, 'in this database only');

  scene.acquire('cache', 'filled');
  scene.settle();
  t.equal(scene.manager.knows(0, 'cache'), false, 'SET NX alone makes no lock');
  scene.ask(release('cache', 'another value'));
  scene.settle();
  t.equal(scene.manager.knows(0, 'cache'), false, 'nor does a release of what was not granted');
});

t.test('a lock key that is not delegated is taken by want, and released by compare', async t => {
  const scene = new Scene();
  scene.cycle('lock', 'a');
  const first = scene.acquire('lock', 'b');
  t.equal(first.verdict, null);
  t.strictSame(scene.world.onTheirWay, ['want']);
  scene.settle();
  t.equal(first.verdict, 'granted');
  t.equal(scene.inRedis('lock'), 'b');

  const second = scene.acquire('lock', 'c', 10_000, 2);
  scene.settle();
  t.equal(second.verdict, 'held');

  const wrong = scene.release('lock', 'c', 2);
  scene.settle();
  t.equal(wrong.verdict, 'not-owner');
  const right = scene.release('lock', 'b');
  t.strictSame(scene.world.onTheirWay, ['release']);
  scene.settle();
  t.equal(right.verdict, 'released');
  t.equal(scene.inRedis('lock'), null);
});

t.test('one client cannot take a lock twice by an equal value', async t => {
  const scene = new Scene();
  scene.delegate('lock');
  t.equal(scene.acquire('lock', 'same').verdict, 'granted');
  t.equal(scene.acquire('lock', 'same', 10_000, 2).verdict, 'held');
  scene.world.live(10);
  const third = scene.acquire('lock', 'same', 10_000, 3);
  scene.settle();
  t.equal(third.verdict, 'held', 'nor once it is in Redis');
});

t.test(
  'a delegated lock is granted and released from memory, with no command to Redis',
  async t => {
    const scene = new Scene();
    scene.delegate('lock');
    const before = scene.world.redis.scriptsRun;
    for (let cycle = 0; cycle < 20; cycle++) {
      t.equal(scene.acquire('lock', `v${cycle}`).verdict, 'granted');
      t.equal(scene.acquire('lock', `other${cycle}`, 10_000, 2).verdict, 'held');
      t.equal(scene.release('lock', `other${cycle}`, 2).verdict, 'not-owner');
      t.equal(scene.release('lock', `v${cycle}`).verdict, 'released');
      scene.world.pass(3);
    }
    t.equal(scene.world.redis.scriptsRun, before);
    t.strictSame(scene.world.onTheirWay, []);
    t.match(scene.inRedis('lock'), /^forelock:p1:e1:\d+$/, 'Redis has kept our token throughout');
  },
);

t.test(
  'every grant has a greater fence than the one before, in memory and through Redis',
  async t => {
    const scene = new Scene({ fenceBlockSize: 3 });
    scene.delegate('lock');
    let last = 0;
    for (let grant = 0; grant < 8; grant++) {
      scene.acquire('lock', 'v');
      scene.settle();
      const fence = scene.manager.find(0, 'lock')?.fence;
      if (typeof fence === 'number') {
        t.ok(fence > last, `${fence} after ${last}`);
        last = fence;
      }
      scene.release('lock', 'v');
      scene.settle();
      scene.world.pass(1);
    }
  },
);

t.test('what is not the plain form goes to Redis, after the key is settled', async t => {
  const forms = {
    'no TTL': acquire('lock', 'v', 0, false),
    'a TTL above the cover limit': acquire('lock', 'v', 60_001),
    'a value above 1 KB': acquire('lock', 'v'.repeat(1025)),
    'a value that looks like a token': acquire('lock', 'forelock:p1:e1:99'),
    'options that the arguments say are not plain': acquire('lock', 'v', 10_000, false),
  };
  for (const [name, intent] of Object.entries(forms)) {
    const scene = new Scene();
    scene.delegate('lock');
    const request = scene.ask(intent);
    t.equal(request.verdict, null, name);
    t.strictSame(scene.world.onTheirWay, ['yield'], 'the token is taken out of its way first');
    scene.world.answerAll();
    t.equal(request.verdict, 'pass');
    t.equal(scene.inRedis('lock'), null);
    scene.manager.reserve(0, 'lock', scene.world.nowMs + 1000);
    t.strictSame(scene.world.onTheirWay, [], 'nothing is reserved while it is on its way');
    t.strictSame(scene.answerPipe(), [true], 'Redis grants it');
  }
});

t.test('a request that only Redis may answer is passed on, after the key is settled', async t => {
  const scene = new Scene();
  scene.delegate('lock');
  scene.acquire('lock', 'a');
  const request = scene.ask(release('lock', 'a'), 1, asked => {
    asked.onlyRedis = true;
  });
  t.strictSame(scene.world.onTheirWay, ['materialize']);
  scene.world.answerAll();
  t.equal(request.verdict, 'pass');
  t.strictSame(scene.answerPipe(), [true]);
  t.equal(scene.inRedis('lock'), null);
});

t.test(
  'an extension moves the end of a local grant, in memory where the lease covers it',
  async t => {
    const scene = new Scene();
    scene.delegate('lock');
    scene.acquire('lock', 'a', 1000);
    scene.world.pass(2);
    t.equal(scene.extend('lock', 'b', 1000, 2).verdict, 'not-owner');
    t.equal(scene.extend('lock', 'a', 2000).verdict, 'extended');
    scene.world.live(1500);
    t.equal(scene.inRedis('lock'), 'a', 'it would be over without the extension');
    scene.world.live(600);
    t.equal(scene.inRedis('lock'), null);
  },
);

t.test('an extension beyond the lease is written to Redis with all of its TTL', async t => {
  const scene = new Scene();
  scene.delegate('lock');
  scene.acquire('lock', 'a');
  const extended = scene.extend('lock', 'a', 45_000);
  t.strictSame(scene.world.onTheirWay, ['materialize']);
  scene.settle();
  t.equal(extended.verdict, 'extended');
  t.equal(scene.world.redis.pttl(0, 'lock'), 45_000);
  const again = scene.extend('lock', 'a', 50_000);
  t.strictSame(scene.world.onTheirWay, ['extend']);
  scene.settle();
  t.equal(again.verdict, 'extended');
  t.equal(scene.world.redis.pttl(0, 'lock'), 50_000);
});

t.test('an extension that is not plain is left to Redis', async t => {
  const scene = new Scene();
  scene.delegate('lock');
  scene.acquire('lock', 'a');
  const request = scene.ask(extend('lock', 'a', 0, false));
  scene.world.answerAll();
  t.equal(request.verdict, 'pass');
  t.equal(scene.inRedis('lock'), 'a', 'the holder is in Redis before it is asked');
});

t.test('a holder that never releases loses the lock when its TTL is over', async t => {
  const scene = new Scene({ materializeAfterMs: 60_000 });
  scene.delegate('lock');
  t.equal(scene.acquire('lock', 'a', 300).verdict, 'granted');
  scene.world.live(299);
  t.equal(scene.acquire('lock', 'b', 300, 2).verdict, 'held');
  scene.world.live(1);
  t.equal(scene.acquire('lock', 'b', 300, 2).verdict, 'granted');
  const late = scene.release('lock', 'a');
  scene.settle();
  t.equal(late.verdict, 'not-owner');
});

t.test(
  'keys in our own name space, without companion or ruled out, are never lock keys',
  async t => {
    const scene = new Scene({ noDelegate: ['secret:*'], delegate: ['*'] });
    for (const key of ['forelock:x', 'a}b', 'a{}b', '', 'secret:1', 'k'.repeat(1025)]) {
      scene.cycle(key, 'v');
      t.equal(scene.manager.knows(0, key), false, key.slice(0, 20));
    }
    t.equal(scene.manager.knows(0, 'any'), true, '--delegate needs no proof');
  },
);

t.test('--delegate keys are known and delegated from the first request on', async t => {
  const scene = new Scene({ delegate: ['job:*'] });
  const request = scene.acquire('job:1', 'a');
  t.strictSame(scene.world.onTheirWay, ['want']);
  scene.settle();
  t.equal(request.verdict, 'granted');
  const released = scene.release('job:1', 'a');
  t.strictSame(scene.world.onTheirWay, ['retain']);
  scene.settle();
  t.equal(released.verdict, 'released');
  t.equal(scene.acquire('job:1', 'b').verdict, 'granted', 'from memory');
});

t.test('the forecast hears of requests, grants, refusals, releases and reservations', async t => {
  const scene = new Scene();
  scene.delegate('lock');
  scene.feedback.notes.length = 0;
  scene.acquire('lock', 'a');
  scene.acquire('lock', 'b');
  scene.release('lock', 'a');
  scene.world.live(1000);
  t.strictSame(scene.feedback.notes, [
    'requested lock',
    'reservation used lock',
    'granted lock from memory',
    'requested lock',
    'refused lock',
    'released lock',
    'reservation wasted lock',
  ]);
});
