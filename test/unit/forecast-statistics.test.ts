/** The simple models: that each gives probabilities, and what each is there for. */
import fc from 'fast-check';
import t from 'tap';
import { count, field, KeyRecords, STATISTICS } from '../../src/forecast/history/key-records.js';
import { Histogram } from '../../src/forecast/statistics/histogram.js';
import { likeness } from '../../src/forecast/statistics/likeness.js';
import {
  BINS,
  binEdgesMs,
  binOf,
  LEVELS,
  levelOf,
  shareBelow,
} from '../../src/forecast/statistics/log-bins.js';
import { normalBelow, normalBetween } from '../../src/forecast/statistics/normal.js';
import { Statistics, statisticNames } from '../../src/forecast/statistics/statistics.js';
import { evenBeliefs, Templates } from '../../src/forecast/statistics/templates.js';
import { Uses } from '../../src/forecast/statistics/uses.js';

const edge = (bin: number): number => binEdgesMs[bin] ?? Number.NaN;
const gapsMs = fc.oneof(
  fc.integer({ min: 0, max: 40 }),
  fc.double({ min: 0, max: 30, noNaN: true }),
  fc.double({ min: 0, max: 2e9, noNaN: true }),
  fc.double({ min: -1, max: 21, noNaN: true }).map(log => Math.exp(log)),
);

t.test('the bins lie side by side, the first milliseconds one by one', async t => {
  t.equal(edge(0), 0);
  for (let bin = 0; bin < BINS; bin++) {
    if (!(edge(bin + 1) > edge(bin))) t.fail(`bin ${bin} is empty`);
  }
  for (let ms = 0; ms <= 15; ms++) t.equal(binOf(ms), ms);
  t.ok(BINS <= 255, 'a bin is a byte, and one is left');
  t.ok(edge(BINS - 1) > 10 * 86_400_000, 'days are told apart');
});

t.test('every gap lies in its bin', async t => {
  fc.assert(
    fc.property(gapsMs, gapMs => {
      const bin = binOf(gapMs);
      const rounding = gapMs * 1e-12;
      const isAbove = gapMs >= edge(bin) - rounding;
      const isBelow = bin === BINS - 1 || gapMs < edge(bin + 1) + rounding;
      return Number.isInteger(bin) && bin >= 0 && bin < BINS && isAbove && isBelow;
    }),
    { numRuns: 2000 },
  );
  t.equal(binOf(Number.MAX_VALUE), BINS - 1);
  t.equal(binOf(Number.POSITIVE_INFINITY), BINS - 1);
});

t.test('the part of a bin below a gap rises from 0 to 1', async t => {
  for (const bin of [0, 1, 15, 16, 17, 60, BINS - 1]) {
    const [from, to] = [edge(bin), edge(bin + 1)];
    t.equal(shareBelow(from, bin), 0);
    t.ok(Math.abs(shareBelow((from + to) / 2, bin) - 0.5) < 1e-9);
    t.equal(shareBelow(to, bin), 1);
    t.equal(shareBelow(from - 5, bin), 0);
    t.equal(shareBelow(Number.POSITIVE_INFINITY, bin), 1);
  }
});

t.test('levels rise with bins, and leave none out', async t => {
  t.equal(levelOf(0), 0);
  for (let bin = 1; bin < BINS; bin++) {
    const step = levelOf(bin) - levelOf(bin - 1);
    if (step < 0 || step > 1) t.fail(`bin ${bin}: ${step}`);
  }
  t.equal(levelOf(BINS - 1), LEVELS - 1);
});

t.test(
  'a gap is like itself, the less like another the farther off, and both ways alike',
  async t => {
    for (const bin of [0, 3, 16, 50, 100]) {
      t.equal(likeness(bin, bin), 1);
      for (let other = bin + 1; other < BINS; other++) {
        if (!(likeness(bin, other) < likeness(bin, other - 1))) t.fail(`${bin}, ${other}`);
        if (likeness(bin, other) !== likeness(other, bin)) t.fail(`${bin}, ${other} and back`);
      }
    }
  },
);

