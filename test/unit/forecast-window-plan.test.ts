/** Which windows are worth their price: beside a search through all choices, and by what they are for. */
import fc from 'fast-check';
import t from 'tap';
import { normalBetween } from '../../src/forecast/statistics/normal.js';
import { type TimeAhead, WindowPlan } from '../../src/pool/window-plan.js';

const WINDOW_MS = 500;
const STEP_MS = 25;
/** The plan begins as soon as it may where that costs no more than this part of the gain. */
const NEARLY = 0.98;

/** Next gaps with their probabilities; what is missing to 1 comes in no time that is looked at. */
function masses(gaps: readonly (readonly [number, number])[]): TimeAhead {
  return {
    between: (fromMs, toMs) =>
      gaps.reduce((sum, [gapMs, p]) => (gapMs >= fromMs && gapMs < toMs ? sum + p : sum), 0),
  };
}

function exponential(meanMs: number): TimeAhead {
  return { between: (fromMs, toMs) => Math.exp(-fromMs / meanMs) - Math.exp(-toMs / meanMs) };
}

function normal(meanMs: number, widthMs: number): TimeAhead {
  return {
    between: (fromMs, toMs) =>
      normalBetween((fromMs - meanMs) / widthMs, (toMs - meanMs) / widthMs),
  };
}

interface Look {
  readonly fromMs?: number;
  readonly horizonMs?: number;
  readonly gapsMs?: readonly number[];
  readonly atOnce?: number;
  readonly goesOn?: number;
}

function planned(ahead: TimeAhead, price: number, look: Look = {}) {
  const { fromMs = 0, horizonMs = 0, gapsMs = [], atOnce = 0, goesOn = 1 } = look;
  const plan = new WindowPlan(WINDOW_MS);
  plan.look(ahead, fromMs, horizonMs, Float32Array.from(gapsMs), gapsMs.length, atOnce);
  plan.choose(price, goesOn);
  const chosen = Array.from({ length: plan.length }, (_, at) => ({
    startMs: plan.startsMs[at] ?? Number.NaN,
    windows: plan.windows[at] ?? Number.NaN,
  }));
  return { chosen, gain: plan.gain };
}

/** What one window gains, by the words of the rule. */
function gainOf(ahead: TimeAhead, startMs: number, price: number, goesOn: number): number {
  const before = goesOn * ahead.between(0, startMs);
  return goesOn * ahead.between(startMs, startMs + WINDOW_MS) - price * (1 - before);
}

/** The best of all choices of windows, from this start on. */
function bestOf(gains: readonly number[], from: number): number {
  let best = 0;
  for (let start = from; start < gains.length; start++) {
    const gain = gains[start] ?? 0;
    if (gain > -0.5) best = Math.max(best, gain + bestOf(gains, start + WINDOW_MS / STEP_MS));
  }
  return best;
}

const smallCases = fc.record({
  gaps: fc.array(fc.tuple(fc.integer({ min: 0, max: 2500 }), fc.integer({ min: 1, max: 9 })), {
    minLength: 1,
    maxLength: 8,
    size: 'max',
  }),
  price: fc.double({ min: 0.01, max: 0.9, noNaN: true }),
  goesOn: fc.double({ min: 0.1, max: 1, noNaN: true }),
});

t.test('no choice of windows is better', async () => {
  fc.assert(
    fc.property(smallCases, ({ gaps, price, goesOn }) => {
      const sum = gaps.reduce((all, [, weight]) => all + weight, 0);
      const ahead = masses(gaps.map(([gapMs, weight]) => [gapMs, weight / sum]));
      const { chosen, gain } = planned(ahead, price, { goesOn });
      const gains = Array.from({ length: 80 }, (_, step) =>
        gainOf(ahead, step * STEP_MS, price, goesOn),
      );
      const best = bestOf(gains, 0);
      if (Math.abs(gain - best) > 1e-9) throw new Error(`gains ${gain}, where ${best} is there`);
      let sumChosen = 0;
      let endMs = 0;
      for (const { startMs, windows } of chosen) {
        if (startMs < endMs - 1) throw new Error(`${startMs} lies in the window before`);
        endMs = startMs + windows * WINDOW_MS;
        sumChosen += gainOf(ahead, startMs, price, goesOn);
      }
      const least = best * NEARLY ** chosen.length - 1e-9;
      if (sumChosen < least) throw new Error(`what was chosen gains ${sumChosen} of ${best}`);
    }),
    { numRuns: 60 },
  );
});

t.test('where the price is above all that a window can gain, nothing is kept', async t => {
  for (const ahead of [exponential(10_000), normal(5000, 2000)]) {
    const { chosen, gain } = planned(ahead, 0.5, { horizonMs: 60_000, gapsMs: [5000, 4000, 6000] });
    t.strictSame(chosen, []);
    t.equal(gain, 0);
  }
  t.strictSame(planned(masses([[100, 1]]), 0.5, { goesOn: 0.4 }).chosen, [], 'if it hardly comes');
  t.strictSame(planned(masses([]), 0.1, { horizonMs: 60_000 }).chosen, [], 'if it never comes');
});

