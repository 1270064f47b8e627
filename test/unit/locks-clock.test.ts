import t from 'tap';
import { Scene } from '../simulation/scene.js';

/** The clock of Redis jumps; what is said of our own clocks is in locks-cover.test.ts. */

t.test(
  'a clock of Redis that jumps ahead ends leases early, as it ends locks: it is noticed',
  async t => {
    const scene = new Scene({ materializeAfterMs: 1000 });
    scene.delegate('lock');
    t.equal(scene.acquire('lock', 'a').verdict, 'granted');
    scene.world.redis.server.clock.jump(3_600_000);
    t.equal(scene.inRedis('lock'), null, 'the token is gone, as each lock with a TTL would be');
    const other = scene.acquire('lock', 'b');
    t.equal(other.verdict, 'held', 'clients of Forelock are refused for as long as the TTL says');
    scene.world.live(1001);
    t.match(scene.world.doubts, ['lock: token gone from the key, found absent']);
    t.equal(scene.manager.find(0, 'lock')?.delegated, false);
    const released = scene.release('lock', 'a');
    scene.settle();
    t.equal(released.verdict, 'not-owner', 'its holder hears that it is lost');
  },
);

t.test(
  'a clock of Redis that jumps back keeps locks for longer, and nobody has one twice',
  async t => {
    const scene = new Scene({ materializeAfterMs: 1000 });
    scene.retainMs = 0;
    scene.delegate('lock');
    t.equal(scene.acquire('lock', 'a').verdict, 'granted');
    scene.world.redis.server.clock.jump(-3_600_000);
    t.match(scene.inRedis('lock'), /^forelock:/);
    t.ok(scene.world.redis.pttl(0, 'lock') > 3_600_000, 'the lease has become long');
    t.equal(scene.acquire('lock', 'b').verdict, 'held');
    scene.release('lock', 'a');
    scene.settle();
    t.equal(
      scene.inRedis('lock'),
      null,
      'given back at the usual time, not when the lease is over',
    );
  },
);
