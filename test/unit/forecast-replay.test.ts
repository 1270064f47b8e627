import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { Chance } from '../../bench/forecast/chance.js';
import type { CsvFile } from '../../bench/forecast/csv.js';
import { Reservations } from '../../bench/forecast/reservations.js';
import { scoreFigures } from '../../bench/forecast/scores.js';
import { Timeline } from '../../bench/forecast/timeline.js';
import { workflowDefaults, workflows } from '../../bench/forecast/workflows.js';
import { replayTrace } from '../../bench/forecast.js';
import { chooseBackend } from '../../src/forecast/training/backend.js';

const HEADER = 't_ms,client,key,op';
const PRICES = ['0.5', '0.25', '0.1'];

/** Workflows over keys that come once, and a few jobs that come again and again. */
function traceLines(): readonly string[] {
  const lines: { readonly atMs: number; readonly text: string }[] = [];
  const add = (atMs: number, client: string, key: string, op: string): void => {
    const ms = Math.round(atMs * 1000) / 1000;
    lines.push({ atMs: ms, text: `${ms},${client},${key},${op}` });
  };
  const steps = workflows({ ...workflowDefaults, lengthMs: 20_000, perSecond: 10 });
  for (const { atMs, client, key, holdMs } of steps) {
    add(atMs, `c${client}`, key, 'acquire');
    add(atMs + holdMs, `c${client}`, key, 'release');
  }
  const chance = new Chance(7);
  for (let job = 0; job < 4; job++) {
    for (let atMs = 100 * job; atMs < 20_000; atMs += chance.about(80 + 100 * job, 0.1)) {
      add(atMs, `job${job}`, `jobs:${job}`, 'acquire');
    }
  }
  return lines.sort((one, other) => one.atMs - other.atMs).map(({ text }) => text);
}

const lines = traceLines();
const timeOf = (line: string): number => Number(line.slice(0, line.indexOf(',')));

function traceOf(folder: string, trace: readonly string[], name = 'trace.csv'): string {
  const path = join(folder, name);
  const text = `${[HEADER, ...trace].join('\n')}\n`;
  writeFileSync(path, name.endsWith('.gz') ? gzipSync(text) : text);
  return path;
}

type Files = Readonly<Record<string, string>>;

const defaults = { speed: 1, seed: 1, probes: '', 'retrain-every': 0 };

async function replayed(trace: string, options: Partial<typeof defaults> = {}): Promise<Files> {
  const out = mkdtempSync(join(dirname(trace), 'out-'));
  await replayTrace({ ...defaults, ...options, trace, out });
  return Object.fromEntries(
    readdirSync(out).map(name => [name, readFileSync(join(out, name), 'utf8')]),
  );
}

const rowsOf = (files: Files, name: string): readonly string[] =>
  (files[name] ?? '').trimEnd().split('\n').slice(1);

t.test('the same trace and seed give the same bytes, trainings and all', async t => {
  await chooseBackend(['wasm', 'cpu']);
  const path = traceOf(t.testdir(), lines.slice(0, 900));
  const once = await replayed(path, { 'retrain-every': 450 });
  const again = await replayed(path, { 'retrain-every': 450 });
  t.same(Object.keys(once), [
    'densities.csv',
    'report.json',
    ...['0.1', '0.25', '0.5'].map(price => `reservations-${price}.csv`),
    'scores.csv',
  ]);
  t.match(once['report.json'], /"outcome": "trained"/);
  for (const name of Object.keys(once)) t.ok(once[name] === again[name], name);
});

t.test('what comes later changes nothing of what was written before', async t => {
  const cut = Math.floor(lines.length * 0.6);
  const cutMs = timeOf(lines[cut - 1] ?? '');
  const moments = [...lines.keys()].filter(at => at % 5 === 0).reverse();
  const probed = moments.map(at => `${timeOf(lines[at] ?? '') + 3},jobs:${at % 4}`);
  const folder = t.testdir();
  const probes = join(folder, 'probes.csv');
  writeFileSync(probes, `t_ms,key\n${probed.join('\n')}\n`);
  const whole = await replayed(traceOf(folder, lines), { probes });
  const prefix = await replayed(traceOf(folder, lines.slice(0, cut)), { probes });
  const densities = rowsOf(prefix, 'densities.csv');
  t.ok(densities.length > 100);
  t.same(rowsOf(whole, 'densities.csv').slice(0, densities.length), densities);
  for (const price of PRICES) {
    const name = `reservations-${price}.csv`;
    const ended = rowsOf(prefix, name).filter(row => Number(row.split(',')[2]) < cutMs);
    t.ok(ended.length > 50, name);
    t.same(rowsOf(whole, name).slice(0, ended.length), ended, name);
  }
  const before = (row: string): boolean => timeOf(row) < cutMs;
  const scores = rowsOf(whole, 'scores.csv');
  t.same(scores.map(timeOf), probed.map(timeOf), 'in the order of the file');
  t.ok(scores.filter(before).some(row => Number(row.split(',')[2]) > 0.3));
  t.same(rowsOf(prefix, 'scores.csv').filter(before), scores.filter(before));
});

