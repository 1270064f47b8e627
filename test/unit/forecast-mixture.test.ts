/** How far each model is believed: by what it gave to the gaps that came. */
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { count, field, STATISTICS, share } from '../../src/forecast/history/key-records.js';
import { HALF_MS, WEIGHED } from '../../src/forecast/mixture/mixture.js';
import { Network } from '../../src/forecast/network/network.js';
import { emptyWeights, PARTS } from '../../src/forecast/network/weights.js';
import { statisticNames } from '../../src/forecast/statistics/statistics.js';
import { networkShape, TimeModel, timeModelDefaults } from '../../src/forecast/time-model.js';
import { SeededRandom } from '../simulation/random.js';

/** A network that has learnt nothing, but says a lot. */
function wildNetwork(seed: number): Network {
  const random = new SeededRandom(seed);
  const weights = emptyWeights(networkShape, 1);
  for (const part of PARTS) {
    if (part === 'inputScale') continue;
    for (let at = 0; at < weights[part].length; at++) weights[part][at] = random.next() * 2 - 1;
  }
  return new Network(weights);
}

function sumOf(weights: Float64Array): number {
  return weights.reduce((sum, weight) => sum + weight, 0);
}

class Scene {
  readonly model = new TimeModel({ ...timeModelDefaults, trainingRowsMax: 100 });
  private readonly atMs = new Map<string, number>();

  request(key: string, gapMs: number): number {
    const atMs = (this.atMs.get(key) ?? 0) + gapMs;
    this.atMs.set(key, atMs);
    return this.model.requested(0, key, 1, atMs).slot;
  }

  gaps(key: string, gaps: readonly number[]): number {
    let slot = this.request(key, 0);
    for (const gapMs of gaps) slot = this.request(key, gapMs);
    return slot;
  }

  /** What the statistics weigh for a key, by name. */
  beliefs(slot: number): ReadonlyMap<string, number> {
    this.model.mixture.readWeights(slot);
    const { beliefs } = this.model.mixture;
    return new Map(statisticNames.map((name, at) => [name, beliefs[at] ?? Number.NaN]));
  }

  trust(slot: number): number {
    const { records, templates } = this.model;
    return templates.get(records.count(slot, count.template)).trust;
  }
}

function repeated<T>(times: number, of: (index: number) => T): T[] {
  return Array.from({ length: times }, (_, index) => of(index));
}

const anyGaps = fc.array(
  fc.oneof(
    fc.integer({ min: 0, max: 30 }),
    fc.double({ min: 0, max: 1e7, noNaN: true }),
    fc.constant(1e15),
  ),
  { maxLength: 150, size: 'max' },
);

for (const [who, seed] of [
  ['the statistics alone', null],
  ['a network', 3],
] as const) {
  t.test(`the weights of ${who} are together 1, and the mixture is a probability`, async () => {
    fc.assert(
      fc.property(anyGaps, fc.array(fc.nat(1e6), { minLength: 3, maxLength: 3 }), (gaps, span) => {
        const scene = new Scene();
        if (seed !== null) scene.model.use(wildNetwork(seed));
        const slot = scene.gaps('lock:1', gaps);
        const { mixture } = scene.model;
        mixture.focus(slot);
        if (mixture.isGated !== (seed !== null)) throw new Error('the network says nothing');
        if (Math.abs(sumOf(mixture.weights) - 1) > 1e-9) throw new Error('weights');
        if (Math.abs(sumOf(mixture.beliefs) - 1) > 1e-9) throw new Error('beliefs');
        if (mixture.weights.some(weight => !(weight >= 0))) throw new Error('a negative weight');
        const [from = 0, middle = 0, to = 0] = span.sort((one, other) => one - other);
        const whole = mixture.between(from, to);
        const parts = mixture.between(from, middle) + mixture.between(middle, to);
        if (!(whole >= -1e-9 && whole <= 1 + 1e-6)) throw new Error(`${whole}`);
        if (!(Math.abs(whole - parts) < 1e-5)) throw new Error(`${whole} in parts ${parts}`);
        const probability = mixture.probability(to);
        if (!(probability > 0 && probability <= 1 + 1e-6)) throw new Error(`${probability}`);
        if (mixture.probabilities.subarray(0, STATISTICS).some(each => !(each > 0))) {
          throw new Error('something is impossible');
        }
      }),
      { numRuns: 200 },
    );
  });
}

t.test('the probability of a gap is that of a millisecond around it', async t => {
  const scene = new Scene();
  const { mixture } = scene.model;
  mixture.focus(scene.gaps('lock', [90, 100, 110, 100]));
  for (const gapMs of [0, 0.2, 50, 100]) {
    const from = gapMs > HALF_MS ? gapMs - HALF_MS : 0;
    const expected = mixture.between(from, gapMs + HALF_MS);
    t.ok(Math.abs(mixture.probability(gapMs) / expected - 1) < 0.01, `${gapMs} ms`);
  }
});

function mostBelieved(t: Test, scene: Scene, slot: number, among: readonly string[]): void {
  const beliefs = [...scene.beliefs(slot)].sort(([, one], [, other]) => other - one);
  const [[name, belief] = ['', 0]] = beliefs;
  t.ok(among.includes(name), `${name} is believed most: ${belief.toFixed(3)}`);
}

t.test('at first all are believed alike', async t => {
  const scene = new Scene();
  for (const [, belief] of scene.beliefs(scene.gaps('lock', []))) {
    t.ok(Math.abs(belief - 1 / STATISTICS) < 1e-4);
  }
});

