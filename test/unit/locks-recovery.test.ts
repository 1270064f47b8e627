import t from 'tap';
import { Scene } from '../simulation/scene.js';

/** What a killed proxy had granted from memory, made true in Redis by its next start. */

/** Kills the proxy with what it has written down, and starts it again. */
function crash(scene: Scene, awayMs = 0): Promise<void> {
  scene.world.journal.flush();
  return crashUnflushed(scene, awayMs);
}

function crashUnflushed(scene: Scene, awayMs = 0): Promise<void> {
  scene.restart();
  scene.world.pass(awayMs);
  return scene.manager.recover(scene.world.journal.read());
}

t.test('a holder that only memory knew of keeps its lock', async t => {
  const scene = new Scene();
  scene.delegate('lock');
  t.equal(scene.acquire('lock', 'a', 10_000).verdict, 'granted');
  t.match(scene.inRedis('lock'), /^forelock:p1:e1:/);
  const recovered = crash(scene, 100);
  t.strictSame(scene.world.answerAll(), ['recover']);
  await recovered;
  t.equal(scene.inRedis('lock'), 'a');
  t.equal(scene.world.redis.pttl(0, 'lock'), 9900, 'for what is left of its TTL');
  t.equal(
    scene.acquire('lock', 'b').verdict ?? scene.answerPipe()[0],
    false,
    'nobody else gets it',
  );
  scene.release('lock', 'a');
  t.strictSame(scene.answerPipe(), [true], 'and can release it');
});

t.test('a reservation that nobody holds is free at once', async t => {
  const scene = new Scene();
  scene.delegate('lock');
  const recovered = crash(scene);
  scene.world.answerAll();
  await recovered;
  t.equal(scene.inRedis('lock'), null);
  t.strictSame(scene.world.redis.keys(), ['forelock:fence'], 'the companion goes with it');
  t.equal(scene.manager.counters.delegationsFreed, 1);
});

const ENDS: Record<string, (scene: Scene) => void> = {
  'released from memory': scene => scene.release('lock', 'a'),
  over: scene => scene.world.pass(1001),
};

for (const [how, end] of Object.entries(ENDS)) {
  t.test(`a grant that is ${how} holds nothing after a restart`, async t => {
    const scene = new Scene({ materializeAfterMs: 100_000 });
    scene.retainMs = 60_000;
    scene.delegate('lock');
    scene.acquire('lock', 'a', 1000);
    end(scene);
    const recovered = crash(scene);
    scene.world.answerAll();
    await recovered;
    t.equal(scene.inRedis('lock'), null);
  });
}

t.test('the newest holder is the one that counts, with the TTL of its extension', async t => {
  const scene = new Scene({ materializeAfterMs: 100_000 });
  scene.delegate('lock');
  scene.acquire('lock', 'a', 1000);
  scene.release('lock', 'a');
  scene.acquire('lock', 'b', 1000);
  scene.world.pass(500);
  t.equal(scene.extend('lock', 'b', 5000).verdict, 'extended');
  const recovered = crash(scene);
  scene.world.answerAll();
  await recovered;
  t.equal(scene.inRedis('lock'), 'b');
  t.equal(scene.world.redis.pttl(0, 'lock'), 5000);
});

t.test('what was settled before the crash is left alone', async t => {
  const scene = new Scene();
  scene.delegate('lock');
  scene.acquire('lock', 'a');
  scene.world.live(20);
  t.equal(scene.inRedis('lock'), 'a', 'it is in Redis already');
  const recovered = crash(scene);
  t.strictSame(scene.world.onTheirWay, [], 'nothing is left to do');
  await recovered;
});

t.test('a settling on its way at the crash and the recovery do not disturb each other', async t => {
  const scene = new Scene();
  scene.delegate('lock');
  scene.acquire('lock', 'a');
  scene.world.pass(6);
  t.strictSame(scene.world.onTheirWay, ['materialize']);
  scene.world.executeOne();
  const recovered = crash(scene);
  scene.world.answerAll();
  await recovered;
  t.equal(scene.inRedis('lock'), 'a');
  t.equal(scene.manager.counters.holdersRecovered, 0, 'the token was gone');
});

