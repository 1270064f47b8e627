import { startHaproxy, startNutcracker } from './contenders.js';
import { startForelock } from './forelock.js';
import { compareLibraries } from './libraries.js';
import { describeMachine } from './machine.js';
import { chosen, readOptions } from './options.js';
import { type Program, requireInstalled, startAssistant } from './processes.js';
import { startRedis } from './redis.js';
import {
  type BenchmarkCase,
  type BenchmarkedCommand,
  benchmarkedCommands,
  type Rates,
  redisBenchmark,
} from './redis-benchmark.js';
import { median, pairedRatio, pairedRatios } from './statistics.js';
import { figure, table } from './table.js';
import { type Target, targetTable } from './targets.js';

/**
 * Throughput of commands that are no locks: redis-benchmark against Redis and through proxies. Beside
 * these runs a pipe of forty lines (pipe-process.ts): what Node can do, with nothing looked at.
 */

const cases: readonly BenchmarkCase[] = [
  { name: 'c50', title: '50 connections, no pipelining', clients: 50, pipeline: 1 },
  { name: 'p16', title: '50 connections, pipeline of 16', clients: 50, pipeline: 16 },
  { name: 'c1', title: '1 connection, no pipelining', clients: 1, pipeline: 1 },
];
/** The one case that redis-benchmark doesn't run. */
const libraryCase = 'libraries';
const caseNames = [...cases.map(one => one.name), libraryCase];

const contenders = ['direct', 'forelock', 'pipe', 'haproxy', 'twemproxy'] as const;
type Contender = (typeof contenders)[number];

/** Enough for a first idea of the rate, from which the requests of a measurement follow. */
const probeRequests = 5_000;

export const options = {
  rounds: { default: 9, help: 'rounds, each of them all contenders in turn' },
  seconds: { default: 1, help: 'about how long each command is measured in a round' },
  requests: { default: 0, help: 'requests of each command instead; 0: by --seconds' },
  only: { default: '', help: `of ${contenders.join(',')}; direct always runs` },
  cases: { default: '', help: `of ${caseNames.join(',')}` },
} as const;

/** What a round measured, by round. A contender that isn't installed has none. */
type Measured = ReadonlyMap<Contender, Rates[]>;

export async function run(args: readonly string[]): Promise<void> {
  const values = readOptions(args, options);
  const only = chosen('only', values.only, contenders);
  const chosenCases = chosen('cases', values.cases, caseNames);
  console.log(`Pass-through throughput. ${describeMachine()}\n`);
  requireInstalled('redis-benchmark', 'redis-tools');
  const redis = await startRedis();
  const programs = new Map<Contender, Program>([['direct', redis]]);
  const add = (name: Contender, program: Program | null) => {
    if (program !== null) programs.set(name, program);
  };
  if (only.includes('forelock')) add('forelock', await startForelock(redis.port));
  if (only.includes('pipe')) add('pipe', await startAssistant('pipe-process', [`${redis.port}`]));
  if (only.includes('haproxy')) add('haproxy', await startHaproxy(redis.port));
  if (only.includes('twemproxy')) add('twemproxy', await startNutcracker(redis.port));

  const targets: Target[] = [];
  if (values.requests === 0) {
    const measurements = chosenCases.length * benchmarkedCommands.length * programs.size;
    const seconds = measurements * values.rounds * values.seconds;
    console.log(`Takes some ${figure(seconds, 0)} s.\n`);
  }
  for (const one of cases.filter(({ name }) => chosenCases.includes(name))) {
    const measured = await measure(one, programs, values);
    console.log(`${one.title}\n\n${rateTable(measured)}\n`);
    targets.push(...targetsOf(one, measured));
  }
  if (chosenCases.includes(libraryCase)) {
    // Forty lines understand no library.
    programs.delete('pipe');
    const compared = await compareLibraries(programs, values);
    console.log(`50 ioredis and 50 node-redis clients, SET and GET in turn\n\n${compared.table}\n`);
    targets.push(...compared.targets);
  }
  for (const program of [...programs.values()].reverse()) await program.stop();
  if (only.includes('forelock')) console.log(targetTable(targets));
}

async function measure(
  one: BenchmarkCase,
  programs: ReadonlyMap<Contender, Program>,
  values: { rounds: number; seconds: number; requests: number },
): Promise<Measured> {
  const measured = new Map<Contender, Rates[]>();
  let requests = values.requests;
  // The first run warms the contender up, and direct's tells how many requests fill the time.
  for (const [contender, { port }] of programs) {
    const rates = await redisBenchmark(
      port,
      one,
      Math.min(requests || probeRequests, probeRequests),
    );
    if (contender === 'direct' && values.requests === 0) {
      requests = Math.ceil(median([...rates.values()]) * values.seconds);
    }
    measured.set(contender, []);
  }
  for (let round = 0; round < values.rounds; round++) {
    for (const [contender, { port }] of programs) {
      measured.get(contender)?.push(await redisBenchmark(port, one, requests));
    }
  }
  return measured;
}

function ratesOf(measured: Measured, contender: Contender, command: BenchmarkedCommand) {
  return (measured.get(contender) ?? []).map(rates => rates.get(command));
}

function rateTable(measured: Measured): string {
  const rows: string[][] = [];
  for (const command of benchmarkedCommands) {
    const direct = ratesOf(measured, 'direct', command);
    for (const contender of measured.keys()) {
      const rates = ratesOf(measured, contender, command);
      const ratios = pairedRatios(rates, direct);
      rows.push([
        `${command} ${contender}`,
        figure(median(rates.filter(rate => rate !== undefined)), 0),
        figure(median(ratios), 2),
        `${figure(Math.min(...ratios), 2)} - ${figure(Math.max(...ratios), 2)}`,
      ]);
    }
  }
  return table(['', 'requests/s', 'of direct', 'range of rounds'], rows);
}

function targetsOf(one: BenchmarkCase, measured: Measured): Target[] {
  return benchmarkedCommands.flatMap(command => {
    const forelock = ratesOf(measured, 'forelock', command);
    const against = (contender: Contender, atLeast: number): Target => ({
      name: `${one.name} ${command}: Forelock to ${contender}`,
      atLeast,
      measured: pairedRatio(forelock, ratesOf(measured, contender, command)),
    });
    switch (one.name) {
      case 'c50':
        return [against('direct', 0.85), against('haproxy', 1), against('twemproxy', 1)];
      case 'p16':
        return [against('direct', 0.75), against('haproxy', 1), against('twemproxy', 1)];
      default:
        return [against('haproxy', 1)];
    }
  });
}