const random = new SeededRandom(4);
const remembering = ['recurrence', 'analogue', 'analogue-2'];
const patterns: readonly (readonly [string, (index: number) => number, readonly string[]])[] = [
  ['comes every 5 s', () => 5000, remembering],
  ['alternates', index => (index % 2 ? 7000 : 130), ['analogue', 'analogue-2']],
  [
    'comes at a constant rate',
    () => -3000 * Math.log(1 - random.next()),
    ['poisson', 'poisson-recent', 'shape', 'shape-recent'],
  ],
];
for (const [what, gap, among] of patterns) {
  t.test(`of a key that ${what}, beliefs move to ${among.join(', ')}`, async t => {
    const scene = new Scene();
    mostBelieved(t, scene, scene.gaps('lock', repeated(200, gap)), among);
  });
}

t.test('whoever has been wrong for long is believed again once it is right', async t => {
  const scene = new Scene();
  const rate = new SeededRandom(5);
  scene.gaps(
    'lock',
    repeated(300, () => -3000 * Math.log(1 - rate.next())),
  );
  const slot = scene.gaps(
    'lock',
    repeated(80, () => 2000),
  );
  mostBelieved(t, scene, slot, remembering);
});

t.test('a new key begins with the beliefs of its template', async t => {
  const scene = new Scene();
  for (let key = 0; key < 20; key++) {
    scene.gaps(
      `job:${key}`,
      repeated(40, () => 1000 * (key + 1)),
    );
  }
  const known = scene.beliefs(scene.request('job:99', 0));
  const other = scene.beliefs(scene.request('lock', 0));
  t.ok((known.get('recurrence') ?? 0) + (known.get('analogue') ?? 0) > 0.3);
  t.ok((known.get('poisson') ?? 1) < 0.02);
  t.equal(known.size, other.size);
});

t.test('a network that says nonsense is not trusted, and what acts stays as good', async t => {
  const [with_, without] = [new Scene(), new Scene()];
  with_.model.use(wildNetwork(7));
  const steady = new SeededRandom(8);
  const gaps = repeated(400, () => 900 + 200 * steady.next());
  let lost = 0;
  for (const [index, gapMs] of gaps.entries()) {
    for (const scene of [with_, without]) scene.request('lock', gapMs);
    if (index < 100) continue;
    const logs = [with_, without].map(({ model }) => {
      const slot = model.records.find(0, 'lock');
      model.mixture.focus(slot);
      return Math.log(model.mixture.probability(gapMs));
    });
    lost += ((logs[1] ?? 0) - (logs[0] ?? 0)) / (gaps.length - 100);
  }
  const slot = with_.model.records.find(0, 'lock');
  t.ok(with_.trust(slot) < 0.2, `trust ${with_.trust(slot)}`);
  t.ok(lost < 0.1, `${lost} nats lost for each event`);
  t.ok(with_.model.templates.trust < 0.2, 'and no new template begins with more');
});

/** A network whose only word is that the gap is `gapMs`, or a few percent off. */
function oneWordNetwork(gapMs: number): Network {
  const weights = emptyWeights(networkShape, 1);
  const { components } = networkShape;
  weights.headBias.fill(8, 0, components);
  weights.headBias.fill(Math.log(gapMs), components, 2 * components);
  weights.headBias.fill(Math.log(0.02), 2 * components, 3 * components);
  return new Network(weights);
}

t.test(
  'a network that is right where the statistics are not is trusted, until it is not',
  async t => {
    const scene = new Scene();
    scene.model.use(oneWordNetwork(1000));
    // Each key comes twice only: its own gaps tell nothing.
    const visit = (key: number, gapMs: number): number => {
      scene.request(`noise:${key}x`, 10 ** (1 + (key % 50) / 10));
      return scene.gaps(`order:${key}`, [gapMs]);
    };
    const wide = new SeededRandom(6);
    for (let key = 0; key < 100; key++) visit(key, 10_000 * wide.next());
    const doubted = scene.trust(scene.model.records.find(0, 'order:99'));
    for (let key = 100; key < 130; key++) visit(key, 1000);
    const trusted = scene.trust(scene.model.records.find(0, 'order:129'));
    t.ok(doubted < 0.3 && trusted > doubted, `${doubted}, then ${trusted}`);
  },
);

t.test('without a network, what the one before has said is forgotten', async t => {
  const scene = new Scene();
  scene.model.use(wildNetwork(3));
  const slot = scene.gaps('lock', [100, 200]);
  const { mixture, records } = scene.model;
  mixture.readWeights(slot);
  t.ok(mixture.isGated);
  t.ok(sumOf(mixture.weights.subarray(STATISTICS)) > 0, 'its log-normals have weight');
  scene.model.use(null);
  mixture.focus(slot);
  t.notOk(mixture.isGated);
  t.equal(sumOf(mixture.weights.subarray(STATISTICS, WEIGHED)), 0);
  t.ok(Math.abs(sumOf(mixture.weights) - 1) < 1e-9);
  t.equal(records.shares[records.sharesOf(slot) + share.weights], 0);
});

t.test('what a network says of widths is kept in bounds', async t => {
  const scene = new Scene();
  const weights = emptyWeights(networkShape, 1);
  const { components } = networkShape;
  weights.headBias.fill(50, 2 * components, 2 * components + 1);
  weights.headBias.fill(-50, 2 * components + 1, 2 * components + 2);
  scene.model.use(new Network(weights));
  const slot = scene.gaps('lock', [100]);
  const { records, mixture } = scene.model;
  const at = records.sharesOf(slot) + share.widths;
  t.ok(Math.abs((records.shares[at] ?? 0) / 4096 - 5) < 0.01);
  t.ok(Math.abs((records.shares[at + 1] ?? 0) / 4096 - 0.01) < 0.001);
  t.equal(records.number(slot, field.means), 0);
  mixture.focus(slot);
  t.ok(mixture.probability(1) > 0);
});