t.test("a key that somebody else has since is somebody else's", async t => {
  const scene = new Scene();
  scene.delegate('lock');
  scene.acquire('lock', 'a');
  scene.world.redis.set(0, 'lock', 'another', 5000);
  const recovered = crash(scene);
  scene.world.answerAll();
  await recovered;
  t.equal(scene.inRedis('lock'), 'another');
});

t.test('a reservation on its way at the crash is free at once, too', async t => {
  for (const carriedOut of [true, false]) {
    const scene = new Scene();
    scene.prove('lock');
    scene.manager.reserve(0, 'lock', scene.world.nowMs + 1000);
    if (carriedOut) scene.world.executeOne();
    t.equal(scene.inRedis('lock') !== null, carriedOut);
    const recovered = crash(scene);
    t.strictSame(scene.world.answerAll(), ['recover']);
    await recovered;
    t.equal(scene.inRedis('lock'), null);
  }
});

t.test('a release that keeps the lock ready, on its way at the crash, leaves it free', async t => {
  const scene = new Scene();
  scene.delegate('lock');
  scene.acquire('lock', 'a');
  scene.world.live(20);
  scene.release('lock', 'a');
  t.strictSame(scene.world.onTheirWay, ['retain']);
  scene.world.executeOne();
  const recovered = crash(scene);
  scene.world.answerAll();
  await recovered;
  t.equal(scene.inRedis('lock'), null);
});

t.test('what was answered before the crash leaves nothing of the question', async t => {
  const scene = new Scene();
  scene.prove('lock');
  scene.world.redis.set(0, 'lock', 'another', 5000);
  scene.manager.reserve(0, 'lock', scene.world.nowMs + 1000);
  scene.world.answerAll();
  const recovered = crash(scene);
  t.strictSame(scene.world.onTheirWay, []);
  await recovered;
});

t.test(
  'what was not written down before the crash is not proven, and waits for its lease',
  async t => {
    const scene = new Scene();
    scene.delegate('lock');
    const token = scene.inRedis('lock');
    await crashUnflushed(scene);
    t.strictSame(scene.world.onTheirWay, []);
    t.equal(scene.inRedis('lock'), token);
  },
);

t.test('it is asked again until Redis answers, and a second crash loses nothing', async t => {
  const scene = new Scene();
  scene.delegate('lock');
  scene.acquire('lock', 'a', 10_000);
  let recovered = crash(scene);
  scene.world.answerWith({ kind: 'refused', error: 'LOADING' });
  scene.world.pass(101);
  t.strictSame(scene.world.onTheirWay, ['recover']);
  scene.world.answerWith({ kind: 'unknown' });
  scene.world.pass(101);
  t.strictSame(scene.world.onTheirWay, ['recover']);
  scene.world.executeOne();
  recovered = crash(scene);
  t.strictSame(scene.world.answerAll(), ['recover'], 'not heard of: asked again');
  await recovered;
  t.equal(scene.inRedis('lock'), 'a');
  await crash(scene);
  t.strictSame(scene.world.onTheirWay, [], 'heard of: over');
});

t.test('a wall clock that was set does not free a lock that is held', async t => {
  for (const jumpMs of [-3_600_000, 3_600_000]) {
    const scene = new Scene();
    scene.delegate('lock');
    scene.acquire('lock', 'a', 10_000);
    scene.world.journal.flush();
    scene.restart();
    const leftMs = (ahead: number): number =>
      (scene.world.journal.read({
        monotonicMs: () => scene.world.nowMs,
        wallMs: () => scene.world.wallMs() + ahead,
      })[0]?.holder?.endsAtMs ?? 0) - scene.world.nowMs;
    t.equal(leftMs(jumpMs), 10_000);
  }
});
