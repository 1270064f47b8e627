import t from 'tap';
import { LockCore } from '../../src/locks/core.js';
import { lockDefaults } from '../../src/locks/options.js';
import { touch, touchEnded } from '../../src/locks/touch.js';
import { TestTouch } from '../simulation/lock-requests.js';
import { Scene } from '../simulation/scene.js';

t.test(
  'a touch of a delegated key waits until the key is settled, and that is confirmed',
  async t => {
    t.test('idle: the token is taken away', async t => {
      const scene = new Scene();
      scene.delegate('lock');
      const touch = scene.touch(['lock']);
      t.equal(touch.readies, 0);
      scene.world.executeOne();
      t.equal(touch.readies, 0, 'carried out, but not confirmed');
      scene.settle();
      t.equal(touch.readies, 1);
      t.equal(scene.inRedis('lock'), null);
    });

    t.test("held: the holder's value is written", async t => {
      const scene = new Scene();
      scene.delegate('lock');
      scene.acquire('lock', 'a', 1000);
      const touch = scene.touch(['lock']);
      scene.settle();
      t.equal(touch.readies, 1);
      t.equal(scene.inRedis('lock'), 'a');
      t.equal(scene.world.redis.pttl(0, 'lock'), 1000);
    });

    t.test('a reservation on its way is settled too', async t => {
      const scene = new Scene();
      scene.prove('lock');
      scene.manager.reserve(0, 'lock', scene.world.nowMs + 1000);
      const touch = scene.touch(['lock']);
      t.equal(touch.readies, 0);
      t.strictSame(scene.world.answerAll(), ['reserve', 'yield']);
      t.equal(touch.readies, 1);
    });
  },
);

t.test('a touch that meets no token goes at once', async t => {
  const scene = new Scene();
  scene.prove('lock');
  t.equal(scene.touch(['lock', 'other']).readies, 1);
  t.equal(scene.touch(null).readies, 1);
  scene.acquire('lock', 'a');
  t.equal(scene.touch(['lock']).readies, 1, 'a want on its way leaves no token');
});

t.test('while a touch is on its way, no token is written into the key', async t => {
  const scene = new Scene({ delegate: ['lock'] });
  scene.delegate('lock');
  const touch = scene.touch(['lock']);
  scene.settle();
  t.equal(scene.manager.reserve(0, 'lock', scene.world.nowMs + 1000), false);
  scene.acquire('lock', 'a');
  scene.settle();
  scene.release('lock', 'a');
  t.strictSame(scene.world.onTheirWay, ['release'], 'not retained');
  scene.settle();
  scene.manager.touchEnded(touch);
  t.equal(scene.manager.reserve(0, 'lock', scene.world.nowMs + 1000), true);
});

t.test('two touches at once: both have to end', async t => {
  const scene = new Scene({ delegate: ['lock'] });
  scene.delegate('lock');
  const first = scene.touch(['lock']);
  const second = scene.touch(['lock', 'lock']);
  scene.settle();
  t.strictSame([first.readies, second.readies], [1, 1]);
  scene.manager.touchEnded(first);
  t.equal(scene.manager.reserve(0, 'lock', scene.world.nowMs + 1000), false);
  scene.manager.touchEnded(second);
  t.equal(scene.manager.reserve(0, 'lock', scene.world.nowMs + 1000), true);
});

t.test('a touch of several keys is ready when the last of them is settled', async t => {
  const scene = new Scene();
  for (const key of ['a', 'b']) scene.prove(key);
  for (const key of ['a', 'b']) scene.manager.reserve(0, key, scene.world.nowMs + 1000);
  scene.settle();
  const touch = scene.touch(['a', 'b']);
  scene.world.answerOne();
  t.equal(touch.readies, 0);
  scene.world.answerOne();
  t.equal(touch.readies, 1);
});

t.test('a touch that ends before it was ready is never told', async t => {
  const scene = new Scene();
  scene.delegate('lock');
  const touch = scene.touch(['lock']);
  scene.manager.touchEnded(touch);
  scene.settle();
  t.equal(touch.readies, 0);
});

