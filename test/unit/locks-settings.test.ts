/** What each limit of the lock manager bounds: the same thing with one value, and with another. */
import t from 'tap';
import { LockCounters } from '../../src/locks/counters.js';
import { Lease, leaseMsFor } from '../../src/locks/lease.js';
import { type LockOptions, lockDefaults } from '../../src/locks/options.js';
import { Tenure } from '../../src/locks/tenure.js';
import { Scene } from '../simulation/scene.js';

/** The verdict on an attempt at a lock that is held ready; null: memory does not decide. */
function verdictOn(options: Partial<LockOptions>, value: string, ttlMs: number): unknown {
  const scene = new Scene(options);
  scene.delegate('lock');
  return scene.acquire('lock', value, ttlMs).verdict;
}

t.test('coverLimitMs: the longest TTL that is granted from memory', async t => {
  t.equal(verdictOn({ coverLimitMs: 10_000 }, 'v', 10_000), 'granted');
  t.equal(verdictOn({ coverLimitMs: 10_000 }, 'v', 10_001), null);
  t.equal(verdictOn({}, 'v', 10_001), 'granted');
});

t.test('valueMaxBytes: the longest value that is', async t => {
  t.equal(verdictOn({ valueMaxBytes: 7 }, '1234567', 1000), 'granted');
  t.equal(verdictOn({ valueMaxBytes: 7 }, '12345678', 1000), null);
  t.equal(verdictOn({}, '12345678', 1000), 'granted');
});

t.test('keyMaxBytes: the longest key that becomes a lock key', async t => {
  const becomes = (keyMaxBytes: number): boolean => {
    const scene = new Scene({ keyMaxBytes });
    scene.cycle('a key of 18 bytes.', 'v');
    return scene.manager.find(0, 'a key of 18 bytes.') !== null;
  };
  t.equal(becomes(18), true);
  t.equal(becomes(17), false);
});

t.test('upstreamSilenceMs: for how long a silent Redis is believed in', async t => {
  const granted = (upstreamSilenceMs: number): unknown => {
    const scene = new Scene({ upstreamSilenceMs });
    scene.delegate('lock');
    scene.world.heardAtMs = scene.world.nowMs - 300;
    return scene.acquire('lock', 'v').verdict;
  };
  t.equal(granted(300), 'granted');
  t.equal(granted(299), null);
});

t.test('marginPercent, marginMinMs: what of a lease is not counted upon', async t => {
  const covered = (options: Partial<LockOptions>, ttlMs: number): boolean => {
    const lease = new Lease();
    lease.begin(10_000, 0, 0, 0, { ...lockDefaults, ...options });
    return lease.covers(ttlMs, 0, 0);
  };
  t.ok(covered({ marginPercent: 1 }, 9900));
  t.notOk(covered({ marginPercent: 1 }, 9901));
  t.ok(covered({ marginPercent: 20 }, 8000));
  t.notOk(covered({ marginPercent: 20 }, 8001));
  t.ok(covered({ marginMinMs: 3000 }, 7000));
  t.notOk(covered({ marginMinMs: 3000 }, 7001));
});

t.test('leaseSlackMinMs, leaseSlackMaxMs: how much longer than a TTL a lease is', async t => {
  const slackMs = (ttlMs: number, options: Partial<LockOptions>): number =>
    leaseMsFor(ttlMs, { ...lockDefaults, ...options, marginPercent: 0, marginMinMs: 0 }) - ttlMs;
  t.equal(slackMs(1000, { leaseSlackMinMs: 4000 }), 4000);
  t.equal(slackMs(5000, { leaseSlackMinMs: 4000 }), 5000);
  t.equal(slackMs(50_000, { leaseSlackMaxMs: 8000 }), 8000);
});

t.test('proofGrants: grants that prove a key', async t => {
  for (const proofGrants of [1, 3, 5]) {
    const scene = new Scene({ proofGrants });
    scene.retainMs = 0;
    for (let grant = 1; grant <= proofGrants; grant++) {
      if (grant > 1) t.equal(scene.why('lock'), 'not proven yet', `${grant} of ${proofGrants}`);
      scene.cycle('lock', `${grant}`);
    }
    t.equal(scene.why('lock'), null, `${proofGrants}`);
  }
});

t.test('proofTemplateKeys: other keys of a template that prove it', async t => {
  for (const [proofTemplateKeys, why] of [
    [4, null],
    [5, 'not proven yet'],
  ] as const) {
    const scene = new Scene({ proofTemplateKeys });
    scene.retainMs = 0;
    for (let order = 0; order < 5; order++) scene.cycle(`order:${order}`, 'v');
    t.equal(scene.why('order:4'), why, `${proofTemplateKeys}`);
  }
});

t.test(
  'wholeDatabaseTouchesPerS: how often a database that is delegated from may be scanned',
  async t => {
    for (const [perS, why] of [
      [1, 'the whole database is touched too often'],
      [100, null],
    ] as const) {
      const scene = new Scene({ wholeDatabaseTouchesPerS: perS });
      scene.prove('lock');
      for (let time = 0; time < 5; time++) {
        scene.manager.touchEnded(scene.touch(null));
        scene.world.pass(20);
      }
      t.equal(scene.why('lock'), why, `${perS}`);
    }
  },
);

t.test('tenureMs, tenureMaxMs, breathMs: for how long a key is kept, and then left', async t => {
  const options = { ...lockDefaults, tenureMs: 100, tenureMaxMs: 350, breathMs: 40 };
  const tenure = new Tenure(options, new LockCounters());
  let nowMs = 0;
  const lengths: number[] = [];
  for (let round = 0; round < 4; round++) {
    tenure.kept(nowMs, 0);
    const lengthMs = tenure.endsAtMs() - nowMs;
    lengths.push(lengthMs);
    t.ok(tenure.mayKeep(nowMs + lengthMs - 1));
    nowMs += lengthMs;
    t.notOk(tenure.mayKeep(nowMs));
    tenure.left(nowMs);
    tenure.granted(nowMs + 39);
    t.notOk(tenure.mayKeep(nowMs + 39), 'it breathes');
    nowMs += 40;
    t.ok(tenure.mayKeep(nowMs), 'and one grant was made');
  }
  t.strictSame(lengths, [100, 200, 350, 350]);
});
