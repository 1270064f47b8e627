/** What is remembered of each key: in how much room, in which order, and for how long. */
import t from 'tap';
import { EVENT_BYTES, EVENTS_MAX, EventRings } from '../../src/forecast/history/event-rings.js';
import {
  count,
  field,
  KeyRecords,
  RECORD_BYTES,
  share,
  UNITS,
} from '../../src/forecast/history/key-records.js';
import { TrainingRows } from '../../src/forecast/history/training-rows.js';

function gapsOf(rings: EventRings, slot: number): number[] {
  const gapsMs = new Float32Array(EVENTS_MAX);
  const length = rings.read(slot, gapsMs, new Uint8Array(EVENTS_MAX), new Float32Array(EVENTS_MAX));
  return Array.from(gapsMs.subarray(0, length));
}

function addGaps(rings: EventRings, slot: number, from: number, to: number): void {
  for (let gap = from; gap <= to; gap++) rings.add(slot, gap, gap % 200, gap / 2, gap + 7, gap % 3);
}

/** The newest first, and no more than a ring has. */
function newestFirst(from: number, to: number): number[] {
  const gaps: number[] = [];
  for (let gap = to; gap >= from && gaps.length < EVENTS_MAX; gap--) gaps.push(gap);
  return gaps;
}

for (const events of [1, 3, 4, 5, 15, 16, 17, 63, 64, 65, 100, 128, 129, 1000]) {
  t.test(`of ${events} events the latest are kept, the newest first`, async t => {
    const rings = new EventRings();
    addGaps(rings, 2, 1, events);
    t.equal(rings.length(2), Math.min(events, EVENTS_MAX));
    t.strictSame(gapsOf(rings, 2), newestFirst(1, events));
  });
}

t.test('all that is known of an event is given back', async t => {
  const rings = new EventRings();
  addGaps(rings, 0, 1, 70);
  t.strictSame(rings.event(0, 0), { gapMs: 70, client: 77, holdMs: 35, outcome: 'granted' });
  t.strictSame(rings.event(0, 1), { gapMs: 69, client: 76, holdMs: 34.5, outcome: 'unknown' });
  t.strictSame(rings.event(0, 63), { gapMs: 7, client: 14, holdMs: 3.5, outcome: 'granted' });
  t.equal(rings.event(0, 64), null);
  t.equal(rings.event(5, 0), null, 'of a key without any');
});

t.test('bins and holds lie beside their gaps', async t => {
  const rings = new EventRings();
  addGaps(rings, 0, 1, 20);
  const bins = new Uint8Array(EVENTS_MAX);
  const holdsMs = new Float32Array(EVENTS_MAX);
  rings.read(0, new Float32Array(EVENTS_MAX), bins, holdsMs);
  t.strictSame(Array.from(bins.subarray(0, 20)), newestFirst(1, 20));
  t.equal(holdsMs[0], 10);
  t.equal(holdsMs[19], 0.5);
});

t.test('rings that grow beside one another stay apart', async t => {
  const rings = new EventRings();
  const keys = 300;
  for (let event = 1; event <= 80; event++) {
    for (let slot = 0; slot < keys; slot++) {
      if (event <= 1 + (slot % 80)) rings.add(slot, slot * 100 + event, 0, 0, 0, 0);
    }
  }
  for (let slot = 0; slot < keys; slot++) {
    const gaps = newestFirst(1, 1 + (slot % 80)).map(event => slot * 100 + event);
    if (`${gapsOf(rings, slot)}` !== `${gaps}`) t.fail(`key ${slot} has ${gapsOf(rings, slot)}`);
  }
});

t.test('a cleared ring is empty, small again, and its room is used again', async t => {
  const rings = new EventRings();
  const fill = (): void => {
    for (let slot = 0; slot < 200; slot++) addGaps(rings, slot, 1, 70);
  };
  fill();
  const { bytes } = rings;
  for (let round = 0; round < 5; round++) {
    for (let slot = 0; slot < 200; slot++) rings.clear(slot);
    t.equal(rings.length(7), 0);
    t.strictSame(gapsOf(rings, 7), []);
    fill();
  }
  t.equal(rings.bytes, bytes);
  rings.clear(3);
  rings.clear(3);
  addGaps(rings, 3, 5, 6);
  addGaps(rings, 201, 8, 9);
  t.strictSame(gapsOf(rings, 3), [6, 5]);
  t.strictSame(gapsOf(rings, 201), [9, 8]);
});

