import fc from 'fast-check';
import t from 'tap';
import { SequenceModel, sequenceDefaults } from '../../src/forecast/sequence/sequence-model.js';

const { sequenceHorizonMs: horizonMs } = sequenceDefaults;

/** A model that has learnt of 30 orders that the payment follows 2 s after the reservation, by whichever client. */
function learnt(options = sequenceDefaults): { model: SequenceModel; nowMs: number } {
  const model = new SequenceModel(options);
  let nowMs = 0;
  for (let order = 1000; order < 1030; order++) {
    model.requested(0, `order:${order}:reserve`, 1, nowMs);
    model.requested(0, `order:${order}:pay`, 1 + (order % 2), nowMs + 2000);
    nowMs += 3 * horizonMs;
  }
  model.refresh(nowMs);
  return { model, nowMs };
}

const pay = 'order:77:pay';
const reserve = 'order:77:reserve';

t.test('nothing is expected where nothing was asked for', async t => {
  const { model, nowMs } = learnt();
  t.equal(model.score(0, pay, 500, nowMs), 0);
  t.same([...model.due(0, Infinity)], []);
});

t.test('when a key itself comes again is left to the time model', async t => {
  const model = new SequenceModel(sequenceDefaults);
  for (let atMs = 0; atMs < 40_000; atMs += 1000) model.requested(0, 'job:1', 1, atMs);
  t.equal(model.score(0, 'job:1', 500, 39_900), 0);
  t.same(model.successors(0, 'job:1')[0]?.key, 'job:1', 'though it is known');
});

t.test('a key never seen has its score from what was asked for before, when it is due', async t => {
  const { model, nowMs } = learnt();
  model.requested(0, reserve, 1, nowMs);
  t.ok(model.score(0, pay, 500, nowMs) < 0.05);
  t.ok(model.score(0, pay, 500, nowMs + 1800) > 0.7);
  t.ok(model.score(0, pay, 3000, nowMs) > 0.7);
  t.ok(model.score(0, pay, 500, nowMs + 6000) < 0.1, 'it will not come any more');
  t.equal(model.score(1, pay, 3000, nowMs), 0, 'another database');
  const keys = (fromMs: number, toMs: number): string[] =>
    [...model.due(nowMs + fromMs, nowMs + toMs)].map(({ key }) => key);
  t.same(keys(1500, 2500), [pay]);
  t.same(keys(0, 500), []);
});

const endings: readonly {
  readonly name: string;
  readonly ends: boolean;
  /** What happens 100 ms after the reservation by client 1. */
  next(model: SequenceModel, atMs: number): void;
}[] = [
  { name: 'it was asked for', ends: true, next: (model, atMs) => model.requested(0, pay, 1, atMs) },
  {
    name: 'another client asked for it',
    ends: true,
    next: (model, atMs) => model.requested(0, pay, 9, atMs),
  },
  {
    name: 'the order went on otherwise',
    ends: true,
    next: (model, atMs) => model.requested(0, 'order:77:cancel', 9, atMs),
  },
  {
    name: 'the client went on with another order, for the payment may come from any',
    ends: false,
    next: (model, atMs) => model.requested(0, 'order:78:reserve', 1, atMs),
  },
  {
    name: 'somebody asked for something else',
    ends: false,
    next: (model, atMs) => model.requested(0, 'other', 9, atMs),
  },
  {
    name: 'the horizon is past',
    ends: true,
    next: (model, atMs) => model.refresh(atMs + horizonMs),
  },
];

for (const { name, ends, next } of endings) {
  t.test(`${ends ? 'nothing is expected any more' : 'it is expected still'}: ${name}`, async t => {
    const { model, nowMs } = learnt();
    model.requested(0, reserve, 1, nowMs);
    t.ok(model.score(0, pay, horizonMs, nowMs + 100) > 0.7);
    next(model, nowMs + 100);
    t.equal(model.score(0, pay, horizonMs, nowMs + 100) > 0.7, !ends);
  });
}

t.test('what the client alone was expected to ask for is over where another did', async t => {
  const model = new SequenceModel();
  let nowMs = 0;
  const reserveAndPay = (order: number, payer: number): void => {
    model.requested(0, `order:${order}:reserve`, 1, nowMs);
    model.requested(0, `audit:${order}`, 2, nowMs + 10);
    model.requested(0, `order:${order}:pay`, payer, nowMs + 2000);
    nowMs += 3 * horizonMs;
  };
  for (let order = 1000; order < 1030; order++) reserveAndPay(order, 1);
  model.requested(0, reserve, 1, nowMs);
  t.ok(model.score(0, pay, horizonMs, nowMs) > 0.7);
  model.requested(0, pay, 3, nowMs + 100);
  t.equal(model.score(0, pay, horizonMs, nowMs + 100), 0);
});

t.test('a lock that two clients are expected to ask for is likelier than for one', async t => {
  const model = new SequenceModel();
  let nowMs = 0;
  for (let count = 0; count < 60; count++) {
    model.requested(0, 'one', 1, nowMs);
    if (count % 2 === 0) model.requested(0, 'two', 1, nowMs + 100);
    nowMs += 3 * horizonMs;
  }
  model.requested(0, 'one', 1, nowMs);
  const once = model.score(0, 'two', 1000, nowMs);
  model.requested(0, 'one', 2, nowMs);
  const twice = model.score(0, 'two', 1000, nowMs);
  t.ok(Math.abs(once - 0.5) < 0.1);
  t.ok(Math.abs(twice - 0.75) < 0.1);
});

t.test('no more is expected than the limit allows', async t => {
  const { model, nowMs } = learnt({ ...sequenceDefaults, sequenceExpectedMax: 5 });
  for (let order = 0; order < 20; order++) {
    model.requested(0, `order:${order + 100}:reserve`, order, nowMs);
  }
  t.equal(model.sizes.expected, 5);
  t.equal([...model.due(0, Infinity)].length, 5);
});

const request = fc.record({
  key: fc.constantFrom('a', 'b', 'c:1', 'c:2', 'd:1:2', 'd:2:1', 'd:2:2', 'e:1'),
  client: fc.integer({ min: 1, max: 3 }),
  afterMs: fc.constantFrom(0, 1, 50, 3000, 20_000),
});

t.test('whatever was asked for, nothing is expected once the horizon is past', async t => {
  fc.assert(
    fc.property(
      fc.array(request, { maxLength: 150 }),
      fc.integer({ min: 1, max: 6 }),
      (all, most) => {
        const model = new SequenceModel({ ...sequenceDefaults, sequenceThreadsMax: most });
        let nowMs = 0;
        for (const { key, client, afterMs } of all) {
          nowMs += afterMs;
          model.requested(0, key, client, nowMs);
          const score = model.score(0, key, 500, nowMs);
          if (!(score >= 0 && score <= 1)) return false;
        }
        model.refresh(nowMs + horizonMs + 1);
        return model.sizes.expected === 0 && [...model.due(0, Infinity)].length === 0;
      },
    ),
    { numRuns: 300 },
  );
  t.pass();
});
