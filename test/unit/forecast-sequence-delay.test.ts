import fc from 'fast-check';
import t, { type Test } from 'tap';
import { Delays } from '../../src/forecast/sequence/delay.js';

function seen(count: number, delayAt: (index: number) => number): Delays {
  const delays = new Delays();
  for (let index = 0; index < count; index++) delays.add(delayAt(index));
  return delays;
}

const near = (t: Test, measured: number, expected: number, about = 0.05): void => {
  t.ok(Math.abs(measured - expected) < about, `${measured}, about ${expected}`);
};

t.test('of one delay little is known', async t => {
  const delays = seen(1, () => 1000);
  near(t, delays.below(1000), 0.5);
  t.ok(delays.below(400) > 0.1);
  t.ok(delays.below(2500) < 0.9);
});

t.test('a timer is known for one after a few', async t => {
  const delays = seen(8, () => 1000);
  t.ok(delays.below(700) < 0.05);
  t.ok(delays.below(1300) > 0.9);
  t.ok(delays.earliestMs > 500 && delays.latestMs < 1700);
});

t.test('what comes at once has its share, and the rest its delay', async t => {
  const delays = seen(400, index => (index % 4 === 0 ? 0 : 1000));
  near(t, delays.below(1), 0.25);
  near(t, delays.below(500), 0.25);
  near(t, delays.below(2000), 1);
  t.equal(delays.earliestMs, 0);
});

for (const count of [100, 5000]) {
  t.test(`delays of two kinds are told apart, after ${count}`, async t => {
    const delays = seen(count, index => (index % 2 === 0 ? 50 : 4000));
    near(t, delays.below(20), 0, 0.15);
    near(t, delays.below(200), 0.5, 0.12);
    near(t, delays.below(2000), 0.5, 0.15);
    near(t, delays.below(8000), 1, 0.15);
    t.ok(delays.below(2000) - delays.below(200) < 0.15, 'nothing comes between');
  });
}

t.test('newer delays count more', async t => {
  const delays = seen(400, index => (index < 200 ? 50 : 2000));
  t.ok(delays.below(200) < 0.05);
  near(t, delays.below(4000), 1);
});

t.test('whatever was seen, a longer delay is not less probable', async t => {
  const delayMs = fc.oneof(
    fc.constant(0),
    fc.double({ min: 0, max: 100, noNaN: true }),
    fc.double({ min: 0, max: 1e9, noNaN: true }),
  );
  fc.assert(
    fc.property(fc.array(delayMs, { maxLength: 40 }), fc.array(delayMs), (added, asked) => {
      const delays = seen(added.length, index => added[index] ?? 0);
      let before = 0;
      for (const each of asked.sort((one, other) => one - other)) {
        const below = delays.below(each);
        if (!(below >= before - 1e-6 && below <= 1 + 1e-9)) return false;
        before = below;
      }
      return true;
    }),
  );
  t.pass();
});