t.test('a touch that names a key bars its template', async t => {
  const scene = new Scene({ barMs: 600_000 });
  scene.prove('order:1:pay');
  scene.prove('order:2:pay');
  scene.prove('order:1:ship');
  scene.manager.touchEnded(scene.touch(['order:1:pay']));
  t.equal(scene.why('order:2:pay'), 'a touch bars its template');
  t.equal(scene.why('order:1:ship'), null);
  scene.world.live(600_000);
  t.equal(scene.why('order:2:pay'), null);
  t.equal(scene.why('order:1:pay'), 'not proven yet', 'its proof starts anew');
});

t.test('a touch that is a lock command sent aside bars nothing', async t => {
  const scene = new Scene();
  scene.prove('lock');
  scene.manager.touchEnded(scene.touch(['lock'], false));
  t.equal(scene.why('lock'), null);
});

t.test('a touch of a key on its way to become a lock key spoils it', async t => {
  const scene = new Scene();
  scene.acquire('lock', 'a');
  scene.settle();
  t.equal(scene.manager.lists(0, 'lock'), true);
  scene.manager.touchEnded(scene.touch(['lock']));
  scene.release('lock', 'a');
  scene.settle();
  t.equal(scene.manager.knows(0, 'lock'), false);
  scene.prove('lock');
  t.equal(scene.why('lock'), 'a touch bars its template');
});

t.test('a WATCH that began before the key was a lock key counts until it ends', async t => {
  const scene = new Scene();
  const watch = scene.touch(['lock'], false);
  scene.prove('lock');
  t.equal(scene.why('lock'), 'a command that touches the key is on its way');
  scene.manager.touchEnded(watch);
  t.equal(scene.why('lock'), null);
});

t.test('a command on the whole database settles all of it, and bars nothing', async t => {
  const scene = new Scene();
  for (const key of ['a', 'b', 'c']) scene.prove(key);
  for (const key of ['a', 'b']) scene.manager.reserve(0, key, scene.world.nowMs + 1000);
  scene.settle();
  const scan = scene.touch(null);
  t.equal(scan.readies, 0);
  scene.settle();
  t.equal(scan.readies, 1);
  t.strictSame(scene.world.redis.keys(), ['forelock:fence']);
  t.match(scene.why('a'), /is on its way/);
  t.equal(scene.why('c'), 'a command on the whole database is on its way');
  scene.manager.touchEnded(scan);
  t.equal(scene.why('a'), null);
});

t.test(
  'a database touched as a whole too often is not delegated from, but for --delegate',
  async t => {
    const scene = new Scene({ delegate: ['b'] });
    for (const key of ['a', 'b']) scene.prove(key);
    for (let scan = 0; scan < 3; scan++) scene.manager.touchEnded(scene.touch(null));
    t.equal(scene.why('a'), 'the whole database is touched too often');
    t.equal(scene.why('b'), null);
    scene.world.live(2000);
    t.equal(scene.why('a'), null);
  },
);

t.test('commands from before the key was known may touch it unseen: it waits for them', async t => {
  const scene = new Scene();
  scene.prove('lock');
  scene.world.unansweredAtMs = 0;
  t.match(scene.why('lock'), /before it was a lock key/);
  scene.world.unansweredAtMs = scene.world.nowMs + 1;
  t.equal(scene.why('lock'), null);
});

t.test('a database without locks is forgotten with the touch that named it', async t => {
  const scene = new Scene();
  const rules = { advance: () => {}, review: () => {} };
  const policy = { retainUntilMs: () => 0 };
  const { world, feedback } = scene;
  const core = new LockCore(lockDefaults, world, feedback, policy, 'p1', 'e1', rules);
  const known = (): number[] => [...core.table.databases.keys()];
  const whole = new TestTouch(null, true, 1);
  const named = new TestTouch(['a', 'b'], true, 1);
  touch(core, whole);
  touch(core, named);
  touchEnded(core, whole);
  t.strictSame(known(), [1], 'its keys may become locks while they are touched');
  touchEnded(core, named);
  t.strictSame(known(), []);

  core.enter(2, 'lock', world.nowMs);
  const other = new TestTouch(['other'], true, 2);
  touch(core, other);
  touchEnded(core, other);
  t.strictSame(known(), [2], 'one with locks stays');
});
