/** All that is known of keys' times, brought up to date with each request. */
import fc from 'fast-check';
import t from 'tap';
import { FEATURES, featureNames } from '../../src/forecast/history/features.js';
import { count, field, STATISTICS } from '../../src/forecast/history/key-records.js';
import {
  TimeModel,
  type TimeModelOptions,
  timeModelDefaults,
} from '../../src/forecast/time-model.js';
import { SeededRandom } from '../simulation/random.js';

const FORGET_MS = 600_000;

function newModel(options: Partial<TimeModelOptions> = {}): TimeModel {
  return new TimeModel({ ...timeModelDefaults, trainingRowsMax: 1000, ...options });
}

function goesOn(model: TimeModel, key: string): number {
  return model.goesOn(model.records.find(0, key));
}

t.test('a first request has no gap, a later one its gap and what it was given', async t => {
  const model = newModel();
  const first = { ...model.requested(0, 'lock', 1, 1000) };
  t.ok(Number.isNaN(first.gapMs) && Number.isNaN(first.probability));
  const second = { ...model.requested(0, 'lock', 1, 1250) };
  t.equal(second.slot, first.slot);
  t.equal(second.gapMs, 250);
  t.ok(second.probability > 0 && second.probability < 0.05, `${second.probability}`);
  let third = second;
  for (let asked = 2; asked < 30; asked++) {
    third = { ...model.requested(0, 'lock', 1, 1000 + asked * 250) };
  }
  t.ok(third.probability > 10 * second.probability, 'what comes again surprises less');
});

t.test('the probability is given before the gap is known', async t => {
  const [one, other] = [newModel(), newModel()];
  for (let atMs = 0; atMs < 5000; atMs += 250) {
    one.requested(0, 'lock', 1, atMs);
    other.requested(0, 'lock', 1, atMs);
  }
  const slot = other.records.find(0, 'lock');
  other.mixture.focus(slot);
  const asked = other.mixture.probability(777);
  t.equal(one.requested(0, 'lock', 1, 4750 + 777).probability, asked);
});

t.test('who asked, what came of it and how long it was held lies beside the gap', async t => {
  const model = newModel();
  const { slot } = model.requested(0, 'lock', 5, 0);
  model.answered(0, 'lock', 'granted');
  model.released(0, 'lock', 80);
  model.requested(0, 'lock', 6, 100);
  model.answered(0, 'lock', 'refused');
  model.requested(0, 'lock', 6, 300);
  const { rings } = model.records;
  t.strictSame(rings.event(slot, 1), { gapMs: 100, client: 6, holdMs: 80, outcome: 'granted' });
  t.match(rings.event(slot, 0), { gapMs: 200, client: 6, outcome: 'refused' });
  t.ok(Number.isNaN(rings.event(slot, 0)?.holdMs), 'a lock that was not given back');
  model.answered(0, 'unheard of', 'granted');
  model.released(0, 'unheard of', 5);
  t.equal(model.records.size, 1, 'answers and releases begin no record');
});

t.test('the usual hold is learnt, and how much longer the last was', async t => {
  const model = newModel();
  const { slot } = model.requested(0, 'lock', 1, 0);
  for (let round = 1; round <= 50; round++) {
    model.released(0, 'lock', 100);
    model.requested(0, 'lock', 1, round * 1000);
  }
  t.ok(Math.abs(model.records.number(slot, field.usualHoldMs) - 100) < 1);
  model.released(0, 'lock', 400);
  t.ok(Math.abs(model.records.number(slot, field.delayMs) - 300) < 1);
  model.requested(0, 'lock', 1, 60_000);
  t.equal(model.records.number(slot, field.delayMs), 0, 'until the next request');
});

t.test('a clock that goes back is a gap of 0, and what follows counts from the latest', async t => {
  const model = newModel();
  model.requested(0, 'lock', 1, 10_000);
  t.equal(model.requested(0, 'lock', 1, 4000).gapMs, 0);
  t.equal(model.requested(0, 'lock', 1, 10_500).gapMs, 500);
  t.equal(model.requested(0, 'lock', 1, 3_610_500).gapMs, 3_600_000, 'and one that jumps ahead');
  const heard = model.requested(0, 'lock', 1, 3_611_000);
  t.ok(heard.probability > 0 && heard.probability <= 1);
});

