import t from 'tap';
import { Forecaster, forecasterDefaults } from '../../src/forecast/forecaster.js';
import { Allocator } from '../../src/pool/allocator.js';
import { type AllocatorOptions, allocatorDefaults } from '../../src/pool/options.js';
import { TestWorld } from '../simulation/test-world.js';

function setUp(options: Partial<AllocatorOptions> = {}) {
  const world = new TestWorld();
  const forecast = new Forecaster(forecasterDefaults);
  const allocator = new Allocator({ ...allocatorDefaults, ...options }, forecast, world);
  const reserved: { key: string; atMs: number; untilMs: number }[] = [];
  allocator.serve((_database, key, untilMs) => {
    reserved.push({ key, atMs: world.nowMs, untilMs });
    return true;
  });
  /** Requests of a key, that many at that distance. */
  const ask = (key: string, gapMs: number, count = 20): void => {
    for (let asked = 0; asked < count; asked++) {
      allocator.requested(0, key, 1, world.nowMs);
      if (asked < count - 1) world.pass(gapMs);
    }
  };
  /** The schedule: a refresh each second. */
  const live = (ms: number): void => {
    for (const endMs = world.nowMs + ms; world.nowMs < endMs; ) {
      allocator.refresh();
      world.pass(Math.min(1000, endMs - world.nowMs));
    }
  };
  return { world, allocator, reserved, ask, live };
}

t.test(
  'a lock that is asked for often is retained for the window and the reclaim timeout',
  async t => {
    const { world, allocator, ask } = setUp();
    ask('lock', 20);
    t.equal(allocator.retainUntilMs(0, 'lock', world.nowMs), world.nowMs + 1000);
    t.equal(allocator.retainUntilMs(0, 'unheard of', world.nowMs), 0);
  },
);

t.test(
  'a lock that is asked for every 5 s is not retained, but reserved ahead of its time',
  async t => {
    const { world, allocator, reserved, ask, live } = setUp();
    ask('lock', 5000);
    const lastMs = world.nowMs;
    t.equal(allocator.retainUntilMs(0, 'lock', world.nowMs), 0);
    live(4900);
    t.equal(reserved.length, 1);
    const [first] = reserved;
    const afterMs = (first?.atMs ?? 0) - lastMs;
    t.ok(afterMs > 4000 && afterMs < 5000, `${afterMs} ms after the last request`);
    t.equal((first?.untilMs ?? 0) - (first?.atMs ?? 0), 1000);
  },
);

t.test('a request that came since drops what was planned', async t => {
  const { world, allocator, reserved, ask } = setUp();
  ask('lock', 5000);
  world.pass(4000);
  allocator.refresh();
  world.pass(100);
  allocator.requested(0, 'lock', 1, world.nowMs);
  world.pass(899);
  t.strictSame(reserved, []);
});

t.test(
  'a lock whose client asks again after each release is retained by the very release',
  async t => {
    const { world, allocator } = setUp();
    // Held for this long and that long: only the pause after the release is always the same.
    for (let round = 0; round < 200; round++) {
      const heldMs = 1 + ((round * 7919) % 400);
      allocator.requested(0, 'lock', 1, world.nowMs);
      world.pass(heldMs);
      // The lock manager asks first, and tells of the release then.
      const untilMs = allocator.retainUntilMs(0, 'lock', world.nowMs);
      if (round > 5) t.ok(untilMs > world.nowMs, `round ${round}`);
      allocator.released(0, 'lock', heldMs, world.nowMs);
      world.pass(20);
    }
  },
);

t.test('a wasted reservation raises the threshold of that key, a used one lowers it', async t => {
  const { world, allocator, ask } = setUp();
  // Soon three times of four, else late, without a pattern: likely, but not certain.
  let drawn = 1;
  for (let asked = 0; asked < 60; asked++) {
    drawn = (drawn * 16_807) % 2_147_483_647;
    ask('lock', 0, 1);
    world.pass(drawn % 4 === 0 ? 2000 : 100);
  }
  ask('lock', 0, 1);
  t.ok(allocator.retainUntilMs(0, 'lock', world.nowMs) > 0);
  const threshold = (): number => allocator.find(0, 'lock')?.threshold ?? Number.NaN;
  t.equal(threshold(), 0.5);
  allocator.reservationEnded(0, 'lock', false, 1000);
  const raised = threshold();
  t.ok(raised > 0.5);
  allocator.reservationEnded(0, 'lock', true, 10);
  t.ok(threshold() < raised);
  for (let wasted = 0; wasted < 20; wasted++) {
    allocator.reservationEnded(0, 'lock', false, 1000);
  }
  t.equal(allocator.retainUntilMs(0, 'lock', world.nowMs), 0, 'given up');
  world.pass(1_800_000);
  t.ok(threshold() < 0.51, 'but not for good');
});

t.test('how far a threshold moves, how high, and for how long is set', async t => {
  const { world, allocator, ask } = setUp({
    thresholdWastedShare: 0.5,
    thresholdUsedShare: 0.1,
    thresholdMax: 0.9,
    thresholdReturnMs: 10_000,
  });
  ask('lock', 20);
  const threshold = (): number => allocator.find(0, 'lock')?.threshold ?? Number.NaN;
  const ended = (used: boolean): number => {
    allocator.reservationEnded(0, 'lock', used, 10);
    return Number(threshold().toFixed(6));
  };
  t.equal(ended(false), 0.7, 'half of the way from 0.5 to 0.9');
  t.equal(ended(true), 0.655, 'a tenth of the way from there to 0.25');
  for (let wasted = 0; wasted < 50; wasted++) ended(false);
  t.ok(threshold() > 0.899 && threshold() <= 0.9);
  world.pass(10_000);
  t.ok(Math.abs(threshold() - (0.5 + 0.4 / Math.E)) < 0.001, `${threshold()}`);
});

t.test('one refresh plans a bounded number of reservations', async t => {
  const { world, allocator, reserved } = setUp({ reservationsPerRefreshMax: 5 });
  for (let asked = 0; asked < 20; asked++) {
    for (let key = 0; key < 50; key++) allocator.requested(0, `key${key}`, 1, world.nowMs);
    world.pass(5000);
  }
  world.nowMs -= 500;
  allocator.refresh();
  world.pass(999);
  t.equal(reserved.length, 5);
});

t.test('after stop nothing is reserved', async t => {
  const { allocator, reserved, ask, live } = setUp();
  ask('lock', 5000);
  allocator.stop();
  live(6000);
  t.strictSame(reserved, []);
});

t.test('the highest scores come first', async t => {
  const { allocator, ask } = setUp();
  ask('rare', 60_000);
  ask('some', 400);
  ask('often', 20);
  t.strictSame(
    allocator.highest(2).map(({ key }) => key),
    ['often', 'some'],
  );
  const scores = allocator.highest(10).map(({ score }) => score);
  t.strictSame(
    scores,
    [...scores].sort((one, other) => other - one),
  );
});
