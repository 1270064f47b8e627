import t from 'tap';
import { Scene } from '../simulation/scene.js';

/** Leases that count only once they would survive the loss of the master (`--confirm`). */

// Proof was given with a TTL of 10 s, so a lease is 20 s long.
const LEASE_MS = 20_000;

function confirmingScene(): Scene {
  const scene = new Scene({ delegate: ['lock'], confirm: {}, materializeAfterMs: 1000 });
  scene.world.confirming = [];
  return scene;
}

t.test('a reservation grants nothing from memory before it is confirmed', async t => {
  const scene = confirmingScene();
  scene.delegate('lock');
  t.match(scene.inRedis('lock'), /^forelock:/);
  const early = scene.acquire('lock', 'a');
  t.equal(early.verdict, null);
  t.strictSame(scene.world.onTheirWay, ['want'], 'Redis grants it, as without a reservation');
  scene.settle();
  t.equal(early.verdict, 'granted');
  scene.world.confirm();
  const late = scene.acquire('lock', 'b');
  scene.settle();
  t.equal(late.verdict, 'held');
});

t.test('once it is confirmed it does', async t => {
  const scene = confirmingScene();
  scene.delegate('lock');
  t.equal(scene.world.confirm(), 1, 'it was asked for once');
  t.equal(scene.acquire('lock', 'a').verdict, 'granted');
  t.strictSame(scene.world.onTheirWay, []);
});

t.test('one that is not confirmed in time is given back', async t => {
  const scene = confirmingScene();
  scene.delegate('lock');
  scene.world.confirm(false);
  scene.world.pass(1);
  t.strictSame(scene.world.answerAll(), ['yield']);
  t.equal(scene.inRedis('lock'), null);
  t.equal(scene.manager.counters.leasesUnconfirmed, 1);
});

t.test('a longer lease counts when it is confirmed; until then the one before does', async t => {
  const scene = confirmingScene();
  scene.retainMs = 60_000;
  scene.delegate('lock');
  scene.world.confirm();
  t.equal(scene.acquire('lock', 'a').verdict, 'granted');
  scene.release('lock', 'a');
  // Used, so it is renewed ahead of time.
  scene.world.pass(9400);
  t.strictSame(scene.world.answerAll(), ['renew']);
  t.equal(scene.manager.find(0, 'lock')?.leaseLeftMs, LEASE_MS - 100);
  t.equal(scene.acquire('lock', 'b', 10_100).verdict, 'granted', 'covered by the first one');
  scene.release('lock', 'b');
  scene.world.pass(401);
  t.equal(scene.acquire('lock', 'c').verdict, null, 'which is too short now');
  t.strictSame(scene.world.answerAll(), ['want']);

  const other = confirmingScene();
  other.retainMs = 60_000;
  other.delegate('lock');
  other.world.confirm();
  other.acquire('lock', 'a');
  other.release('lock', 'a');
  other.world.pass(9400);
  other.world.answerAll();
  other.world.confirm();
  other.world.pass(401);
  t.equal(other.acquire('lock', 'c').verdict, 'granted', 'confirmed, it counts');
});

t.test('a longer lease that is not confirmed takes nothing away from the one before', async t => {
  const scene = confirmingScene();
  scene.retainMs = 60_000;
  scene.delegate('lock');
  scene.world.confirm();
  scene.acquire('lock', 'a');
  scene.release('lock', 'a');
  scene.world.pass(9400);
  t.strictSame(scene.world.answerAll(), ['renew']);
  scene.world.confirm(false);
  scene.world.pass(1);
  t.strictSame(scene.world.onTheirWay, [], 'it is not given back');
  t.equal(scene.acquire('lock', 'b').verdict, 'granted');
});

t.test('where nothing is confirmed at present, nothing is reserved', async t => {
  const scene = confirmingScene();
  scene.prove('lock');
  scene.world.confirmationBar = 'leases are not confirmed: 0 of 1 replicas';
  t.equal(scene.manager.reserve(0, 'lock', scene.world.nowMs + 1000), false);
  t.equal(scene.why('lock'), 'leases are not confirmed: 0 of 1 replicas');
});

/** A failover to a replica that has the token, and nothing of what came after it. */
function failOver(scene: Scene, token: string | null): void {
  scene.manager.upstreamLost();
  scene.world.redis.flushAll();
  scene.world.redis.set(0, 'lock', String(token), LEASE_MS - 1000);
  scene.manager.upstreamBack();
}

t.test('a holder that memory alone knew of is written to the new master', async t => {
  const scene = confirmingScene();
  scene.delegate('lock');
  scene.world.confirm();
  const token = scene.inRedis('lock');
  t.equal(scene.acquire('lock', 'a').verdict, 'granted');
  failOver(scene, token);
  t.strictSame(scene.world.answerAll(), ['materialize']);
  t.equal(scene.inRedis('lock'), 'a');
});

t.test('a holder whose value was lost with the master is written once more', async t => {
  const scene = confirmingScene();
  scene.delegate('lock');
  scene.world.confirm();
  const token = scene.inRedis('lock');
  scene.acquire('lock', 'a');
  scene.world.pass(1001);
  t.strictSame(scene.world.answerAll(), ['materialize']);
  t.equal(scene.inRedis('lock'), 'a');
  failOver(scene, token);
  const next = scene.acquire('lock', 'b');
  t.strictSame(scene.world.answerAll().slice(0, 2), ['want', 'materialize']);
  t.equal(next.verdict, 'held');
  t.equal(scene.inRedis('lock'), 'a');
  t.equal(scene.world.redis.pttl(0, 'lock'), 9000, 'for what is left of its TTL');
});

const OVER: Record<string, (scene: Scene) => void> = {
  'was released': scene => {
    scene.retainMs = 0;
    scene.release('lock', 'a');
    scene.settle();
  },
  'is over': scene => scene.world.pass(10_000),
};

for (const [how, end] of Object.entries(OVER)) {
  t.test(`a token that comes back where the grant from it ${how} holds nothing`, async t => {
    const scene = confirmingScene();
    scene.delegate('lock');
    scene.world.confirm();
    const token = scene.inRedis('lock');
    scene.acquire('lock', 'a');
    scene.world.pass(1001);
    scene.world.answerAll();
    end(scene);
    failOver(scene, token);
    const next = scene.acquire('lock', 'b');
    scene.settle();
    t.equal(next.verdict, 'granted');
    t.equal(scene.inRedis('lock'), 'b');
  });
}