t.test('a record takes at most 300 bytes, and a ring no more than its events', async t => {
  t.ok(RECORD_BYTES <= 300, `${RECORD_BYTES} bytes`);
  const records = new KeyRecords(10_000);
  const before = records.bytes;
  for (let key = 0; key < 8192; key++) {
    const slot = records.add(0, `key${key}`);
    for (let gap = 0; gap < 4; gap++) records.rings.add(slot, gap, 0, 0, 0, 0);
  }
  const each = (records.bytes - before) / 8192;
  t.ok(each <= 300 + 4 * EVENT_BYTES, `${each} bytes for each key`);
});

t.test('a million different keys pass through bounded memory', async t => {
  const keysMax = 1000;
  let forgotten = 0;
  const records = new KeyRecords(keysMax, () => forgotten++);
  let bytes = 0;
  for (let key = 0; key < 1_000_000; key++) {
    const slot = records.add(key % 3, `key${key}`);
    records.lastAtMs[slot] = key;
    records.setCount(slot, count.recent, 1);
    for (let gap = 0; gap < key % 6; gap++) records.rings.add(slot, gap, 0, 0, 0, 0);
    if (records.size > keysMax) t.fail(`${records.size} keys`);
    if (key === 10_000) bytes = records.bytes;
  }
  t.equal(records.size, keysMax);
  t.equal(forgotten, 1_000_000 - keysMax);
  t.equal(records.end, keysMax, 'slots are used again');
  t.equal(records.bytes, bytes, 'no more than after the first ten thousand');
});

t.test('whoever is asked for of late is spared when room is made', async t => {
  const records = new KeyRecords(200);
  const ask = (key: string, atMs: number): void => {
    const known = records.find(0, key);
    const slot = known < 0 ? records.add(0, key) : known;
    records.lastAtMs[slot] = atMs;
    records.setCount(slot, count.recent, 1);
  };
  for (let key = 0; key < 10_000; key++) {
    for (let steady = 0; steady < 20; steady++) {
      if (key > 0 && records.find(0, `steady${steady}`) < 0)
        t.fail(`steady${steady} was forgotten`);
      ask(`steady${steady}`, key);
    }
    ask(`passing${key}`, key);
  }
  t.equal(records.find(0, 'passing0'), -1);
});

t.test('the same key in two databases is two keys', async t => {
  const records = new KeyRecords(10);
  const [one, other] = [records.add(0, 'lock'), records.add(1, 'lock')];
  t.not(one, other);
  t.equal(records.find(0, 'lock'), one);
  t.equal(records.find(1, 'lock'), other);
  t.strictSame(records.name(other), { database: 1, key: 'lock' });
  records.delete(one);
  t.equal(records.find(0, 'lock'), -1);
  t.equal(records.name(one), null);
  t.equal(records.find(1, 'lock'), other);
  records.delete(one);
  t.equal(records.size, 1, 'and is forgotten once');
});

t.test('a slot that is used again remembers nothing', async t => {
  let told = -1;
  const records = new KeyRecords(10, slot => {
    told = records.count(slot, count.requests);
  });
  const blank = records.add(0, 'blank');
  const slot = records.add(0, 'before');
  const neighbour = records.add(0, 'neighbour');
  records.setNumber(neighbour, field.usualHoldMs, 5);
  const shares = records.sharesOf(neighbour) - records.sharesOf(slot);
  records.lastAtMs[slot] = 9;
  for (let at = 0; at < field.means + 4; at++) records.setNumber(slot, at, 9);
  for (let at = 0; at < 8; at++) records.setCount(slot, at, 9);
  records.shares.fill(9, records.sharesOf(slot), records.sharesOf(slot) + shares);
  records.writeState(slot, new Float32Array(2 * UNITS).fill(0.5));
  records.rings.add(slot, 9, 9, 9, 9, 1);
  records.delete(slot);
  t.equal(told, 9, 'who is told of it finds the record still there');
  t.equal(records.add(0, 'after'), slot);
  const all = (of: number) => {
    const state = new Float32Array(2 * UNITS);
    records.readState(of, state);
    return {
      lastAtMs: records.lastAtMs[of],
      numbers: Array.from({ length: field.means + 4 }, (_, at) => records.number(of, at)),
      counts: Array.from({ length: 8 }, (_, at) => records.count(of, at)),
      shares: records.shares.slice(records.sharesOf(of), records.sharesOf(of) + shares),
      state,
      events: records.rings.length(of),
    };
  };
  t.strictSame(all(slot), all(blank));
  t.equal(records.number(neighbour, field.usualHoldMs), 5);
});

