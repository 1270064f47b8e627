import type { LoadEvent } from './forecast/load-event.js';
import { mixedDefaults, mixedTrace } from './forecast/mixed-trace.js';
import { type Forelock, startForelock } from './forelock.js';
import { describeMachine } from './machine.js';
import { type Attempt, runMixedLoad } from './mixed-load.js';
import { chosen, readOptions } from './options.js';
import { callsBetween, commandCalls, startRedis } from './redis.js';
import { startRelay } from './relay.js';
import { quantile, sum } from './statistics.js';
import { figure, percent, table } from './table.js';
import { type Target, targetTable } from './targets.js';

/**
 * Latency of taking a lock under a mixed load: periodic jobs, users that come in bursts, order
 * workflows over keys that were never seen before, and a half that cannot be forecast. All contenders
 * get the same events, at the same time but for some ms, each with a Redis and a relay of its own:
 *
 *   direct      clients ── relay ── Redis
 *   forecast    clients ── Forelock ── relay ── Redis
 *   off         the same, and nothing is reserved
 *   retain      the same, and each lock is kept for a window after each of its releases
 */

const names = ['direct', 'forecast', 'off', 'retain'] as const;
type Name = (typeof names)[number];

const titles: Readonly<Record<Name, string>> = {
  direct: 'direct',
  forecast: 'forecast',
  off: 'no forecast',
  retain: 'always retain',
};

/** Contenders get each event one after another, so that they do not wait for each other's every time. */
const staggerMs = 7;
/** What keeping a key for a window costs, as a share of what a hit gains. */
const costs = [0.5, 0.25, 0.1] as const;
/** An answer within so much of the round trip did not wait for Redis. */
const hitWithin = 0.6;

export const options = {
  seconds: { default: 60, help: 'how long is measured' },
  'warm-up-seconds': { default: 60, help: 'how long the load runs before that' },
  'per-second': { default: mixedDefaults.perSecond, help: 'requests in a second' },
  seed: { default: mixedDefaults.seed, help: 'of the load' },
  'round-trip-ms': { default: 1, help: 'round trip of the link to Redis' },
  flags: { default: '--delegate *', help: 'flags of every Forelock' },
  'forecast-flags': { default: '', help: 'further flags with the forecast on' },
  'off-flags': {
    default: '--score-threshold 1 --reservations-per-refresh-max 0',
    help: '… with it off',
  },
  'retain-flags': {
    default: '--score-threshold 0 --threshold-wasted-share 0',
    help: '… where everything is retained',
  },
  only: { default: '', help: `of ${names.join(',')}` },
} as const;

interface Contender {
  readonly port: number;
  readonly redisPort: number;
  readonly forelock: Forelock | null;
}

/** What was counted since the start. */
interface Counts {
  readonly memoryGrants: number;
  readonly used: number;
  readonly wasted: number;
  readonly calls: ReadonlyMap<string, number>;
}

interface Result {
  readonly attempts: readonly Attempt[];
  readonly hits: number;
  readonly used: number;
  readonly wasted: number;
  readonly calls: number;
}

export async function run(args: readonly string[]): Promise<void> {
  const values = readOptions(args, options);
  const warmUpMs = values['warm-up-seconds'] * 1000;
  const lengthMs = warmUpMs + values.seconds * 1000;
  console.log(`Locks under a mixed load. ${describeMachine()}`);
  console.log(`Takes some ${figure(lengthMs / 1000, 0)} s.`);
  const { seed, 'per-second': perSecond } = values;
  const events = mixedTrace({ ...mixedDefaults, seed, lengthMs, perSecond });
  const contenders = new Map<Name, Contender>();
  for (const name of chosen('only', values.only, names)) {
    const flags = name === 'direct' ? null : `${values.flags} ${values[`${name}-flags`]}`;
    contenders.set(name, await setUp(flags, values['round-trip-ms']));
  }
  const startsAtMs = performance.now() + 500;
  const runs = [...contenders].map(
    async ([name, contender], index) =>
      [name, await measure(contender, events, warmUpMs, startsAtMs + index * staggerMs)] as const,
  );
  const results = new Map(await Promise.all(runs));
  console.log(`\n${latencyTable(results, values['round-trip-ms'])}\n\n${costTable(results)}`);
  const targets = targetsOf(results);
  if (targets.length > 0) console.log(`\n${targetTable(targets)}`);
}

async function setUp(flags: string | null, roundTripMs: number): Promise<Contender> {
  const redis = await startRedis();
  const relay = await startRelay(redis.port, roundTripMs);
  if (flags === null) return { port: relay.port, redisPort: redis.port, forelock: null };
  const forelock = await startForelock(relay.port, flags.trim().split(/\s+/));
  return { port: forelock.port, redisPort: redis.port, forelock };
}

