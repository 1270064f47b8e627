import { type Forelock, startForelock } from './forelock.js';
import { type LockLoad, startLockLoad } from './lock-load.js';
import { describeMachine } from './machine.js';
import { chosen, readOptions } from './options.js';
import { startAssistant, temporaryFolder } from './processes.js';
import { callsBetween, commandCalls, startRedis } from './redis.js';
import { type Relay, startRelay } from './relay.js';
import { pairedRatio, quantile, sum } from './statistics.js';
import { figure, percent, table } from './table.js';
import { type Target, targetTable } from './targets.js';

/**
 * Latency of taking a lock that the same client takes again and again, over a link with a round
 * trip of a millisecond, and what each cycle of acquire and release costs Redis:
 *
 *   direct      clients ── relay ── Redis
 *   forelock    clients ── Forelock ── relay ── Redis     (plain, with --delegate '*', and with a journal too)
 *   echo        clients ── a server that only answers +OK and :1
 *
 * Each has a Redis and a relay of its own, so that one's commands are not counted for another.
 */

const names = ['direct', 'forelock', 'delegate', 'journal', 'echo'] as const;
type Name = (typeof names)[number];

const titles: Readonly<Record<Name, string>> = {
  direct: 'direct',
  forelock: 'Forelock',
  delegate: "Forelock --delegate '*'",
  journal: "Forelock --delegate '*' --state-dir …",
  echo: 'echo server (the bound)',
};

/** Direct Redis and the echo server have nothing to learn; they only need to be warm. */
const plainWarmUpSecondsMax = 2;
/** A turn begins unmeasured: locks and caches of a contender have cooled while the others ran. */
const leadInMs = 500;

export const options = {
  rounds: { default: 4, help: 'rounds, each of them all contenders in turn' },
  seconds: { default: 10, help: 'length of a turn' },
  'warm-up-seconds': { default: 60, help: "Forelock's warm-up: its first minute" },
  'round-trip-ms': { default: 1, help: 'round trip of the link to Redis' },
  only: { default: '', help: `of ${names.join(',')}` },
} as const;

/** One contender and the load on it, which stands still except in its turns. */
interface Contender {
  readonly load: LockLoad;
  readonly relay: Relay | null;
  readonly redisPort: number | null;
  readonly forelock: Forelock | null;
}

/** What was counted over some turns of one contender. */
interface Turn {
  readonly acquiresMs: readonly number[];
  readonly cycles: number;
  readonly refused: number;
  readonly lost: number;
  /** Redis commands by name, those inside scripts included; null where there is no Redis. */
  readonly calls: ReadonlyMap<string, number> | null;
  readonly memoryGrants: number;
}

interface Results {
  readonly warmUp: Turn;
  readonly turns: readonly Turn[];
}

export async function run(args: readonly string[]): Promise<void> {
  const values = readOptions(args, options);
  console.log(`Latency of taking a lock. ${describeMachine()}`);
  const contenders = new Map<Name, Contender>();
  for (const name of chosen('only', values.only, names)) {
    contenders.set(name, await setUp(name, values['round-trip-ms']));
  }
  const results = await measureInTurn(contenders, values);
  console.log(`\n${await linkReport(contenders)}`);
  console.log(`\n${latencyTable(results)}\n\n${costTable(results)}`);
  console.log('\nCommands per cycle after the warm-up:');
  for (const [name, { turns }] of results) {
    if (name !== 'echo') console.log(`  ${titles[name]}: ${commandsByName(turns)}`);
  }
  const targets = targetsOf(results);
  if (targets.length > 0) console.log(`\n${targetTable(targets)}`);
  for (const { load } of contenders.values()) load.close();
}

async function measureInTurn(
  contenders: ReadonlyMap<Name, Contender>,
  values: {
    readonly rounds: number;
    readonly seconds: number;
    readonly 'warm-up-seconds': number;
  },
): Promise<ReadonlyMap<Name, Results>> {
  const warmUpSeconds = ({ forelock }: Contender) =>
    Math.min(values['warm-up-seconds'], forelock === null ? plainWarmUpSecondsMax : Infinity);
  const warmUps = sum([...contenders.values()].map(warmUpSeconds));
  const turns = contenders.size * values.rounds * values.seconds;
  console.log(`Takes some ${figure(warmUps + turns, 0)} s.`);
  const results = new Map<Name, { warmUp: Turn; turns: Turn[] }>();
  for (const [name, contender] of contenders) {
    const warmUp = await takeTurn(contender, warmUpSeconds(contender) * 1000);
    results.set(name, { warmUp, turns: [] });
  }
  for (let round = 0; round < values.rounds; round++) {
    for (const [name, contender] of contenders) {
      results.get(name)?.turns.push(await takeTurn(contender, values.seconds * 1000));
    }
  }
  return results;
}

async function setUp(name: Name, roundTripMs: number): Promise<Contender> {
  if (name === 'echo') {
    const echo = await startAssistant('echo-process');
    const load = await startLockLoad(echo.port);
    return { load, relay: null, redisPort: null, forelock: null };
  }
  const redis = await startRedis();
  const relay = await startRelay(redis.port, roundTripMs);
  const forelock = name === 'direct' ? null : await startForelock(relay.port, flagsOf(name));
  const load = await startLockLoad((forelock ?? relay).port);
  return { load, relay, redisPort: redis.port, forelock };
}

