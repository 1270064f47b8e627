import t from 'tap';
import { acquire, release, TestRequest } from '../simulation/lock-requests.js';
import { Scene } from '../simulation/scene.js';

// The rules for mixed fleets: proof, bars, tenure and breath.

t.test('a key is delegated once three of its grants were released by compare', async t => {
  const scene = new Scene();
  const seen: (string | null)[] = [];
  for (let grant = 0; grant < 4; grant++) {
    scene.cycle('lock', `v${grant}`);
    seen.push(scene.inRedis('lock') === null ? 'left to Redis' : 'kept');
  }
  t.strictSame(seen, ['left to Redis', 'left to Redis', 'left to Redis', 'kept']);
});

t.test('a key is delegated at once where twenty others of its template were proven', async t => {
  const scene = new Scene();
  for (let order = 0; order < 20; order++) scene.cycle(`order:${order}`, 'v');
  t.equal(scene.inRedis('order:19'), null, 'the twentieth has but nineteen others');
  const grantsFromMemory = scene.manager.counters.grantsFromMemory;
  scene.cycle('order:20', 'v');
  t.equal(scene.manager.counters.grantsFromMemory, grantsFromMemory, 'its first grant is Redis’s');
  t.match(scene.inRedis('order:20'), /^forelock:/, 'its first release makes it a lock key');
  t.equal(scene.acquire('order:20', 'w').verdict, 'granted');
  scene.cycle('invoice:1', 'v');
  scene.cycle('invoice:1', 'v');
  t.equal(scene.inRedis('invoice:1'), null);
});

t.test('no key is reserved at its first release while an attempt on it is on its way', async t => {
  const scene = new Scene();
  for (let order = 0; order < 20; order++) scene.cycle(`order:${order}`, 'v');
  scene.acquire('order:20', 'first');
  scene.settle();
  // On another connection, and slower than the release.
  const second = new TestRequest(acquire('order:20', 'second'), 2, scene.world.nowMs);
  scene.manager.passing(second);
  scene.release('order:20', 'first');
  scene.settle();
  t.equal(scene.inRedis('order:20'), null);
  t.equal(scene.why('order:20'), 'a lock command on the key is on its way');
  scene.manager.passed(second, 'no');
  t.equal(scene.why('order:20'), null);
});

t.test('a key that becomes a lock key costs the same, however many others do', async t => {
  let looks = 0;
  const looked = (): number => {
    looks++;
    return 0;
  };
  const scene = new Scene();
  const keys = Array.from({ length: 1000 }, (_, index) => `key${index}x`);
  for (const key of keys) scene.acquire(key, 'v');
  scene.answerPipe();
  const releases = keys.map(key => {
    const request = new TestRequest(release(key, 'v'), 1, scene.world.nowMs);
    return Object.defineProperty(request, 'database', { get: looked });
  });
  for (const request of releases) scene.manager.passing(request);
  looks = 0;
  for (const request of releases) scene.manager.passed(request, 'yes');
  t.equal(scene.manager.count(), keys.length);
  t.ok(looks <= keys.length * 10, `${looks} looks`);
});

t.test('a release that is heard of after the next grant does not forget its holder', async t => {
  const scene = new Scene();
  scene.prove('lock');
  const first = new TestRequest(acquire('lock', 'a'), 1, scene.world.nowMs);
  scene.manager.passing(first);
  scene.manager.passed(first, 'yes');
  const released = new TestRequest(release('lock', 'a'), 1, scene.world.nowMs);
  const second = new TestRequest(acquire('lock', 'b'), 2, scene.world.nowMs);
  scene.manager.passing(released);
  scene.manager.passing(second);
  scene.world.redis.setNx(0, 'lock', 'b', 10_000);
  scene.manager.passed(second, 'yes');
  scene.manager.passed(released, 'yes');
  scene.acquire('lock', 'c');
  scene.settle();
  t.equal(scene.manager.counters.foreignHolders, 0);
});

t.test('a foreign holder bars the template, and is refused nothing', async t => {
  const scene = new Scene();
  scene.prove('order:1');
  scene.prove('order:2');
  scene.world.redis.set(0, 'order:1', 'foreign', 5000);
  const request = scene.acquire('order:1', 'a');
  scene.settle();
  t.equal(request.verdict, 'held');
  t.equal(scene.why('order:2'), 'a foreign holder bars its template');
  t.equal(scene.manager.counters.foreignHolders, 1);
});