for (const periodMs of [700, 1900, 5000, 30_000, 300_000]) {
  t.test(`a key that comes every ${periodMs} ms gets one window around that`, async t => {
    const { chosen, gain } = planned(normal(periodMs, 20), 0.25, {
      horizonMs: 2 * periodMs,
      gapsMs: [periodMs + 10, periodMs - 10, periodMs],
    });
    const [{ startMs, windows } = { startMs: Number.NaN, windows: 0 }, ...others] = chosen;
    t.equal(windows, 1);
    t.ok(startMs <= periodMs - 40 && startMs + WINDOW_MS >= periodMs + 40, `from ${startMs}`);
    // Who has not come at its time is waited for a little: that costs next to nothing, so seldom it is.
    const endMs = startMs + 2 * WINDOW_MS;
    t.ok(others.length <= 1 && others.every(other => other.startMs < endMs && other.windows === 1));
    t.ok(gain > 0.7 && gain <= 0.75, `gains ${gain}`);
  });
}

t.test('what comes at any time, but soon enough, is kept in one stretch to the end', async t => {
  const { chosen, gain } = planned(exponential(10_000), 0.02, {
    horizonMs: 60_000,
    gapsMs: [3000, 9000, 14_000],
  });
  t.ok(chosen.length > 1);
  let endMs = 0;
  for (const { startMs, windows } of chosen) {
    t.ok(Math.abs(startMs - endMs) <= 1, `no gap before ${startMs}`);
    endMs = startMs + windows * WINDOW_MS;
  }
  t.ok(endMs >= 60_000, `to ${endMs}`);
  t.ok(gain > 0.5);
});

t.test('what is likely to come twice over is kept there and there', async t => {
  const ahead = masses([
    [100, 0.4],
    [5000, 0.6],
  ]);
  const { chosen } = planned(ahead, 0.25, { horizonMs: 10_000, gapsMs: [5000, 100] });
  const covered = (gapMs: number): boolean =>
    chosen.some(({ startMs, windows }) => {
      return startMs <= gapMs && gapMs < startMs + windows * WINDOW_MS;
    });
  t.ok(covered(100) && covered(5000));
  t.equal(chosen.length, 2);
});

t.test('a window that is hardly ever reached costs little', async t => {
  // Of ten requests nine come at 100 ms; who is still waited for comes at 5 s.
  const ahead = masses([
    [100, 0.9],
    [5000, 0.1],
  ]);
  t.equal(planned(ahead, 0.5, { horizonMs: 10_000, gapsMs: [5000] }).chosen.length, 2);
});

t.test('a request in the same moment is hit by no window', async t => {
  const ahead = masses([
    [0, 0.7],
    [200, 0.3],
  ]);
  t.equal(planned(ahead, 0.2).chosen.length, 1, 'where it is not known to be so');
  const { gain, chosen } = planned(ahead, 0.2, { atOnce: 0.7 });
  t.equal(chosen.length, 1);
  t.ok(Math.abs(gain - (0.3 - 0.2 * 0.3)) < 1e-9, 'it is a hit only as often as not at once');
  const often = masses([
    [0, 0.9],
    [3000, 0.1],
  ]);
  const none = planned(often, 0.5, { atOnce: 0.9 });
  t.ok(
    none.chosen.every(({ startMs }) => startMs > 2000),
    'no window for what is over at once',
  );
});

t.test('who looks later sees only what is left', async t => {
  const ahead = masses([
    [100, 0.5],
    [3000, 0.5],
  ]);
  const { chosen } = planned(ahead, 0.25, { fromMs: 1000, horizonMs: 6000, atOnce: 0.4 });
  t.equal(chosen.length, 1);
  const [{ startMs } = { startMs: 0 }] = chosen;
  t.ok(startMs > 2500 && startMs <= 3000, `${startMs}`);
});

t.test('a day of waiting and a thousand gaps fit into the room there is', async t => {
  const gapsMs = Array.from({ length: 1000 }, (_, gap) => 5000 + gap * 70_000);
  for (const ahead of [exponential(3_600_000), exponential(1000), normal(40_000_000, 1e6)]) {
    const { chosen, gain } = planned(ahead, 1e-5, { horizonMs: 86_400_000, gapsMs });
    t.ok(gain >= 0 && gain <= 1, `${gain}`);
    let endMs = 0;
    for (const { startMs, windows } of chosen) {
      if (!(startMs >= endMs - 1)) t.fail(`${startMs} before ${endMs}`);
      endMs = startMs + windows * WINDOW_MS;
    }
  }
});

t.test('a plan is made anew at each look', async t => {
  const plan = new WindowPlan(WINDOW_MS);
  const none = new Float32Array(0);
  plan.look(masses([[100, 1]]), 0, 90_000, none, 0, 0);
  plan.choose(0.2, 1);
  t.equal(plan.length, 1);
  plan.choose(2, 1);
  t.equal(plan.length, 0);
  plan.look(masses([[700, 1]]), 0, 1000, none, 0, 0);
  plan.choose(0.2, 1);
  t.ok(plan.length === 1 && (plan.startsMs[0] ?? 0) > 200);
});
