/** Scores are probabilities: what they come to is watched, and they are corrected to it. */
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { Calibrator } from '../../src/forecast/calibration/calibrator.js';
import { Probes } from '../../src/forecast/calibration/probes.js';
import { SeededRandom } from '../simulation/random.js';

const scores = fc.integer({ min: 0, max: 1000 }).map(thousandths => thousandths / 1000);
const outcomes = fc.array(fc.tuple(scores, fc.boolean()), { maxLength: 400, size: 'max' });

function near(t: Test, found: number, expected: number, off: number, what = ''): void {
  t.ok(Math.abs(found - expected) <= off, `${what} ${found} is about ${expected}`);
}

t.test('without any outcome a score is right as it is', async t => {
  const calibrator = new Calibrator();
  for (const score of [0, 0.01, 0.3, 0.5, 0.975, 0.99, 1]) {
    near(t, calibrator.corrected(score), score, 1e-12);
  }
  t.strictSame(calibrator.curve(), []);
  t.ok(Number.isNaN(calibrator.expectedError()));
});

t.test('a correction never turns two scores round, and stays a probability', async () => {
  fc.assert(
    fc.property(outcomes, scores, scores, (learned, one, other) => {
      const calibrator = new Calibrator();
      for (const [score, cameTrue] of learned) calibrator.learn(score, cameTrue);
      const lower = calibrator.corrected(Math.min(one, other));
      const higher = calibrator.corrected(Math.max(one, other));
      return lower >= 0 && higher <= 1 && lower <= higher + 1e-12;
    }),
    { numRuns: 500 },
  );
});

/**
 * Who says so, where it comes true so often, and how near the correction comes: what scores between
 * the two would come to nobody knows, and as they can't be turned round, they hold it back.
 */
const liars: readonly (readonly [number, number, number])[] = [
  [0.8, 0.5, 0.03],
  [0.3, 0.6, 0.04],
  [0.95, 0.1, 0.1],
  [0.5, 0.5, 0.03],
  [0.05, 0.0, 0.02],
];
for (const [said, true_, off] of liars) {
  t.test(`${said} that comes true at ${true_} is corrected to it`, async t => {
    const calibrator = new Calibrator();
    const random = new SeededRandom(1);
    for (let score = 0; score < 4000; score++) calibrator.learn(said, random.next() < true_);
    near(t, calibrator.corrected(said), true_, off);
    near(t, calibrator.expectedError(), Math.abs(said - true_), 0.04);
  });
}

t.test('one surprise moves little', async t => {
  const calibrator = new Calibrator();
  for (let score = 0; score < 32; score++) calibrator.learn(0.9, score > 0);
  near(t, calibrator.corrected(0.9), 0.9, 0.05);
});

t.test('scores that are too bold everywhere are drawn in everywhere', async t => {
  const calibrator = new Calibrator();
  const random = new SeededRandom(2);
  const trueFor = (score: number): number => 0.5 + 0.5 * (score - 0.5);
  for (let learned = 0; learned < 40_000; learned++) {
    const score = random.next();
    calibrator.learn(score, random.next() < trueFor(score));
  }
  for (const score of [0.1, 0.3, 0.5, 0.7, 0.9]) {
    near(t, calibrator.corrected(score), trueFor(score), 0.05, `${score}:`);
  }
  near(t, calibrator.expectedError(), 0.125, 0.02);
});

t.test('what was true long ago counts less than what is true now', async t => {
  const calibrator = new Calibrator();
  for (let score = 0; score < 10_000; score++) calibrator.learn(0.7, true);
  for (let score = 0; score < 10_000; score++) calibrator.learn(0.7, score % 5 === 0);
  near(t, calibrator.corrected(0.7), 0.2, 0.05);
});

t.test('the curve has the mean score and how often it came true, bin by bin', async t => {
  const calibrator = new Calibrator();
  for (const cameTrue of [true, false, false, true]) calibrator.learn(0.42, cameTrue);
  calibrator.learn(1, true);
  const [first, last, ...others] = calibrator.curve();
  near(t, first?.score ?? Number.NaN, 0.42, 1e-9);
  near(t, first?.cameTrue ?? Number.NaN, 0.5, 1e-3);
  near(t, first?.weight ?? Number.NaN, 4, 0.01);
  t.strictSame(last, { score: 1, cameTrue: 1, weight: 1 });
  t.strictSame(others, []);
});

function watching() {
  const calibrator = new Calibrator();
  const probes = new Probes(500, calibrator);
  const learned = (): (readonly [number, number, number])[] =>
    calibrator
      .curve()
      .map(({ score, cameTrue, weight }) => [
        Number(score.toFixed(3)),
        Number(cameTrue.toFixed(3)),
        Math.round(weight),
      ]);
  return { probes, learned };
}

t.test('a score comes true by a request within its window, its end included', async t => {
  for (const [atMs, cameTrue] of [
    [1000, 1],
    [1500, 1],
    [1501, 0],
  ] as const) {
    const { probes, learned } = watching();
    probes.begin(3, 0.6, 1000);
    probes.requested(3, atMs);
    t.strictSame(learned(), [[0.6, cameTrue, 1]], `at ${atMs} ms`);
    probes.requested(3, atMs);
    probes.refresh(5000);
    t.strictSame(learned(), [[0.6, cameTrue, 1]], 'and is known once');
  }
});

t.test('without a request it has not come true when its window is over, no sooner', async t => {
  const { probes, learned } = watching();
  probes.begin(3, 0.6, 1000);
  probes.begin(4, 0.2, 1100);
  probes.requested(5, 1200);
  probes.refresh(1500);
  t.strictSame(learned(), []);
  probes.refresh(1501);
  t.strictSame(learned(), [[0.6, 0, 1]]);
  probes.refresh(9000);
  t.strictSame(learned(), [
    [0.2, 0, 1],
    [0.6, 0, 1],
  ]);
});

t.test(
  'of a key one score is watched at a time, and none of a key that is another now',
  async t => {
    const { probes, learned } = watching();
    probes.begin(3, 0.6, 1000);
    probes.begin(3, 0.9, 1200);
    probes.requested(3, 1300);
    t.strictSame(learned(), [[0.6, 1, 1]]);
    probes.begin(4, 0.3, 2000);
    probes.forget(4);
    probes.requested(4, 2100);
    probes.refresh(9000);
    t.strictSame(learned(), [[0.6, 1, 1]]);
  },
);

t.test('no more scores are watched than there is room for', async t => {
  const { probes, learned } = watching();
  for (let slot = 0; slot < 10_000; slot++) probes.begin(slot, 0.55, 0);
  probes.refresh(501);
  const [, , watched] = learned()[0] ?? [0, 0, 0];
  t.ok(watched > 1000 && watched <= 4096, `${watched}`);
});