t.test('a holder of our own is never taken for a foreign one', async t => {
  t.test('granted through Redis', async t => {
    const scene = new Scene();
    scene.prove('lock');
    scene.acquire('lock', 'a');
    scene.settle();
    scene.acquire('lock', 'b', 10_000, 2);
    scene.settle();
    t.equal(scene.manager.counters.foreignHolders, 0);
  });

  t.test('granted by a command of its own that overtook the script', async t => {
    const scene = new Scene();
    scene.prove('lock');
    const passed = scene.acquire('lock', 'long', 120_000);
    t.equal(passed.verdict, 'pass');
    scene.acquire('lock', 'b', 10_000, 2);
    scene.world.redis.setNx(0, 'lock', 'long', 120_000);
    scene.world.answerAll();
    scene.pipe.length = 0;
    scene.manager.passed(passed, 'yes');
    t.equal(scene.manager.counters.foreignHolders, 0);
  });

  t.test('whose answer got lost', async t => {
    const scene = new Scene();
    scene.prove('lock');
    const passed = scene.acquire('lock', 'long', 120_000);
    scene.world.redis.setNx(0, 'lock', 'long', 120_000);
    scene.pipe.length = 0;
    scene.manager.passed(passed, 'lost');
    scene.acquire('lock', 'b', 10_000, 2);
    scene.settle();
    t.equal(scene.manager.counters.foreignHolders, 0);
  });

  t.test('written by a touch', async t => {
    const scene = new Scene();
    scene.prove('lock');
    const touch = scene.touch(['lock'], false);
    scene.world.redis.set(0, 'lock', 'by EVAL', 5000);
    scene.manager.touchEnded(touch);
    scene.acquire('lock', 'b', 10_000, 2);
    scene.settle();
    t.equal(scene.manager.counters.foreignHolders, 0);
  });

  t.test('materialized, and found by a reserve', async t => {
    const scene = new Scene();
    scene.delegate('lock');
    scene.acquire('lock', 'a', 10_000);
    scene.world.live(10);
    t.equal(scene.manager.reserve(0, 'lock', scene.world.nowMs + 1000), false, 'it is held');
    t.equal(scene.manager.counters.foreignHolders, 0);
  });
});

/** One client that takes the lock over and over: 1 ms held, 20 ms not. */
function work(scene: Scene, ms: number): { fromRedis: number; grants: number } {
  const before = scene.manager.counters.grantsThroughRedis;
  let grants = 0;
  for (const endMs = scene.world.nowMs + ms; scene.world.nowMs < endMs; grants++) {
    scene.acquire('lock', `v${grants}`);
    scene.settle();
    scene.world.live(1);
    scene.release('lock', `v${grants}`);
    scene.settle();
    scene.world.live(20);
  }
  return { fromRedis: scene.manager.counters.grantsThroughRedis - before, grants };
}

function workUntilBreath(scene: Scene): void {
  const endMs = scene.world.nowMs + 10_000;
  while (scene.manager.counters.breaths === 0 && scene.world.nowMs < endMs) work(scene, 21);
}

t.test('after its tenure a key is left to Redis for a breath, and the tenure doubles', async t => {
  const scene = new Scene();
  scene.delegate('lock');
  const breaths: number[] = [];
  const startMs = scene.world.nowMs;
  let count = scene.manager.counters.breaths;
  while (scene.world.nowMs < startMs + 40_000) {
    work(scene, 21);
    if (scene.manager.counters.breaths > count) {
      count = scene.manager.counters.breaths;
      breaths.push(Math.round((scene.world.nowMs - startMs) / 100) / 10);
    }
  }
  t.strictSame(breaths, [2, 6.5, 15, 31.5], 'after 2, 4, 8 and 16 s, each 0.5 s long');
});

t.test('in a breath every grant goes through Redis, where others can be first', async t => {
  const scene = new Scene();
  scene.delegate('lock');
  workUntilBreath(scene);
  t.equal(scene.inRedis('lock'), null);
  t.equal(scene.why('lock'), 'left to Redis for a breath');
  const { fromRedis, grants } = work(scene, 480);
  t.equal(fromRedis, grants);
  work(scene, 42);
  t.equal(work(scene, 210).fromRedis, 0, 'then it is ours again');
});

t.test('a breath lasts until somebody had the lock', async t => {
  const scene = new Scene();
  scene.delegate('lock');
  workUntilBreath(scene);
  scene.world.live(5000);
  t.equal(scene.why('lock'), 'left to Redis for a breath', 'nobody asked');
  scene.cycle('lock', 'a');
  t.match(scene.inRedis('lock'), /^forelock:/, 'retained at its release');
});

t.test('a foreign holder in the breath ends the matter', async t => {
  const scene = new Scene();
  scene.delegate('lock');
  workUntilBreath(scene);
  scene.world.redis.setNx(0, 'lock', 'foreign', 100);
  scene.acquire('lock', 'a');
  scene.settle();
  t.equal(scene.why('lock'), 'a foreign holder bars its template');
  t.equal(scene.manager.explain(0, 'lock').tenureLimitMs, 2000);
});

t.test('a holder is written to Redis at the end of the tenure, and not retained', async t => {
  const scene = new Scene({ materializeAfterMs: 60_000 });
  scene.delegate('lock');
  scene.world.live(500);
  scene.acquire('lock', 'a');
  scene.world.live(1500);
  t.equal(scene.inRedis('lock'), 'a');
  scene.release('lock', 'a');
  t.strictSame(scene.world.onTheirWay, ['release']);
});