t.test('the state of the network is kept to a few ten-thousandths, whatever it is', async t => {
  const records = new KeyRecords(10);
  const slot = records.add(0, 'lock');
  const state = new Float32Array(2 * UNITS);
  for (let unit = 0; unit < UNITS; unit++) {
    state[unit] = Math.cos(unit);
    state[UNITS + unit] = 15 * Math.sin(unit);
  }
  records.writeState(slot, state);
  const read = new Float32Array(2 * UNITS);
  records.readState(slot, read);
  const worst = read.reduce(
    (most, value, at) => Math.max(most, Math.abs(value - (state[at] ?? 99))),
    0,
  );
  t.ok(worst < 4e-4, `${worst}`);
  records.writeState(slot, state.fill(1e9));
  records.readState(slot, read);
  t.ok(
    read.every(value => value > 0 && value <= 16),
    'bounded',
  );
  records.clearStates();
  records.readState(slot, read);
  t.ok(read.every(value => value === 0));
});

t.test('what the network has said is forgotten apart from what statistics have shown', async t => {
  const records = new KeyRecords(10);
  const at = records.sharesOf(records.add(0, 'lock'));
  records.shares[at + share.beliefs] = 3;
  records.shares[at + share.weights] = 4;
  records.shares[at + share.weights + 17] = 5;
  records.clearGates();
  t.equal(records.shares[at + share.beliefs], 3);
  t.equal(records.shares[at + share.weights], 0);
  t.equal(records.shares[at + share.weights + 17], 0);
});

const evenly = Float64Array.from([0.5, 0.5]);

function rowsOf(rowsMax: number) {
  const rows = new TrainingRows(rowsMax, 3, 2);
  const begin = (key: number, value: number): number => {
    return rows.begin(key, new Float32Array(3).fill(value), evenly);
  };
  const finish = (row: number, gapMs: number): void => {
    rows.finish(row, gapMs, Float64Array.from([gapMs / 1000, 0.25]));
  };
  return { rows, begin, finish };
}

t.test('rows are taken in the order in which their gaps ended, each with its own', async t => {
  const { rows, begin, finish } = rowsOf(10);
  const [first, second, third] = [begin(7, 1), begin(8, 2), begin(9, 3)];
  t.notOk([first, second, third].includes(0), '0 is no row');
  finish(third, 30);
  finish(first, 10);
  const taken = rows.take();
  t.equal(taken.count, 2);
  t.strictSame(Array.from(taken.gapMs), [30, 10]);
  t.strictSame(Array.from(taken.sequence), [9, 7]);
  t.strictSame(Array.from(taken.inputs), [3, 3, 3, 1, 1, 1]);
  const densities = [Math.log(0.03), Math.log(0.25), Math.log(0.01), Math.log(0.25)];
  t.strictSame(taken.expertLogDensity, Float32Array.from(densities));
  t.ok(taken.expertLogWeight.every(weight => Math.abs(weight - Math.log(0.5)) < 1e-4));
  finish(second, 20);
  t.strictSame(Array.from(rows.take().sequence), [9, 7, 8]);
});

t.test('the oldest rows are overwritten, and no gap goes to a row that is another now', async t => {
  const { rows, begin, finish } = rowsOf(4);
  const names = [1, 2, 3, 4, 5, 6].map(key => begin(key, key));
  // The oldest finish last, when others have their places.
  for (let key = 6; key > 0; key--) finish(names[key - 1] ?? 0, key);
  const { count, sequence, gapMs } = rows.take();
  t.equal(count, 4);
  t.strictSame(Array.from(sequence), [6, 5, 4, 3]);
  t.strictSame(Array.from(gapMs), [6, 5, 4, 3]);
  begin(7, 7);
  t.strictSame(Array.from(rows.take().sequence), [6, 5, 4], 'one that waits is not taken');
  finish(0, 5);
  t.equal(rows.take().count, 3, 'no row is none');
});

t.test('rows roll for ever in the same room', async t => {
  const { rows, begin, finish } = rowsOf(100);
  for (let key = 0; key < 12_345; key++) finish(begin(key, 0), key);
  const { count, gapMs } = rows.take();
  t.equal(count, 100);
  t.strictSame(
    Array.from(gapMs),
    Array.from({ length: 100 }, (_, at) => 12_245 + at),
  );
});

t.test('what was taken does not change with what comes later', async t => {
  const { rows, begin, finish } = rowsOf(2);
  finish(begin(1, 1), 10);
  const taken = rows.take();
  for (let key = 2; key < 9; key++) finish(begin(key, key), 10 * key);
  t.strictSame(Array.from(taken.inputs), [1, 1, 1]);
  t.strictSame(Array.from(taken.gapMs), [10]);
  t.strictSame(Array.from(taken.sequence), [1]);
});

t.test('of nothing, nothing is taken', async t => {
  t.equal(rowsOf(5).rows.take().count, 0);
});