t.test('a packed trace is the same trace, and a faster one has shorter times', async t => {
  const some = lines.slice(0, 400);
  const folder = t.testdir();
  const plain = await replayed(traceOf(folder, some));
  const packed = await replayed(traceOf(folder, some, 'trace.csv.gz'));
  for (const name of Object.keys(plain)) t.ok(plain[name] === packed[name], name);
  const faster = await replayed(traceOf(folder, some), { speed: 4 });
  const times = (files: Files) => rowsOf(files, 'densities.csv').map(timeOf);
  t.same(
    times(faster),
    times(plain).map(ms => ms / 4),
  );
});

t.test('a line that is no event is refused with its number, and nothing is written', async t => {
  const wrong = [
    ['5,c,k', 'is no t_ms,client,key,op'],
    ['5,c,,acquire', 'has no key'],
    ['soon,c,k,acquire', 'its time is no number of ms'],
    ['-1,c,k,acquire', 'its time is no number of ms'],
    ['5,c,k,take', 'is neither acquire nor release'],
  ] as const;
  const folder = t.testdir();
  for (const [line, why] of wrong) {
    const path = traceOf(folder, ['0,c,k,acquire', '1,c,k,release', line]);
    const out = join(folder, 'nothing');
    await t.rejects(replayTrace({ ...defaults, trace: path, out }), {
      message: `${path}, line 4: ${why}: ${JSON.stringify(line)}`,
    });
    t.throws(() => readdirSync(out));
  }
});

/** One allocator, and the rows that it has written. */
function allocator(): {
  readonly kept: Reservations;
  readonly rows: string[];
  at(ms: number): void;
} {
  const rows: string[] = [];
  const file = { add: (row: string) => rows.push(row), close: () => undefined };
  const kept = new Reservations(0.5, 500, file as unknown as CsvFile, {
    requests: 1,
    countFrom: 0,
  });
  const timeline = new Timeline([kept]);
  return { kept, rows, at: ms => timeline.advance(ms) };
}

t.test('a reservation ends at the request that uses it, or with its windows', async t => {
  const { kept, rows, at } = allocator();
  kept.plan('used', 0, [{ fromMs: 100, untilMs: 1100 }]);
  kept.plan('late', 0, [{ fromMs: 900, untilMs: 1400 }]);
  kept.plan('unused', 0, [{ fromMs: 0, untilMs: 500 }]);
  kept.plan('last', 0, [{ fromMs: 0, untilMs: 700 }]);
  at(650);
  kept.requested('used', 650, false);
  kept.requested('late', 650, true);
  at(700);
  kept.requested('last', 700, true);
  kept.plan('open', 700, [{ fromMs: 800, untilMs: 1300 }]);
  at(900);
  kept.finish(900);
  t.same(rows, ['unused,0,500', 'used,100,650', 'last,0,700', 'open,800,900']);
  const counts = { hits: 2, windows: 6, reservations: 4, used: 2, late: 1 };
  t.same(kept.counts, { ...counts, newKeys: 2, newKeyHits: 1 });
});

t.test(
  'a request in the moment in which a reservation begins is no hit, and costs nothing',
  async t => {
    const { kept, rows, at } = allocator();
    kept.plan('key', 50, [{ fromMs: 50, untilMs: 550 }]);
    at(50);
    kept.requested('key', 50, false);
    kept.finish(1000);
    t.same(rows, []);
    t.match(kept.counts, { hits: 0, windows: 0 });
  },
);

t.test('windows that have begun stay, those that have not are planned anew', async t => {
  const { kept, rows, at } = allocator();
  kept.plan('key', 0, [{ fromMs: 0, untilMs: 2000 }]);
  at(600);
  t.equal(kept.begunUntil('key', 600), 1000);
  kept.plan('key', 600, [{ fromMs: 1000, untilMs: 1500 }]);
  kept.plan('other', 600, [{ fromMs: 3000, untilMs: 3500 }]);
  at(5000);
  t.same(rows, ['key,0,1500', 'other,3000,3500']);
});

t.test('a window more goes on from the one before, as one reservation', async t => {
  const { kept, rows, at } = allocator();
  t.equal(kept.keep('key', 100), 600);
  at(599);
  t.equal(kept.keep('key', 600), 1100);
  t.equal(kept.keep('key', 700), 1100, 'it is kept anyway');
  kept.finish(2000);
  t.same(rows, ['key,100,1100']);
});

t.test('scores: squares, bins of equal width, and the order of moments', async t => {
  const figures = scoreFigures(Float64Array.of(0.9, 0.8, 0.3, 0.3), Uint8Array.of(1, 0, 1, 0));
  t.match(figures, { moments: 4, cameTrue: 0.5, auc: 0.625 });
  t.ok(Math.abs((figures.brier ?? 0) - (0.01 + 0.64 + 0.49 + 0.09) / 4) < 1e-12);
  t.ok(Math.abs((figures.ece ?? 0) - (0.1 + 0.8 + 0.4) / 4) < 1e-12);
});
