import t from 'tap';
import { Scene } from '../simulation/scene.js';

// Proof was given with a TTL of 10 s, so a lease is 20 s long and its margin 1 % of it.
const LEASE_MS = 20_000;
const MARGIN_MS = 200;

t.test(
  'a grant is made from memory only while the lease covers its TTL and the margin',
  async t => {
    const scene = new Scene({ delegate: ['lock'] });
    scene.delegate('lock');
    scene.retainMs = 60_000;
    // Idle until just before the lease is too short; nothing has used it, so nothing renewed it.
    scene.manager.reserve(0, 'lock', scene.world.nowMs + 60_000);
    t.equal(scene.acquire('lock', 'a').verdict, 'granted');
    scene.release('lock', 'a');
    const coveredMs = LEASE_MS - 10_000 - MARGIN_MS;
    scene.world.nowMs += coveredMs;
    t.equal(scene.acquire('lock', 'b').verdict, 'granted', 'just covered');
    scene.release('lock', 'b');
    scene.world.nowMs += 1;
    const late = scene.acquire('lock', 'c');
    t.equal(late.verdict, null, 'not covered by a millisecond');
    t.strictSame(scene.world.onTheirWay, ['want']);
    scene.settle();
    t.equal(late.verdict, 'granted');
    t.equal(scene.inRedis('lock'), 'c', 'want has put the value in place of our own token');
    t.equal(scene.world.redis.pttl(0, 'lock'), 10_000);
  },
);

t.test('a lease runs from before its script was sent', async t => {
  const scene = new Scene({ delegate: ['lock'] });
  scene.prove('lock');
  scene.manager.reserve(0, 'lock', scene.world.nowMs + 60_000);
  const sentAtMs = scene.world.nowMs;
  scene.world.pass(3000);
  scene.settle();
  t.equal(scene.manager.find(0, 'lock')?.leaseLeftMs, sentAtMs + LEASE_MS - scene.world.nowMs);
});

t.test('a lease is over when either clock says so', async t => {
  for (const clock of ['monotonic', 'wall']) {
    const scene = new Scene({ delegate: ['lock'] });
    scene.delegate('lock');
    const jumpMs = LEASE_MS - 10_000 - MARGIN_MS + 1;
    if (clock === 'monotonic') {
      scene.world.nowMs += jumpMs;
      scene.world.wallAheadMs -= jumpMs;
    } else {
      scene.world.wallAheadMs += jumpMs;
    }
    t.equal(scene.acquire('lock', 'a').verdict, null, `${clock} clock`);
  }
});

t.test('a wall clock set back makes no lease longer', async t => {
  const scene = new Scene({ delegate: ['lock'] });
  scene.delegate('lock');
  scene.world.wallAheadMs -= 3_600_000;
  scene.world.nowMs += LEASE_MS - 10_000 - MARGIN_MS + 1;
  t.equal(scene.acquire('lock', 'a').verdict, null);
});

t.test('a lease that is in use is renewed before it is too short', async t => {
  const scene = new Scene({ delegate: ['lock'] });
  scene.delegate('lock');
  for (let cycle = 0; cycle < 900; cycle++) {
    if (!t.strictSame(scene.acquire('lock', 'a').verdict, 'granted')) return;
    scene.world.live(1);
    if (!t.strictSame(scene.release('lock', 'a').verdict, 'released')) return;
    scene.world.live(39);
  }
  t.ok(scene.manager.counters.renewals >= 3 && scene.manager.counters.renewals <= 5);
});

t.test('a renewed lease runs from before its script was sent, too', async t => {
  const scene = new Scene({ delegate: ['lock'] });
  scene.delegate('lock');
  scene.retainMs = 60_000;
  scene.acquire('lock', 'a');
  scene.release('lock', 'a');
  while (scene.world.flights.length === 0) scene.world.pass(10);
  t.strictSame(scene.world.onTheirWay, ['renew']);
  scene.world.pass(300);
  scene.settle();
  t.ok((scene.manager.find(0, 'lock')?.leaseLeftMs ?? Infinity) <= LEASE_MS - 300);
});

t.test('a lease that nobody uses is given back at the moment the allocator set', async t => {
  const scene = new Scene();
  scene.prove('lock');
  scene.manager.reserve(0, 'lock', scene.world.nowMs + 700);
  scene.settle();
  scene.world.live(699);
  t.equal(scene.state('lock'), 'reserved');
  scene.world.live(1);
  t.equal(scene.state('lock'), 'idle');
  scene.world.live(510);
  const left = scene.world.redis.keys();
  t.strictSame(
    left,
    ['forelock:fence'],
    'and leaves nothing but the fence counter, after a breath',
  );
  t.equal(scene.manager.counters.reservationsWasted, 1);
});

t.test(
  'a lock that is not forecast to be asked for again goes back to Redis at its release',
  async t => {
    const scene = new Scene();
    scene.delegate('lock');
    scene.retainMs = 0;
    t.equal(scene.acquire('lock', 'a').verdict, 'granted');
    t.equal(scene.release('lock', 'a').verdict, 'released');
    t.strictSame(scene.world.onTheirWay, ['yield']);
    const next = scene.acquire('lock', 'b', 10_000, 2);
    t.equal(next.verdict, null, 'nothing is decided in memory meanwhile');
    scene.settle();
    t.equal(next.verdict, 'granted');
    t.equal(scene.inRedis('lock'), 'b');
  },
);

t.test(
  'after so many grants a delegation has no fences left, and the next goes through Redis',
  async t => {
    const scene = new Scene({ fenceBlockSize: 2 });
    scene.delegate('lock');
    t.strictSame(scene.cycle('lock', 'a'), ['granted', 'released']);
    t.equal(scene.acquire('lock', 'b').verdict, 'granted');
    scene.release('lock', 'b');
    t.strictSame(scene.world.onTheirWay, ['yield'], 'it is of no more use');
  },
);

t.test('a TTL that is never granted from memory makes no lease longer', async t => {
  const scene = new Scene();
  scene.prove('lock');
  scene.acquire('lock', 'a', 86_400_000);
  scene.settle();
  scene.release('lock', 'a');
  scene.settle();
  scene.manager.reserve(0, 'lock', scene.world.nowMs + 1000);
  scene.settle();
  t.ok(scene.world.redis.pttl(0, 'lock') <= LEASE_MS, 'a crash would block the key for so long');
});

t.test('an idle delegation is given back before its lease is over, in no doubt', async t => {
  const scene = new Scene({ delegate: ['lock'] });
  scene.prove('lock');
  scene.manager.reserve(0, 'lock', scene.world.nowMs + 3_600_000);
  scene.settle();
  scene.world.live(LEASE_MS - MARGIN_MS);
  t.equal(scene.state('lock'), 'idle');
  t.strictSame(scene.world.doubts, []);
});