/** By the rule alone: a gap is evenly spread over its bin. */
function slowlyCounted(gaps: readonly number[], fromMs: number, toMs: number): number {
  let sum = 0;
  for (const gapMs of gaps) {
    const bin = binOf(gapMs);
    sum += shareBelow(toMs, bin) - shareBelow(fromMs, bin);
  }
  return sum;
}

t.test('a histogram counts what lies between two', async () => {
  fc.assert(
    fc.property(
      fc.array(gapsMs, { maxLength: 60, size: 'max' }),
      gapsMs,
      gapsMs,
      (gaps, one, other) => {
        const histogram = new Histogram();
        const [from, to] = [Math.min(one, other), Math.max(one, other)];
        for (const gapMs of gaps) {
          histogram.add(binOf(gapMs));
          // Asked in between, so that a sum that is out of date would be seen.
          histogram.countBetween(from, to);
        }
        const expected = slowlyCounted(gaps, from, to);
        const counted = histogram.countBetween(from, to);
        return histogram.total === gaps.length && Math.abs(counted - expected) < 1e-6;
      },
    ),
    { numRuns: 500 },
  );
});

t.test('a histogram forgets the older half, and follows what changes', async t => {
  const histogram = new Histogram();
  for (let gap = 0; gap < 100_000; gap++) histogram.add(binOf(10));
  for (let gap = 0; gap < 100_000; gap++) histogram.add(binOf(1000));
  t.ok(histogram.total < 50_000);
  const everything = histogram.countBetween(0, Number.POSITIVE_INFINITY);
  t.ok(Math.abs(everything - histogram.total) < 1e-3);
  t.ok(histogram.countBetween(500, 2000) / histogram.total > 0.9);
});

t.test('the normal distribution is that of the tables, in its tails too', async t => {
  const table: readonly (readonly [number, number])[] = [
    [0, 0.5],
    [1, 0.8413447461],
    [-1, 0.1586552539],
    [1.959963985, 0.975],
    [-3, 0.001349898],
    [4, 0.9999683288],
  ];
  for (const [z, below] of table) t.ok(Math.abs(normalBelow(z) - below) < 2e-7, `${z}`);
  for (const [from, to] of [
    [3, 4],
    [5, 6],
    [6, 7],
    [7, 9],
    [0, 1],
    [-1, 1],
  ] as const) {
    const [upper, lower] = [normalBetween(from, to), normalBetween(-to, -from)];
    t.ok(upper > 0, `${from} to ${to} is ${upper}`);
    t.ok(Math.abs(upper - lower) <= 1e-8 * upper, `${from} to ${to} is as its mirror`);
  }
  t.ok(Math.abs(normalBetween(5, 6) / 2.856e-7 - 1) < 0.01, 'to one part in a hundred');
  t.equal(normalBetween(-Infinity, Infinity), 1);
  t.equal(normalBetween(-Infinity, -Infinity), 0);
  t.equal(normalBetween(20, 30), 0);
});

/** Statistics as they stand after some requests; times are gaps. */
class Lived {
  readonly records = new KeyRecords(100);
  readonly templates = new Templates(10, evenBeliefs);
  readonly statistics = new Statistics(this.records, this.templates);

  /** The key is asked for, that long after its last request. */
  request(key: string, gapMs: number): void {
    const { records } = this;
    const known = records.find(0, key);
    const slot = known < 0 ? records.add(0, key) : known;
    if (known < 0) records.setCount(slot, count.template, this.templates.numberOf('lock:{}'));
    else {
      const bin = binOf(gapMs);
      const isReleased = records.count(slot, count.released) === 1;
      const holdMs = isReleased ? records.number(slot, field.lastHoldMs) : Number.NaN;
      this.statistics.learn(slot, gapMs, bin);
      records.rings.add(slot, gapMs, bin, holdMs, 1, 0);
    }
    records.setCount(slot, count.released, 0);
  }

  release(key: string, heldMs: number): void {
    const slot = this.records.find(0, key);
    this.records.setNumber(slot, field.lastHoldMs, heldMs);
    this.records.setCount(slot, count.released, 1);
  }

