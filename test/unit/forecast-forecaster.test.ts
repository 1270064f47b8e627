/** The forecast as the allocator asks it: scores, times ahead, and what is due. */
import fc from 'fast-check';
import t from 'tap';
import {
  Forecaster,
  type ForecasterOptions,
  forecasterDefaults,
} from '../../src/forecast/forecaster.js';
import { Network } from '../../src/forecast/network/network.js';
import { emptyWeights, PARTS } from '../../src/forecast/network/weights.js';
import { networkShape } from '../../src/forecast/time-model.js';
import { SeededRandom } from '../simulation/random.js';

const WINDOW_MS = 500;

function newForecaster(options: Partial<ForecasterOptions> = {}): Forecaster {
  return new Forecaster({ ...forecasterDefaults, trainingRowsMax: 500, ...options });
}

/** A network that says a lot and knows nothing. */
function wildNetwork(seed: number): Network {
  const random = new SeededRandom(seed);
  const weights = emptyWeights(networkShape, 1);
  for (const part of PARTS) {
    if (part === 'inputScale') continue;
    for (let at = 0; at < weights[part].length; at++) weights[part][at] = random.next() * 2 - 1;
  }
  return new Network(weights);
}

/** Asks for a key at that distance, so many times; returns when it was last. */
function ask(forecaster: Forecaster, key: string, gapMs: number, times = 40, fromMs = 0): number {
  for (let asked = 0; asked < times; asked++) {
    forecaster.requested(0, key, 1, fromMs + asked * gapMs);
  }
  return fromMs + (times - 1) * gapMs;
}

function dueKeys(forecaster: Forecaster, fromMs: number, toMs: number): string[] {
  return [...forecaster.due(fromMs, toMs)].map(({ key }) => key);
}

t.test('of a key that nothing is known of, nothing is said', async t => {
  const forecaster = newForecaster();
  t.equal(forecaster.score(0, 'lock', WINDOW_MS, 0), 0);
  t.equal(forecaster.ahead(0, 'lock', 0), null);
  t.equal(forecaster.intervalMs(0, 'lock'), null);
  t.strictSame(dueKeys(forecaster, 0, 1e9), []);
  t.strictSame([...forecaster.keys()], []);
  forecaster.requested(0, 'lock', 1, 0);
  t.equal(forecaster.score(0, 'lock', WINDOW_MS, 100), 0, 'after its first request neither');
  t.equal(forecaster.ahead(0, 'lock', 100), null);
  t.equal(forecaster.score(1, 'lock', WINDOW_MS, 100), 0);
  t.strictSame([...forecaster.keys()], [{ database: 0, key: 'lock' }]);
});

t.test('a key with none of its own has the gaps of its template', async t => {
  const forecaster = newForecaster();
  for (let key = 0; key < 20; key++) ask(forecaster, `order:${key}`, 200, 3, key);
  forecaster.requested(0, 'order:99', 1, 1000);
  const ahead = forecaster.ahead(0, 'order:99', 1000);
  t.equal(ahead?.gaps, 0);
  t.ok((ahead?.between(100, 300) ?? 0) > 0.7);
});

for (const periodMs of [2000, 5000, 60_000]) {
  t.test(`a key that comes every ${periodMs} ms has its score when its time comes`, async t => {
    const forecaster = newForecaster();
    const lastMs = ask(forecaster, 'job', periodMs);
    const after = (ms: number): number => forecaster.score(0, 'job', WINDOW_MS, lastMs + ms);
    t.ok(after(periodMs - 250) > 0.6, `${after(periodMs - 250)} at its time`);
    for (const ms of [0, 0.3 * periodMs, 0.6 * periodMs]) t.ok(after(ms) < 0.1, `${ms} ms after`);
    t.ok(Math.abs((forecaster.intervalMs(0, 'job') ?? 0) / periodMs - 1) < 0.02);
  });
}

t.test('the longer the window, the higher the score', async t => {
  const forecaster = newForecaster();
  const random = new SeededRandom(3);
  let lastMs = 0;
  for (let asked = 0; asked < 100; asked++) {
    lastMs += 4000 * random.next();
    forecaster.requested(0, 'lock', 1, lastMs);
  }
  let before = 0;
  for (const windowMs of [0, 1, 10, 100, 500, 2000, 10_000, 1e6]) {
    const score = forecaster.score(0, 'lock', windowMs, lastMs + 700);
    t.ok(score >= before, `${windowMs} ms: ${score}`);
    before = score;
  }
});