t.test('a template that is asked for three times and never again foretells the end', async t => {
  const model = newModel();
  let atMs = 0;
  for (let order = 0; order < 40; order++) {
    for (let step = 0; step < 3; step++) {
      model.requested(0, `order:${order}`, 1, atMs);
      atMs += 300;
    }
    model.endQuiet(atMs, FORGET_MS);
  }
  model.endQuiet(atMs + 30_000, FORGET_MS);
  atMs += 30_000;
  const expected: readonly (readonly [number, (goes: number) => boolean])[] = [
    [1, goes => goes > 0.9],
    [2, goes => goes > 0.9],
    [3, goes => goes < 0.25],
  ];
  for (const [uses, holds] of expected) {
    model.requested(0, 'order:new', 1, atMs + 300 * uses);
    t.ok(holds(goesOn(model, 'order:new')), `after ${uses}: ${goesOn(model, 'order:new')}`);
  }
  model.requested(0, 'other', 1, atMs);
  t.ok(goesOn(model, 'other') > 0.5, 'of another template that says less');
});

t.test('a key that comes back was not over', async t => {
  const model = newModel();
  model.requested(0, 'lock', 1, 0);
  const before = goesOn(model, 'lock');
  model.requested(0, 'lock', 1, 100);
  model.endQuiet(2000, FORGET_MS);
  const { slot } = model.requested(0, 'job', 1, 2001);
  t.equal(model.records.count(model.records.find(0, 'lock'), count.over), 0, 'not yet');
  const second = goesOn(model, 'lock');
  for (let round = 0; round < 5; round++) model.endQuiet(30_000 + round, FORGET_MS);
  t.ok(goesOn(model, 'lock') < second, 'once it is quiet, it is taken for over');
  const ended = goesOn(model, 'lock');
  model.endQuiet(40_000, FORGET_MS);
  t.equal(goesOn(model, 'lock'), ended, 'only once');
  model.requested(0, 'lock', 1, 50_000);
  model.requested(0, 'locked', 1, 50_000);
  model.requested(0, 'locked', 1, 50_100);
  t.ok(model.goesOn(slot) > 0.5 && before > 0.5);
});

t.test('a template whose keys pause for long is not taken to end there', async t => {
  const model = newModel();
  for (let key = 0; key < 30; key++) model.requested(0, `pausing:${key}`, 1, key);
  model.endQuiet(60_000, FORGET_MS);
  const ended = goesOn(model, 'pausing:0');
  for (let key = 0; key < 30; key++) model.requested(0, `pausing:${key}`, 1, 100_000 + key);
  model.requested(0, 'pausing:new', 1, 100_030);
  const again = goesOn(model, 'pausing:new');
  t.ok(ended < 0.2 && again > 0.9, `${ended}, then ${again}`);
});

t.test('keys are over after their own time: a daily job is not over within the hour', async t => {
  const model = newModel();
  for (let hour = 0; hour < 5; hour++) model.requested(0, 'job', 1, hour * 3_600_000);
  for (let ask = 0; ask < 5; ask++) model.requested(0, 'busy', 1, 4 * 3_600_000 + ask * 100);
  const over = (key: string): number => model.records.count(model.records.find(0, key), count.over);
  model.endQuiet(4 * 3_600_000 + 1_800_000, 86_400_000);
  t.equal(over('job'), 0);
  t.equal(over('busy'), 1);
});

t.test('what is over for long is forgotten, with all that belongs to it', async t => {
  const model = newModel();
  for (let ask = 0; ask < 100; ask++) model.requested(0, 'lock', 1, ask * 100);
  model.endQuiet(100_000, FORGET_MS);
  t.equal(model.records.size, 1);
  model.endQuiet(9900 + FORGET_MS + 1, FORGET_MS);
  t.equal(model.records.size, 0);
  t.ok(Number.isNaN(model.requested(0, 'lock', 1, 700_000).gapMs), 'and begins anew');
});

t.test('requests in the same moment are told from those that are merely close', async t => {
  const atOnce = (short: readonly number[]): number => {
    const model = newModel();
    const random = new SeededRandom(1);
    let atMs = 0;
    for (let ask = 0; ask < 400; ask++) {
      model.requested(0, 'lock', 1, atMs);
      atMs += random.chance(0.5) ? random.pick(short) : 1000 + 200 * random.next();
    }
    model.mixture.focus(model.records.find(0, 'lock'));
    return model.atOnce();
  };
  const [never, always, half] = [atOnce([0.3]), atOnce([0]), atOnce([0, 0.3])];
  t.equal(never, 0);
  t.ok(always > 0.35 && always < 0.65, `${always}`);
  t.ok(half > 0.15 && half < 0.35, `${half}`);
  t.equal(newModel().atOnce(), 0, 'where nothing was asked for');
});