  gaps(key: string, gaps: readonly number[]): this {
    this.request(key, 0);
    for (const gapMs of gaps) this.request(key, gapMs);
    return this;
  }

  /** Of each statistic, in the order of their numbers. */
  between(key: string, fromMs: number, toMs: number): Float64Array {
    const out = new Float64Array(STATISTICS);
    this.statistics.focus(this.records.find(0, key));
    this.statistics.between(fromMs, toMs, out);
    return out;
  }

  of(name: (typeof statisticNames)[number], key: string, fromMs: number, toMs: number): number {
    return this.between(key, fromMs, toMs)[statisticNames.indexOf(name)] ?? Number.NaN;
  }
}

/** What happens: a request of one of a few keys, and how long of the gap the lock was held. */
const history = fc.array(
  fc.record({
    key: fc.integer({ min: 0, max: 2 }).map(key => `lock:${key}`),
    gapMs: gapsMs,
    heldShare: fc.option(fc.double({ min: 0, max: 1.2, noNaN: true })),
  }),
  { maxLength: 200, size: 'max' },
);
type History = typeof history extends fc.Arbitrary<infer Steps> ? Steps : never;

/** With a release of the last request of each key, where there was one before. */
function after(steps: History): Lived {
  const lived = new Lived().gaps('lock:0', []);
  for (const { key, gapMs, heldShare } of steps) {
    lived.request(key, gapMs);
    if (heldShare !== null) lived.release(key, gapMs * heldShare);
  }
  return lived;
}

t.test('there are as many names as statistics', async t => {
  t.equal(statisticNames.length, STATISTICS);
});

const spans = fc.tuple(gapsMs, gapsMs, gapsMs);
/** The error of the normal distribution, and of sums of counts. */
const ROUNDING = 2e-6;

t.test('each statistic gives probabilities: 0 to 1, and parts that make up the whole', async () => {
  fc.assert(
    fc.property(history, spans, (steps, span) => {
      const lived = after(steps);
      const [from = 0, middle = 0, to = 0] = [...span].sort((one, other) => one - other);
      const whole = lived.between('lock:0', from, to);
      const first = lived.between('lock:0', from, middle);
      const second = lived.between('lock:0', middle, to);
      for (const [statistic, name] of statisticNames.entries()) {
        const probability = whole[statistic] ?? Number.NaN;
        const parts = (first[statistic] ?? Number.NaN) + (second[statistic] ?? Number.NaN);
        if (!(probability >= -ROUNDING && probability <= 1 + ROUNDING)) {
          throw new Error(`${name} from ${from} to ${to}: ${probability}`);
        }
        if (!(Math.abs(parts - probability) < ROUNDING)) {
          throw new Error(`${name} from ${from} by ${middle} to ${to}: ${parts}, ${probability}`);
        }
      }
    }),
    { numRuns: 400 },
  );
});

t.test(
  'some gap comes: all of time has a probability of 1, but where a release is missing',
  async () => {
    fc.assert(
      fc.property(history, steps => {
        const lived = after(steps.map(step => ({ ...step, heldShare: null })));
        for (const [statistic, whole] of lived.between('lock:0', 0, Infinity).entries()) {
          if (!(Math.abs(whole - 1) < 1e-3))
            throw new Error(`${statisticNames[statistic]}: ${whole}`);
        }
      }),
      { numRuns: 200 },
    );
  },
);

function repeated<T>(times: number, of: (index: number) => T): T[] {
  return Array.from({ length: times }, (_, index) => of(index));
}

t.test('a key that comes every 5 s is expected after 5 s', async t => {
  const lived = new Lived().gaps(
    'job',
    repeated(40, () => 5000),
  );
  for (const name of ['histogram', 'recurrence', 'analogue', 'analogue-2'] as const) {
    const near = lived.of(name, 'job', 4750, 5250);
    t.ok(near > 0.4, `${name}: ${near}`);
    t.ok(near > 10 * lived.of(name, 'job', 1000, 1500), `${name} before`);
  }
  const [sharp, blunt] = [
    lived.of('recurrence', 'job', 4990, 5010),
    lived.of('poisson', 'job', 4990, 5010),
  ];
  t.ok(sharp > 0.35 && blunt < 0.01, `the one remembers (${sharp}), the other does not (${blunt})`);
});