t.test('the time ahead is that of the score, as far as the key comes back by itself', async t => {
  const forecaster = newForecaster();
  const lastMs = ask(forecaster, 'job', 5000, 10);
  const ahead = forecaster.ahead(0, 'job', lastMs + 4800);
  if (ahead === null) throw new Error('nothing is known');
  t.equal(ahead.sinceMs, 4800);
  t.equal(ahead.gaps, 9);
  t.strictSame(Array.from(ahead.gapsMs.subarray(0, 3)), [5000, 5000, 5000]);
  t.equal(ahead.atOnce, 0);
  t.ok(ahead.goesOn > 0.8 && ahead.goesOn <= 1);
  const { goesOn } = ahead;
  const before = goesOn * ahead.between(0, 4800);
  const returns = (goesOn * ahead.between(4800, 5300)) / (1 - before);
  const score = forecaster.uncorrected(0, 'job', WINDOW_MS, lastMs + 4800);
  const follows = forecaster.sequence.score(0, 'job', WINDOW_MS, lastMs + 4800);
  const either = 1 - (1 - follows) * (1 - returns);
  t.ok(Math.abs(score - either) < 1e-9, `${score}, ${either}`);
  t.equal(forecaster.ahead(0, 'job', lastMs - 900)?.sinceMs, 0, 'before the last request, none');
});

t.test('keys are due about their time, and not long before or after', async t => {
  const forecaster = newForecaster();
  const lastMs = ask(forecaster, 'hourly', 3_600_000, 60);
  ask(forecaster, 'job', 60_000, 60, lastMs - 59 * 60_000);
  forecaster.requested(0, 'once', 1, lastMs);
  const within = (fromMs: number, toMs: number): string[] =>
    dueKeys(forecaster, lastMs + fromMs, lastMs + toMs);
  t.strictSame(within(0, 2000), []);
  t.strictSame(within(59_000, 61_000), ['job']);
  t.strictSame(within(600_000, 601_000), [], 'the one is over, the other not yet');
  t.strictSame(within(3_599_000, 3_601_000), ['hourly']);
  t.strictSame(within(0, 3_601_000).sort(), ['hourly', 'job'], 'far ahead');
});

t.test('which key comes next counts, where it was never asked for', async t => {
  const forecaster = newForecaster();
  let atMs = 0;
  for (let order = 0; order < 60; order++) {
    forecaster.requested(0, `order:${order}:reserve`, 1, atMs);
    forecaster.requested(0, `order:${order}:pay`, 1, atMs + 800);
    atMs += 3000;
  }
  forecaster.requested(0, 'order:777:reserve', 1, atMs);
  const score = forecaster.score(0, 'order:777:pay', WINDOW_MS, atMs + 600);
  t.ok(score > 0.5, `${score}`);
  t.equal(forecaster.modelOf(0, 'order:777:pay'), 'sequence');
  t.ok(dueKeys(forecaster, atMs + 500, atMs + 1500).includes('order:777:pay'));
  t.equal(forecaster.score(0, 'order:778:pay', WINDOW_MS, atMs + 600), 0);
});

t.test('who acts is told', async t => {
  const forecaster = newForecaster();
  ask(forecaster, 'job', 5000, 60);
  t.match(forecaster.modelOf(0, 'job'), /recurrence|analogue/);
  t.equal(forecaster.modelOf(0, 'unheard of'), 'sequence');
});

t.test('scores that do not come true are corrected, for all keys', async t => {
  const forecaster = newForecaster();
  // A job that comes every 2 s stops for good each time it has come six times.
  let atMs = 0;
  for (let round = 0; round < 400; round++) {
    for (let tick = 0; tick < 4; tick++) {
      forecaster.refresh(atMs);
      atMs += 500;
    }
    for (let key = 0; key < 8; key++) {
      if (round % 12 < 6) forecaster.requested(0, `job${'abcdefgh'[key]}`, 1, atMs);
    }
  }
  const curve = forecaster.calibrator.curve();
  const watched = curve.reduce((sum, { weight }) => sum + weight, 0);
  t.ok(watched > 1000, `${watched} scores were watched`);
  for (const { score, cameTrue, weight } of curve) {
    if (weight < 200) continue;
    const corrected = forecaster.calibrator.corrected(score);
    t.ok(Math.abs(corrected - cameTrue) < 0.1, `${score}: ${corrected}, true in ${cameTrue}`);
  }
});

