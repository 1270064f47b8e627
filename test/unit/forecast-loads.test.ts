import t from 'tap';
import type { LoadEvent, LoadKind } from '../../bench/forecast/load-event.js';
import { mixedDefaults, mixedShares, mixedTrace } from '../../bench/forecast/mixed-trace.js';
import { stepsPerWorkflow, workflowDefaults, workflows } from '../../bench/forecast/workflows.js';

const lengthMs = 300_000;
const mixed = mixedTrace({ ...mixedDefaults, lengthMs });
const orders = workflows({ ...workflowDefaults, lengthMs });

const loads: readonly (readonly [
  name: string,
  events: readonly LoadEvent[],
  again: (seed: number) => readonly LoadEvent[],
])[] = [
  ['mixed', mixed, seed => mixedTrace({ ...mixedDefaults, lengthMs, seed })],
  ['workflows', orders, seed => workflows({ ...workflowDefaults, lengthMs, seed })],
];

for (const [name, events, again] of loads) {
  t.test(
    `${name}: in order of time, within the length, and every lock is held for a while`,
    async t => {
      let beforeMs = 0;
      for (const { atMs, holdMs } of events) {
        if (!(atMs >= beforeMs && atMs < lengthMs && holdMs > 0))
          t.fail(`${atMs} ms, ${holdMs} ms`);
        beforeMs = atMs;
      }
      t.ok(beforeMs > 0.95 * lengthMs);
    },
  );

  t.test(`${name}: the same seed gives the same load, and another one another`, async t => {
    t.ok(JSON.stringify(again(1)) === JSON.stringify(events));
    t.notOk(JSON.stringify(again(2)) === JSON.stringify(events));
  });
}

t.test('workflows: as many requests as there are steps', async t => {
  const expected = (workflowDefaults.perSecond * lengthMs * stepsPerWorkflow) / 1000;
  t.ok(Math.abs(orders.length / expected - 1) < 0.05, `${orders.length} of ${expected}`);
});

t.test(
  'workflows: nearly every key is new, and follows another that has a value of it',
  async t => {
    const seen = new Set<string>();
    const values = new Set<string>();
    let again = 0;
    for (const { key, follows } of orders) {
      if (seen.has(key)) again++;
      seen.add(key);
      const own = key.match(/[0-9a-f]{8}-[0-9a-f-]{27}|\d{2,}/g) ?? [];
      if (follows && !own.some(value => values.has(value))) t.fail(key);
      for (const value of own) values.add(value);
    }
    t.ok(again < 0.02 * orders.length, `${again} of ${orders.length}`);
  },
);

for (const [pooled, least, most] of [
  [0, 1, 1],
  [1, 0, 0.2],
] as const) {
  t.test(`workflows: pooled ${pooled}, the next step has the connection of the last`, async t => {
    const last = new Map<string, number>();
    let same = 0;
    let steps = 0;
    for (const { key, client } of workflows({ ...workflowDefaults, pooled })) {
      const order = /^order:(\d+)/.exec(key)?.[1];
      if (order === undefined) continue;
      const before = last.get(order);
      last.set(order, client);
      if (before === undefined) continue;
      steps++;
      if (before === client) same++;
    }
    t.ok(steps > 100);
    t.ok(same / steps >= least && same / steps <= most, `${same} of ${steps}`);
  });
}

t.test('mixed: each kind has its share, and clients of its own', async t => {
  const counts = new Map<LoadKind, number>();
  const kinds = new Map<number, LoadKind>();
  for (const { kind, client } of mixed) {
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
    const known = kinds.get(client) ?? kind;
    kinds.set(client, known);
    if (known !== kind) t.fail(`client ${client} is ${known} and ${kind}`);
  }
  const expected = (mixedDefaults.perSecond * lengthMs) / 1000;
  t.ok(Math.abs(mixed.length / expected - 1) < 0.1, `${mixed.length} of ${expected}`);
  for (const [kind, share] of Object.entries(mixedShares) as [LoadKind, number][]) {
    const measured = (counts.get(kind) ?? 0) / mixed.length;
    t.ok(Math.abs(measured - share) < 0.05, `${kind}: ${measured}`);
  }
});

t.test('mixed: a job comes each period, within its jitter', async t => {
  const times = mixed.filter(({ key }) => key === 'job:0').map(({ atMs }) => atMs);
  const gaps = times.slice(1).map((atMs, index) => atMs - (times[index] ?? 0));
  const meanMs = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  const far = gaps.filter(gap => Math.abs(gap / meanMs - 1) > 0.1);
  t.ok(gaps.length > 30);
  t.same(far, []);
});

t.test('mixed: users come in bursts', async t => {
  const last = new Map<string, number>();
  const gaps: number[] = [];
  for (const { kind, key, atMs } of mixed) {
    if (kind !== 'bursty') continue;
    const before = last.get(key);
    if (before !== undefined) gaps.push(atMs - before);
    last.set(key, atMs);
  }
  const short = gaps.filter(gap => gap < 500).length / gaps.length;
  const long = gaps.filter(gap => gap > 2000).length / gaps.length;
  t.ok(short > 0.8 && short < 0.95, `${short} short`);
  t.ok(long > 0.05, `${long} long`);
});
