/** How the network learns: whether it does, from what not, and when it is not taken. */
import t from 'tap';
import { encode } from '../../src/forecast/network/weights.js';
import { chooseBackend } from '../../src/forecast/training/backend.js';
import { meanLoss } from '../../src/forecast/training/judge.js';
import { renormalised } from '../../src/forecast/training/parameters.js';
import { train } from '../../src/forecast/training/train.js';
import { type Trained, trainingDefaults } from '../../src/forecast/training/training-options.js';
import { rowsOf, type TrainingSet } from '../../src/forecast/training/training-set.js';
import { alternating, SPREAD, turns } from '../harness/training-sets.js';

await chooseBackend(['wasm', 'cpu']);

const options = { ...trainingDefaults, rowsReadMax: 60_000, rowsReadWarmMax: 20_000 };

function trained(set: TrainingSet, given = options, from?: Trained): Trained {
  const result = train(set, given, from?.weights);
  if (result.outcome === 'refused') throw new Error(result.reason);
  return result;
}

/** ln 316 ms, the middle of the two gaps, and the entropy of their spread. */
const BEST_POSSIBLE = Math.log(Math.sqrt(100 * 1000)) + Math.log(SPREAD) + 1.419;

const first = trained(alternating(4000));

t.test('learns what the experts cannot know', async t => {
  const { verdict, replaces } = first;
  t.ok(replaces);
  t.ok(verdict.challenger < Number(verdict.noNetwork) - 1, JSON.stringify(verdict));
  t.ok(verdict.challenger < BEST_POSSIBLE + 0.3, JSON.stringify(verdict));
  t.equal(verdict.rows, 400);
  t.equal(verdict.champion, null);
});

t.test('the same seed gives the same bytes, another seed others', async t => {
  const bytes = (seed: number): Uint8Array =>
    new Uint8Array(encode(trained(alternating(1000), { ...options, seed }).weights));
  t.same(bytes(1), bytes(1));
  t.notSame(bytes(1), bytes(2));
});

t.test('goes on from other weights, and begins where those were', async t => {
  const next = trained(alternating(4000), { ...options, epochsMax: 1 }, first);
  t.equal(next.epochs, 1);
  t.equal(next.verdict.champion, first.verdict.challenger);
  t.ok(next.verdict.challenger < BEST_POSSIBLE + 0.3, JSON.stringify(next.verdict));
});

t.test('normalised by what is usual now, weights do what they did', async t => {
  const set = alternating(1000);
  for (let row = 0; row < 1000; row++) {
    const at = row * set.shape.inputs;
    set.inputs[at] = Number(set.inputs[at]) * 1.5 + 0.4;
  }
  const { weights } = first;
  const now = renormalised(weights, set, 800);
  t.not(now.inputMean[0], weights.inputMean[0]);
  const difference = meanLoss(set, now, 0, 1000) - meanLoss(set, weights, 0, 1000);
  t.ok(Math.abs(difference) < 1e-4, `${difference}`);
});

t.test('begins anew where the weights mean something else', async t => {
  const foreign = { ...first, weights: { ...first.weights, version: 77 } };
  t.equal(trained(alternating(1000), options, foreign).verdict.champion, null);
  const other = turns({ rows: 1000, keys: 2, units: 5, seed: 1, gapMs: () => 100 });
  t.equal(trained(other, options, first).verdict.champion, null);
});

t.test('never replaces what is better on the newest rows', async t => {
  t.test('the weights that it went on from', async t => {
    // What is fitted now is the other way round than what comes last.
    const set = alternating(4000);
    for (let row = 0; row < 3600; row++) set.gapMs[row] = 1e5 / Number(set.gapMs[row]);
    const next = trained(set, { ...options, learningRateWarm: 0.01 }, first);
    t.equal(next.replaces, false);
    t.ok(next.verdict.challenger > Number(next.verdict.champion), JSON.stringify(next.verdict));
  });
  t.test('the experts alone', async t => {
    const set = alternating(4000);
    for (let row = 0; row < 3600; row++) set.gapMs[row] = 1e5 / Number(set.gapMs[row]);
    for (let row = 3600; row < 4000; row++) {
      set.expertLogDensity.fill(-1, row * set.shape.experts, (row + 1) * set.shape.experts);
    }
    const result = trained(set);
    t.equal(result.replaces, false);
    t.ok(result.verdict.challenger > Number(result.verdict.noNetwork));
  });
});

t.test('rows that hold something that is no number are left out, and counted', async t => {
  const set = alternating(1010);
  for (let row = 0; row < 10; row++) {
    const broken = row % 2 === 0 ? Number.NaN : Number.POSITIVE_INFINITY;
    const at = row * 101;
    if (row < 3) set.inputs[at * set.shape.inputs + 1] = broken;
    else if (row < 5) set.gapMs[at] = row === 3 ? -1 : broken;
    else if (row < 7) set.expertLogDensity[at * set.shape.experts] = broken;
    else set.expertLogWeight[at * set.shape.experts + 2] = broken;
  }
  const result = trained(set);
  t.equal(result.rowsDropped, 10);
  t.equal(result.rows, 1000);
  const sound = Int32Array.from({ length: 1010 }, (_, row) => row).filter(row => row % 101 !== 0);
  t.same(encode(result.weights), encode(trained(rowsOf(set, sound)).weights));
});

t.test('an expert that held a gap for impossible is no fault of the row', async t => {
  const set = alternating(1000);
  set.expertLogDensity.fill(Number.NEGATIVE_INFINITY, 0, 3);
  set.expertLogWeight.fill(Number.NEGATIVE_INFINITY, 3, 5);
  const result = trained(set);
  t.equal(result.rowsDropped, 0);
  t.ok(Number.isFinite(result.verdict.challenger));
});

for (const [what, set] of [
  ['one key', alternating(600, 1)],
  ['as many keys as rows', turns({ rows: 600, keys: 6000, units: 4, seed: 3, gapMs: () => 100 })],
  ['one gap', turns({ rows: 600, keys: 2, units: 4, seed: 3, gapMs: () => 1 })],
] as const) {
  t.test(`${what} is enough to be learnt from`, async t => {
    t.ok(Number.isFinite(trained(set).verdict.challenger));
  });
}

t.test('learns without experts', async t => {
  const set = alternating(1000);
  const none = { ...set, shape: { ...set.shape, experts: 0 } };
  const alone: TrainingSet = {
    ...none,
    expertLogDensity: new Float32Array(0),
    expertLogWeight: new Float32Array(0),
  };
  const { verdict, replaces } = trained(alone);
  t.equal(verdict.noNetwork, null);
  t.ok(replaces);
});

for (const [rows, reason] of [
  [0, /0 rows are too few/],
  [199, /199 rows are too few/],
] as const) {
  t.test(`${rows} rows are refused with a reason`, async t => {
    t.match(train(alternating(rows), options), { outcome: 'refused', reason });
  });
}

t.test('rows of nothing but NaN are refused with a reason', async t => {
  const set = alternating(1000);
  set.gapMs.fill(Number.NaN);
  t.match(train(set, options), { outcome: 'refused', rowsDropped: 1000, reason: /0 rows/ });
});