t.test('a key that is quiet for long is forgotten', async t => {
  const forecaster = newForecaster({ forecastForgetMs: 100_000 });
  const lastMs = ask(forecaster, 'lock', 100);
  forecaster.refresh(lastMs + 50_000);
  t.equal([...forecaster.keys()].length, 1);
  forecaster.refresh(lastMs + 100_001);
  t.equal([...forecaster.keys()].length, 0);
  t.equal(forecaster.score(0, 'lock', WINDOW_MS, lastMs + 100_002), 0);
});

t.test('a flood of random keys takes neither memory nor what is known of a job', async t => {
  const forecaster = newForecaster({ forecastKeysMax: 300, forecastTemplatesMax: 50 });
  let atMs = ask(forecaster, 'job', 5000, 30);
  const random = new SeededRandom(9);
  for (let round = 0; round < 20; round++) {
    for (let key = 0; key < 200; key++) {
      const letters = random.next().toString(36).replace(/\d/g, '');
      forecaster.requested(0, `${letters}:${key}`, 7, atMs + key * 20);
    }
    atMs += 5000;
    forecaster.requested(0, 'job', 1, atMs);
    forecaster.refresh(atMs);
  }
  t.ok([...forecaster.keys()].length <= 300);
  t.equal(forecaster.ahead(0, 'job', atMs)?.gaps, 49);
  const score = forecaster.score(0, 'job', WINDOW_MS, atMs + 4800);
  t.ok(score > 0.5, `${score}`);
});

t.test('a jump of the clock is a gap like others', async t => {
  const forecaster = newForecaster();
  let lastMs = ask(forecaster, 'job', 5000);
  lastMs += 86_400_000;
  forecaster.requested(0, 'job', 1, lastMs);
  forecaster.refresh(lastMs);
  lastMs = ask(forecaster, 'job', 5000, 20, lastMs + 5000);
  t.ok(forecaster.score(0, 'job', WINDOW_MS, lastMs + 4800) > 0.5, 'ahead');
  forecaster.requested(0, 'job', 1, 1000);
  forecaster.refresh(1000);
  const back = forecaster.score(0, 'job', WINDOW_MS, 1000);
  t.ok(back >= 0 && back <= 1, `${back} after a jump back`);
});

const steps = fc.array(
  fc.record({
    key: fc.constantFrom('a', 'a:1', 'a:2', 'order:1:pay', 'order:1:ship', 'job'),
    client: fc.nat(2),
    byMs: fc.oneof(
      fc.constant(0),
      fc.integer({ min: 0, max: 5000 }),
      fc.integer({ min: -100_000, max: 100_000 }),
      fc.double({ min: 0, max: 3, noNaN: true }),
      fc.constantFrom(1e12, -1e12),
    ),
    heldMs: fc.option(fc.double({ min: 0, max: 1e7, noNaN: true })),
    refused: fc.boolean(),
    refreshes: fc.boolean(),
  }),
  { maxLength: 100, size: 'max' },
);
const windowsMs = fc.constantFrom(0, 1, 500, 60_000, 1e12, Number.POSITIVE_INFINITY);
const sincesMs = fc.constantFrom(-1e12, -1, 0, 0.3, 499, 5000, 1e7, 1e12);

for (const [who, seed] of [
  ['statistics', null],
  ['a network that says nonsense', 5],
] as const) {
  t.test(`whatever happens, a score of ${who} is a probability`, async () => {
    fc.assert(
      fc.property(steps, windowsMs, sincesMs, (happened, windowMs, sinceMs) => {
        const forecaster = newForecaster({ forecastKeysMax: 4, forecastTemplatesMax: 3 });
        if (seed !== null) forecaster.use(wildNetwork(seed));
        let atMs = 0;
        for (const { key, client, byMs, heldMs, refused, refreshes } of happened) {
          atMs += byMs;
          forecaster.requested(0, key, client, atMs);
          if (refused) forecaster.refused(0, key);
          else forecaster.granted(0, key);
          if (heldMs !== null) forecaster.released(0, key, heldMs);
          if (refreshes) forecaster.refresh(atMs);
          for (const scored of [key, 'a:1', 'order:1:ship']) {
            const score = forecaster.score(0, scored, windowMs, atMs + sinceMs);
            if (!(score >= 0 && score <= 1)) throw new Error(`${scored}: ${score}`);
          }
          const ahead = forecaster.ahead(0, key, atMs + sinceMs);
          if (ahead === null) continue;
          for (const part of [ahead.goesOn, ahead.atOnce, ahead.between(0, windowMs)]) {
            if (!(part >= -1e-9 && part <= 1 + 1e-6)) throw new Error(`${key}: ${part}`);
          }
        }
        dueKeys(forecaster, atMs, atMs + 1000);
      }),
      { numRuns: 150 },
    );
  });
}