t.test('each gap finishes the row that the request before it began', async t => {
  const model = newModel();
  model.requested(0, 'a', 1, 0);
  model.requested(0, 'b', 1, 50);
  model.requested(0, 'a', 1, 300);
  model.requested(0, 'b', 1, 1050);
  const { gapMs, sequence, inputs, count: rows, expertLogDensity } = model.rows.take();
  t.equal(rows, 2);
  t.strictSame(Array.from(gapMs), [300, 1000]);
  t.not(sequence[0], sequence[1]);
  t.equal(inputs.length, 2 * FEATURES);
  t.ok(inputs.every(Number.isFinite));
  t.equal(expertLogDensity.length, 2 * STATISTICS);
  t.ok(expertLogDensity.every(ln => ln <= 0 && Number.isFinite(ln)));
});

t.test('what the network reads is what happened', async t => {
  const model = newModel();
  const at = (name: (typeof featureNames)[number]): number => featureNames.indexOf(name);
  model.requested(0, 'lock', 1, 0);
  model.answered(0, 'lock', 'refused');
  model.requested(0, 'lock', 1, 250);
  model.answered(0, 'lock', 'granted');
  model.released(0, 'lock', 20);
  model.requested(0, 'lock', 2, 750);
  model.requested(0, 'lock', 2, 1750);
  const { inputs } = model.rows.take();
  const [, second = inputs, third = inputs] = [0, 1, 2].map(row =>
    inputs.subarray(row * FEATURES, (row + 1) * FEATURES),
  );
  t.ok(Math.abs((second[at('ln gap')] ?? 0) - Math.log(250.5)) < 1e-5);
  t.strictSame([second[at('refused')], third[at('refused')]], [1, 0]);
  t.strictSame([second[at('same client')], third[at('same client')]], [1, 0]);
  t.ok(Math.abs((third[at('ln hold')] ?? 0) - Math.log(20.5)) < 1e-5);
  t.ok(Math.abs((second[at('sine of second')] ?? 0) - 1) < 1e-6, 'a quarter of a second');
  t.ok(Math.abs((third[at('sine of second')] ?? 0) + 1) < 1e-6, 'three quarters');
});

t.test('a flood of random keys leaves a key that lives, and bounded memory', async t => {
  const model = newModel({ forecastKeysMax: 500, forecastTemplatesMax: 50 });
  const random = new SeededRandom(2);
  let lost = 0;
  for (let asked = 0; asked < 60_000; asked++) {
    const letters = random.next().toString(36).replace(/\d/g, '').slice(0, 9);
    model.requested(0, `${letters}:${asked}`, 1, asked);
    if (asked % 100 === 0) {
      const { gapMs } = model.requested(0, 'job', 1, asked);
      if (asked > 0 && gapMs !== 100) lost++;
    }
  }
  t.equal(lost, 0, 'the job was never forgotten');
  t.equal(model.records.size, 500);
  t.ok([...model.templates].length <= 50);
  t.ok(model.rows.take().count <= 1000);
});

const times = fc.array(
  fc.record({
    key: fc.nat(8).map(key => (key < 4 ? `lock:${key}` : `${'abcde'[key - 4]}:${key}`)),
    byMs: fc.oneof(
      fc.constant(0),
      fc.integer({ min: -100_000, max: 100_000 }),
      fc.double({ min: 0, max: 2, noNaN: true }),
      fc.constantFrom(1e13, -1e13),
    ),
    heldMs: fc.option(fc.double({ min: 0, max: 1e9, noNaN: true })),
    ends: fc.boolean(),
  }),
  { maxLength: 120, size: 'max' },
);

t.test('whatever the clock does, all numbers stay numbers', async () => {
  fc.assert(
    fc.property(times, steps => {
      const model = newModel({ forecastKeysMax: 5, forecastTemplatesMax: 3, trainingRowsMax: 20 });
      let atMs = 0;
      for (const { key, byMs, heldMs, ends } of steps) {
        atMs += byMs;
        const { gapMs, probability } = model.requested(0, key, 1, atMs);
        const isFirst = Number.isNaN(gapMs) && Number.isNaN(probability);
        if (!isFirst && !(gapMs >= 0 && probability > 0 && probability < 1 + 1e-6)) {
          throw new Error(`${gapMs} ms had ${probability}`);
        }
        if (heldMs !== null) model.released(0, key, heldMs);
        if (ends) model.endQuiet(atMs, FORGET_MS);
      }
      if (!model.records.numbers.every(Number.isFinite)) throw new Error('a number is none');
      const { inputs, expertLogDensity, expertLogWeight } = model.rows.take();
      for (const numbers of [inputs, expertLogDensity, expertLogWeight]) {
        if (!numbers.every(Number.isFinite)) throw new Error('a row has what is no number');
      }
    }),
    { numRuns: 300 },
  );
});