function flagsOf(name: Name): readonly string[] {
  if (name === 'delegate') return ['--delegate', '*'];
  // Of its own, for nobody else may have it.
  if (name === 'journal') return ['--delegate', '*', '--state-dir', temporaryFolder()];
  return [];
}

async function takeTurn(contender: Contender, lastsMs: number): Promise<Turn> {
  const { load, redisPort, forelock } = contender;
  const calls = async () => (redisPort === null ? null : commandCalls(redisPort));
  const memoryGrants = async () => forelock?.memoryGrants() ?? Number.NaN;
  const callsBefore = await calls();
  const memoryGrantsBefore = await memoryGrants();
  const run = await load.run(lastsMs, Math.min(leadInMs, lastsMs / 2));
  const callsAfter = await calls();
  return {
    ...run,
    calls: callsBefore && callsAfter && callsBetween(callsBefore, callsAfter),
    memoryGrants: (await memoryGrants()) - memoryGrantsBefore,
  };
}

async function linkReport(contenders: ReadonlyMap<Name, Contender>): Promise<string> {
  const rows: string[][] = [];
  for (const [name, { relay }] of contenders) {
    if (relay === null) continue;
    const { chunks, p50Ms, p99Ms } = await relay.report();
    rows.push([
      titles[name],
      figure(relay.addedMs, 2),
      figure(chunks, 0),
      figure(p50Ms, 2),
      figure(p99Ms, 2),
    ]);
  }
  const head = ['link', 'added to a PING, ms', 'chunks', 'kept back p50, ms', 'p99, ms'];
  return table(head, rows);
}

/** One value of each turn. */
function perTurn(results: Results | undefined, q: number): number[] {
  return (results?.turns ?? []).map(turn => quantile(turn.acquiresMs, q));
}

function latencyTable(results: ReadonlyMap<Name, Results>): string {
  const rows = [...results].map(([name, result]) => {
    const ratio = (other: Name, q: number) =>
      figure(pairedRatio(perTurn(result, q), perTurn(results.get(other), q)), 2);
    const all = result.turns.flatMap(turn => turn.acquiresMs);
    return [
      titles[name],
      figure(all.length, 0),
      figure(quantile(all, 0.5), 3),
      figure(quantile(all, 0.99), 3),
      ratio('direct', 0.5),
      ratio('direct', 0.99),
      ratio('echo', 0.5),
      ratio('delegate', 0.5),
    ];
  });
  const head = ['acquire', 'grants', 'p50 ms', 'p99 ms', 'p50/direct', 'p99/direct'];
  head.push('p50/echo', 'p50/delegate');
  return table(head, rows);
}

/** Redis commands per lock cycle over some turns; NaN where there is no Redis. */
function commandsPerCycle(turns: readonly Turn[]): number {
  const commands = turns.map(({ calls }) => (calls === null ? Number.NaN : sum(calls.values())));
  return sum(commands) / sum(turns.map(turn => turn.cycles));
}

/** Which commands they are, the most frequent first: `get 0.12, evalsha 0.08`. */
function commandsByName(turns: readonly Turn[]): string {
  const cycles = sum(turns.map(turn => turn.cycles));
  const totals = new Map<string, number>();
  for (const [name, count] of turns.flatMap(({ calls }) => [...(calls ?? [])])) {
    totals.set(name, (totals.get(name) ?? 0) + count);
  }
  return [...totals]
    .sort(([, a], [, b]) => b - a)
    .map(([name, count]) => `${name} ${figure(count / cycles, 3)}`)
    .join(', ');
}

function memoryShare(turns: readonly Turn[]): number {
  return sum(turns.map(turn => turn.memoryGrants)) / sum(turns.map(turn => turn.cycles));
}

function costTable(results: ReadonlyMap<Name, Results>): string {
  const rows = [...results]
    .filter(([name]) => name !== 'echo')
    .map(([name, { warmUp, turns }]) => [
      titles[name],
      figure(commandsPerCycle([warmUp]), 2),
      figure(commandsPerCycle(turns), 2),
      percent(memoryShare([warmUp])),
      percent(memoryShare(turns)),
      figure(sum([warmUp, ...turns].map(turn => turn.refused)), 0),
      figure(sum([warmUp, ...turns].map(turn => turn.lost)), 0),
    ]);
  return table(
    [
      'Redis commands per cycle',
      'warm-up',
      'after it',
      'from memory, warm-up',
      'after it',
      'refused',
      'lost',
    ],
    rows,
  );
}

function targetsOf(results: ReadonlyMap<Name, Results>): Target[] {
  return (['forelock', 'delegate', 'journal'] as const).flatMap(name => {
    const result = results.get(name);
    if (result === undefined) return [];
    const ratio = (other: Name, q: number) =>
      pairedRatio(perTurn(result, q), perTurn(results.get(other), q));
    return [
      { name: `${titles[name]}: p50 to echo`, atMost: 2, measured: ratio('echo', 0.5) },
      { name: `${titles[name]}: p50 to direct`, atMost: 0.3, measured: ratio('direct', 0.5) },
      {
        name: `${titles[name]}: p99 to direct`,
        atMost: name === 'forelock' ? 1.2 : 0.5,
        measured: ratio('direct', 0.99),
      },
      {
        name: `${titles[name]}: Redis commands per cycle, first minute`,
        atMost: 0.6,
        measured: commandsPerCycle([result.warmUp]),
      },
      {
        name: `${titles[name]}: Redis commands per cycle, after it`,
        atMost: 0.3,
        measured: commandsPerCycle(result.turns),
      },
    ];
  });
}