t.test('a key that was free for as long as a breath begins its tenure anew', async t => {
  const scene = new Scene();
  scene.prove('lock');
  for (let visit = 0; visit < 10; visit++) {
    t.equal(scene.manager.reserve(0, 'lock', scene.world.nowMs + 900), true, `visit ${visit}`);
    scene.world.live(900);
    t.equal(scene.inRedis('lock'), null);
    scene.world.live(510);
  }
  t.equal(scene.manager.counters.breaths, 0);
});

t.test('a client that comes back after as long begins it anew, by its own request', async t => {
  const scene = new Scene();
  scene.delegate('lock');
  for (let visit = 0; visit < 10; visit++) {
    work(scene, 900);
    // Nothing is forecast any more: the key is given back, and free until the client comes again.
    scene.world.live(3000);
    t.equal(scene.inRedis('lock'), null, `visit ${visit}`);
  }
  t.equal(scene.manager.counters.breaths, 0);
});

t.test('a key that was free for less goes on with its tenure', async t => {
  const scene = new Scene();
  scene.prove('lock');
  let visits = 0;
  while (visits < 10 && scene.manager.reserve(0, 'lock', scene.world.nowMs + 900)) {
    visits++;
    scene.world.live(1000);
  }
  t.equal(visits, 2, '2 s of tenure');
});

t.test('--delegate keys have no tenure, and no bars but foreign holders', async t => {
  const scene = new Scene({ delegate: ['lock'] });
  scene.delegate('lock');
  scene.manager.touchEnded(scene.touch(['lock']));
  t.equal(scene.why('lock'), null);
  scene.world.bar = 'notify-keyspace-events is set';
  t.equal(scene.why('lock'), null);
  work(scene, 10_000);
  t.equal(scene.manager.counters.breaths, 0);
});

t.test('nothing is delegated while the world has something against it', async t => {
  const scene = new Scene();
  scene.prove('lock');
  scene.world.bar = 'maxmemory-policy is allkeys-lru';
  t.equal(scene.why('lock'), 'maxmemory-policy is allkeys-lru');
  t.equal(scene.manager.reserve(0, 'lock', scene.world.nowMs + 1000), false);
});

t.test('observe mode decides nothing and learns', async t => {
  const scene = new Scene({ mode: 'observe' });
  for (let grant = 0; grant < 5; grant++) scene.cycle('lock', 'v');
  t.equal(scene.manager.knows(0, 'lock'), false);
  t.equal(scene.manager.tracks(0), false);
  t.equal(scene.manager.count(), 1);
  t.equal(scene.world.redis.scriptsRun, 0);
  t.ok(scene.feedback.notes.includes('requested lock'));
});

t.test('shadow mode counts what would have been granted from memory', async t => {
  const scene = new Scene({ mode: 'shadow' });
  for (let grant = 0; grant < 10; grant++) {
    scene.cycle('lock', 'v');
    scene.world.live(100);
  }
  t.equal(scene.manager.counters.grantsShadow, 7, 'all but those that were the proof');
  scene.world.live(5000);
  scene.cycle('lock', 'v');
  t.equal(scene.manager.counters.grantsShadow, 7, 'the lock would not have been kept for so long');
  t.equal(scene.manager.counters.reservationsWasted, 1);
  t.equal(scene.world.redis.scriptsRun, 0);
});

t.test('the lock table is bounded: the longest idle make room, those at work stay', async t => {
  const scene = new Scene({ lockKeysMax: 10, delegate: ['busy'] });
  scene.delegate('busy');
  scene.manager.reserve(0, 'busy', scene.world.nowMs + 1e9);
  // Each is a template of its own, so that none is delegated.
  const keyOf = (index: number): string => 'k'.repeat(index + 1);
  for (let index = 0; index < 100; index++) scene.cycle(keyOf(index), 'v');
  t.ok(scene.manager.count() <= 10);
  t.equal(scene.manager.knows(0, 'busy'), true);
  t.equal(scene.manager.find(0, 'busy')?.state, 'reserved');
  t.equal(scene.manager.knows(0, keyOf(99)), true);
});

t.test('a request passed on for want of room counts as on its way once there is room', async t => {
  const scene = new Scene({ lockKeysMax: 1, delegate: ['*'] });
  scene.acquire('first', 'a');
  const passed = scene.acquire('second', 'b');
  t.equal(passed.verdict, 'pass', 'the only place is at work');
  scene.world.answerAll();
  scene.acquire('second', 'c', 10_000, 2);
  scene.world.answerAll();
  t.equal(scene.manager.knows(0, 'second') && scene.manager.find(0, 'second') !== null, true);
  t.equal(scene.why('second'), 'a lock command on the key is on its way');
  scene.answerPipe();
  t.equal(scene.why('second'), null);
});