t.test('of gaps that alternate, the analogue knows which comes next', async t => {
  const lived = new Lived().gaps(
    'lock',
    repeated(40, index => (index % 2 ? 3000 : 100)),
  );
  const next = lived.of('analogue', 'lock', 90, 110);
  const other = lived.of('analogue', 'lock', 2700, 3300);
  t.ok(next > 0.7 && other < 0.1, `${next} after 3000 ms, ${other} for 3000 ms again`);
  t.ok(lived.of('recurrence', 'lock', 90, 110) < 0.6, 'where the gaps alone tell no order');
  lived.request('lock', 100);
  t.ok(lived.of('analogue', 'lock', 2700, 3300) > 0.7, 'and the other way round');
});

t.test('of gaps that come by threes, the last two tell which is next', async t => {
  const lived = new Lived().gaps(
    'lock',
    repeated(61, index => (index % 3 === 2 ? 3000 : 100)),
  );
  const [once, twice] = (['analogue', 'analogue-2'] as const).map(name =>
    lived.of(name, 'lock', 90, 110),
  );
  t.ok((twice ?? 0) > 0.75 && (once ?? 1) < 0.65, `by one ${once}, by two ${twice}`);
});

t.test('what followed a gap is known of other keys of other templates too', async t => {
  const lived = new Lived();
  for (let key = 0; key < 30; key++) {
    lived.gaps(
      `lock:${key}`,
      repeated(10, index => (index % 2 ? 3000 : 100)),
    );
  }
  lived.gaps('new', [100]);
  t.ok(lived.of('context', 'new', 2500, 3500) > 0.6);
  lived.gaps('new', [3000]);
  t.ok(lived.of('context', 'new', 80, 120) > 0.6);
});

t.test('a key of which nothing is known is as all others', async t => {
  const lived = new Lived().gaps(
    'lock:1',
    repeated(200, () => 700),
  );
  lived.request('lock:2', 0);
  for (const probability of lived.between('lock:2', 600, 800)) t.ok(probability > 0.7);
});

t.test('moving means follow, the recent ones faster', async t => {
  const lived = new Lived().gaps('lock', [
    ...repeated(60, () => 100),
    ...repeated(8, () => 10_000),
  ]);
  const slow = lived.of('poisson', 'lock', 0, 500);
  const fast = lived.of('poisson-recent', 'lock', 0, 500);
  t.ok(fast < 0.1 && slow > 2 * fast, `${fast}, ${slow}`);
  const [log, ewma] = [
    lived.of('log-normal', 'lock', 5000, 20_000),
    lived.of('ewma', 'lock', 5000, 20_000),
  ];
  t.ok(ewma > 2 * log, `${ewma}, ${log}`);
});

t.test(
  'who asks again 200 ms after its release is expected then, however long it held',
  async t => {
    const lived = new Lived().gaps('lock', []);
    for (let round = 0; round < 40; round++) {
      const heldMs = 500 + ((round * 7919) % 5000);
      lived.release('lock', heldMs);
      lived.request('lock', heldMs + 200);
    }
    t.ok(lived.of('pause', 'lock', 0, 20_000) > 0.9, 'held still: as it came before');
    lived.release('lock', 9000);
    const [before, then] = [
      lived.of('pause', 'lock', 0, 9100),
      lived.of('pause', 'lock', 9150, 9250),
    ];
    t.ok(before < 0.2 && then > 0.6, `${before} before, ${then} then`);
    t.ok(lived.of('recurrence', 'lock', 9150, 9250) < 0.05, 'which gaps alone do not tell');
  },
);

