import t from 'tap';
import { Scene } from '../simulation/scene.js';

/** Every grant has a number that grows with each grant of its key, whichever way it was made. */

/** What a holder is told; all that Redis has to say is said. */
async function fenceOf(scene: Scene, key: string, value: string): Promise<number | null> {
  const told = scene.manager.fence(0, key, value);
  scene.settle();
  return told;
}

t.test('a grant from memory is told its number at once, one of its block', async t => {
  const scene = new Scene();
  scene.delegate('lock');
  scene.acquire('lock', 'a');
  const first = await scene.manager.fence(0, 'lock', 'a');
  t.ok(Number(first) > 1e15, `${first} is from the server's microseconds`);
  t.strictSame(scene.world.onTheirWay, [], 'Redis was not asked');
  scene.release('lock', 'a');
  scene.acquire('lock', 'b');
  t.equal(await scene.manager.fence(0, 'lock', 'b'), Number(first) + 1);
});

t.test('a grant keeps its number when it is written to Redis', async t => {
  const scene = new Scene();
  scene.delegate('lock');
  scene.acquire('lock', 'a');
  const first = await scene.manager.fence(0, 'lock', 'a');
  scene.world.live(20);
  t.equal(scene.inRedis('lock'), 'a');
  t.equal(await fenceOf(scene, 'lock', 'a'), first);
  t.equal(scene.manager.find(0, 'lock')?.fence, first);
});

t.test('a grant through Redis has the number that it was given there', async t => {
  const scene = new Scene();
  scene.prove('lock');
  scene.acquire('lock', 'a');
  t.strictSame(scene.world.onTheirWay, ['want']);
  scene.settle();
  const given = scene.manager.find(0, 'lock')?.fence;
  t.ok(Number(given) > 1e15, 'known before anybody asks');
  const first = await fenceOf(scene, 'lock', 'a');
  t.equal(first, given);
  t.equal(await fenceOf(scene, 'lock', 'a'), first, 'asked twice');
});

t.test("a grant by the client's own command gets its number when it is asked for", async t => {
  const scene = new Scene();
  scene.acquire('lock', 'a');
  scene.settle();
  t.equal(scene.manager.knows(0, 'lock'), false, 'no lock key yet');
  const first = await fenceOf(scene, 'lock', 'a');
  t.ok(Number(first) > 1e15, String(first));

  scene.release('lock', 'a');
  scene.settle();
  const longer = scene.acquire('lock', 'b', 90_000);
  scene.settle();
  t.equal(longer.verdict, 'pass', 'a TTL that our scripts leave to Redis');
  const asked = [scene.manager.fence(0, 'lock', 'b'), scene.manager.fence(0, 'lock', 'b')];
  scene.settle();
  const [second, again] = await Promise.all(asked);
  t.ok(Number(second) > Number(first));
  t.equal(again, second, 'asked twice at once');
  t.equal(await fenceOf(scene, 'lock', 'b'), second);
});

t.test('nobody but the holder is told a number', async t => {
  const scene = new Scene();
  t.equal(await fenceOf(scene, 'lock', 'a'), null, 'a key that is absent');
  scene.delegate('lock');
  t.equal(await fenceOf(scene, 'lock', 'a'), null, 'a lock that is free');
  const token = scene.inRedis('lock') ?? '';
  t.equal(await fenceOf(scene, 'lock', token), null, 'who knows our token holds nothing');
  scene.acquire('lock', 'a', 1000);
  t.equal(await fenceOf(scene, 'lock', 'b'), null, 'another value');
  scene.release('lock', 'a');
  t.equal(await fenceOf(scene, 'lock', 'a'), null, 'a lock that was released');
  scene.acquire('lock', 'c', 1000);
  scene.world.live(1001);
  t.equal(await fenceOf(scene, 'lock', 'c'), null, 'a TTL that is over');
});

t.test('a grant that Redis has lost has no number any more', async t => {
  const scene = new Scene();
  scene.prove('lock');
  scene.acquire('lock', 'a');
  scene.settle();
  scene.world.redis.del(0, 'lock');
  t.equal(await fenceOf(scene, 'lock', 'a'), null);
});

t.test('where Redis says no, or nothing, that is said', async t => {
  const scene = new Scene();
  const refused = scene.manager.fence(0, 'lock', 'a');
  scene.world.answerWith({ kind: 'refused', error: 'LOADING Redis is loading' });
  await t.rejects(refused, { message: 'LOADING Redis is loading' });
  const lost = scene.manager.fence(0, 'lock', 'a');
  scene.world.answerWith({ kind: 'unknown' });
  await t.rejects(lost, { message: 'the connection to Redis was lost' });
});

t.test('numbers grow through every way by which a lock is granted', async t => {
  const scene = new Scene({ fenceBlockSize: 3 });
  let last = 0;
  let grants = 0;
  const grant = async (how: string, ttlMs = 10_000): Promise<void> => {
    const value = `holder ${++grants}`;
    scene.acquire('lock', value, ttlMs);
    scene.settle();
    const fence = Number(await fenceOf(scene, 'lock', value));
    t.ok(fence > last, `${how}: ${fence} after ${last}`);
    last = fence;
    scene.release('lock', value);
    scene.settle();
    scene.world.pass(1);
  };
  await grant('before it is a lock key');
  scene.prove('lock');
  await grant('through Redis, or retained');
  for (let block = 0; block < 3; block++) {
    scene.manager.reserve(0, 'lock', scene.world.nowMs + 1000);
    scene.settle();
    for (let use = 0; use < 5; use++) await grant('from memory');
    await grant('in place of our token', 50_000);
    await grant("by the client's own command", 70_000);
    scene.world.live(600);
  }
  t.ok(scene.manager.counters.grantsFromMemory > 5);
  t.ok(scene.manager.counters.scripts.want > 2);
});