async function measure(
  contender: Contender,
  events: readonly LoadEvent[],
  warmUpMs: number,
  startsAtMs: number,
): Promise<Result> {
  const load = runMixedLoad(contender.port, events, startsAtMs);
  // Beside the load, which is never paused: a pause would be a pattern of its own.
  const before = new Promise<Counts>((resolve, reject) => {
    setTimeout(
      () => {
        count(contender).then(resolve, reject);
      },
      startsAtMs + warmUpMs - performance.now(),
    );
  });
  const [attempts, at] = await Promise.all([load, before]);
  const end = await count(contender);
  return {
    attempts: attempts.filter(({ dueMs }) => dueMs >= warmUpMs),
    hits: end.memoryGrants - at.memoryGrants,
    used: end.used - at.used,
    wasted: end.wasted - at.wasted,
    calls: sum(callsBetween(at.calls, end.calls).values()),
  };
}

async function count({ redisPort, forelock }: Contender): Promise<Counts> {
  const metrics = (await forelock?.metrics()) ?? '';
  return {
    memoryGrants: sample(metrics, 'forelock_lock_grants_total', 'by="memory"'),
    used: sample(metrics, 'forelock_reservations_total', 'outcome="used"'),
    wasted: sample(metrics, 'forelock_reservations_total', 'outcome="wasted"'),
    calls: await commandCalls(redisPort),
  };
}

/** 0 where there is no such sample: a direct client has none. */
function sample(metrics: string, name: string, label: string): number {
  const lines = metrics.split('\n').filter(line => line.startsWith(`${name}{`));
  const found = lines.filter(line => line.includes(label));
  return sum(found.map(line => Number(line.slice(line.lastIndexOf(' ') + 1))));
}

function latencyTable(results: ReadonlyMap<Name, Result>, roundTripMs: number): string {
  const groups: readonly (readonly [string, (attempt: Attempt) => boolean])[] = [
    ['all', () => true],
    ['periodic', ({ kind }) => kind === 'periodic'],
    ['bursty', ({ kind }) => kind === 'bursty'],
    ['workflow, first step', ({ kind, follows }) => kind === 'workflow' && !follows],
    ['workflow, later steps', ({ kind, follows }) => kind === 'workflow' && follows],
    ['noise', ({ kind }) => kind === 'noise'],
  ];
  const rows = groups.flatMap(([group, belongs]) =>
    [...results].map(([name, { attempts }]) => {
      const own = attempts.filter(belongs);
      const tookMs = own.map(attempt => attempt.tookMs);
      const quick = own.filter(({ tookMs }) => tookMs < hitWithin * roundTripMs).length;
      return [
        `${group}: ${titles[name]}`,
        figure(own.length, 0),
        percent(quick / own.length),
        figure(quantile(tookMs, 0.5), 3),
        figure(quantile(tookMs, 0.99), 3),
      ];
    }),
  );
  const head = ['attempts', 'number', 'without the link', 'p50 ms', 'p99 ms'];
  return table(head, rows);
}

/** A reservation lasts for a window at most, so each that ended is one window. */
function valueAt({ attempts, hits, used, wasted }: Result, cost: number): number {
  return (hits - cost * (used + wasted)) / attempts.length;
}

function costTable(results: ReadonlyMap<Name, Result>): string {
  const rows = [...results].map(([name, result]) => {
    const { attempts, hits, used, wasted, calls } = result;
    return [
      titles[name],
      percent(hits / attempts.length),
      percent(wasted / (used + wasted)),
      ...costs.map(cost => figure(valueAt(result, cost), 3)),
      figure(calls / attempts.length, 2),
      figure(attempts.filter(({ granted }) => !granted).length, 0),
    ];
  });
  const values = costs.map(cost => `value(${cost})`);
  const head = ['', 'from memory', 'wasted reservations', ...values];
  return table([...head, 'Redis commands each', 'refused'], rows);
}

function targetsOf(results: ReadonlyMap<Name, Result>): Target[] {
  const forecast = results.get('forecast');
  if (forecast === undefined) return [];
  const p50 = ({ attempts }: Result): number =>
    quantile(
      attempts.map(({ tookMs }) => tookMs),
      0.5,
    );
  return (['off', 'retain'] as const).flatMap(name => {
    const other = results.get(name);
    if (other === undefined) return [];
    return [
      { name: `p50 to ${titles[name]}`, atMost: 1, measured: p50(forecast) / p50(other) },
      ...costs.map(cost => ({
        name: `value(${cost}) above ${titles[name]}`,
        atLeast: 0,
        measured: valueAt(forecast, cost) - valueAt(other, cost),
      })),
    ];
  });
}