t.test('a key that is asked for often keeps more gaps than its ring', async t => {
  const gaps = [...repeated(300, () => 50), ...repeated(64, () => 5000)];
  const lived = new Lived().gaps('lock', gaps);
  const old = lived.of('histogram', 'lock', 45, 55);
  t.ok(old > 0.6, `${old}`);
  t.ok(lived.of('recurrence', 'lock', 45, 55) < 0.01, 'that is out of the ring');
  lived.statistics.forget(lived.records.find(0, 'lock'));
  t.ok(lived.of('histogram', 'lock', 4000, 6000) > old, 'forgotten with the key');
});

t.test('templates are numbered; the one used before all others makes room', async t => {
  const templates = new Templates(3, evenBeliefs);
  const numbers = ['a', 'b', 'c'].map(template => templates.numberOf(template));
  t.strictSame(numbers, [0, 1, 2]);
  templates.get(0).gaps.add(5);
  t.equal(templates.numberOf('a'), 0, 'used again');
  t.equal(templates.numberOf('d'), 1, 'so b goes');
  t.equal(templates.get(1).template, 'd');
  t.equal(templates.get(1).gaps.total, 0);
  t.equal(templates.get(0).gaps.total, 1);
  t.equal([...templates].length, 3);
  t.throws(() => templates.get(3), RangeError);
  t.not(templates.get(0).hash, templates.get(1).hash);
});

t.test('a million templates take no more room than they may', async t => {
  const templates = new Templates(50, evenBeliefs);
  for (let key = 0; key < 20_000; key++) templates.numberOf(`random ${key}`);
  t.equal([...templates].length, 50);
});

t.test('keys that are asked for three times foretell their end', async t => {
  const uses = new Uses(null);
  const unknown = uses.goesOnAfter(3);
  t.ok(unknown > 0.9, 'where nothing is known, it goes on');
  for (let key = 0; key < 50; key++) {
    uses.noteWentOn(1);
    uses.noteWentOn(2);
    uses.noteEnded(3);
  }
  t.ok(uses.goesOnAfter(1) > 0.95);
  t.ok(uses.goesOnAfter(2) > 0.95);
  t.ok(uses.goesOnAfter(3) < 0.1);
  t.equal(uses.goesOnAfter(4), unknown, 'of a fourth time nothing is known');
});

t.test('who was taken for ended and came back takes the end back', async t => {
  const uses = new Uses(null);
  for (let key = 0; key < 20; key++) uses.noteEnded(3);
  const ended = uses.goesOnAfter(3);
  for (let key = 0; key < 20; key++) uses.noteReturned(3);
  t.ok(ended < 0.2 && uses.goesOnAfter(3) > 0.95, `${ended}, then ${uses.goesOnAfter(3)}`);
  for (let key = 0; key < 1000; key++) uses.noteReturned(3);
  t.ok(uses.goesOnAfter(3) <= 1, 'however often');
});

t.test('a template of which little is known is as all others', async t => {
  const all = new Uses(null);
  const [known, other] = [new Uses(all), new Uses(all)];
  for (let key = 0; key < 100; key++) known.noteEnded(2);
  t.ok(other.goesOnAfter(2) < 0.1);
  t.ok(other.goesOnAfter(1) > 0.9);
  for (let key = 0; key < 100; key++) other.noteWentOn(2);
  t.ok(other.goesOnAfter(2) > 0.9, 'until it shows its own');
  t.ok(known.goesOnAfter(2) < 0.1);
});

t.test('uses change with the times, and are a probability however many there were', async t => {
  const uses = new Uses(null);
  for (let key = 0; key < 5000; key++) uses.noteEnded(1);
  for (let key = 0; key < 400; key++) uses.noteWentOn(1);
  t.ok(uses.goesOnAfter(1) > 0.7, `${uses.goesOnAfter(1)}`);
  for (const times of [0, 1, 16, 17, 4_000_000]) {
    const goesOn = uses.goesOnAfter(times);
    t.ok(goesOn >= 0 && goesOn <= 1, `after ${times}: ${goesOn}`);
  }
  t.equal(uses.goesOnAfter(16), uses.goesOnAfter(500), 'from the sixteenth on they are alike');
});
