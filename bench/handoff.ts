import {
  type ContentionLoad,
  type ContentionRun,
  type ContentionSettings,
  startContention,
  startMutexContention,
} from './contention-load.js';
import { fairnessOf, ratesOf, takeTurns, turnsTable } from './contention-turns.js';
import { startForelock } from './forelock.js';
import { describeMachine } from './machine.js';
import { chosen, readOptions } from './options.js';
import type { Program } from './processes.js';
import { startRedis } from './redis.js';
import { type Relay, startRelay } from './relay.js';
import { pairedRatio, quantile } from './statistics.js';
import { type Target, targetTable } from './targets.js';

/**
 * How long clients wait for a lock that they all want, polling like redlock, and how fairly it goes
 * round, over a link with a round trip of a millisecond:
 *
 *   direct      clients ── relay ── Redis
 *   forelock    clients ── Forelock ── relay ── Redis
 *   two         every other client ── one Forelock ── relay ── Redis, the rest ── another
 *   mutex       the same clients on a mutex in their own process: the bound
 *
 * Each has a Redis of its own; all take turns in one run.
 */

const names = ['direct', 'forelock', 'two', 'mutex'] as const;
type Name = (typeof names)[number];

const titles: Readonly<Record<Name, string>> = {
  direct: 'direct',
  forelock: 'Forelock',
  two: 'two Forelocks',
  mutex: 'mutex in the process (the bound)',
};

export const options = {
  rounds: { default: 3, help: 'rounds, each of them all contenders in turn' },
  seconds: { default: 10, help: 'length of a turn' },
  'learning-seconds': { default: 10, help: 'before the first turn, not measured' },
  clients: { default: '6,64', help: 'how many want the lock; one after the other' },
  'retry-ms': { default: 200, help: 'sleep after a refusal' },
  'retry-jitter-ms': { default: 100, help: '… so much longer or shorter at most' },
  'hold-ms': { default: 2, help: 'how long the lock is held' },
  'think-ms': { default: 10, help: 'mean time between giving it back and asking for it again' },
  'ttl-ms': { default: 10_000, help: 'TTL of the lock' },
  'round-trip-ms': { default: 1, help: 'round trip of the link to Redis' },
  only: { default: '', help: `of ${names.join(',')}` },
} as const;

type Values = ReturnType<typeof readOptions<typeof options>>;
type Turns = ReadonlyMap<Name, readonly ContentionRun[]>;

export async function run(args: readonly string[]): Promise<void> {
  const values = readOptions(args, options);
  console.log(`Waiting for a lock that is taken. ${describeMachine()}`);
  for (const clients of values.clients.split(',').map(Number)) {
    const turns = await measureInTurn(clients, values);
    console.log(`\n${clients} clients\n\n${turnsTable(turns, titles)}`);
    console.log(`\n${targetTable(targetsOf(clients, turns))}`);
  }
}

async function measureInTurn(clients: number, values: Values): Promise<Turns> {
  const settings: ContentionSettings = {
    key: 'bench:contended',
    clients,
    ttlMs: values['ttl-ms'],
    holdMs: values['hold-ms'],
    thinkMs: values['think-ms'],
    retryMs: values['retry-ms'],
    retryJitterMs: values['retry-jitter-ms'],
    releasesRefused: true,
    givesUp: false,
  };
  const programs: (Program | Relay)[] = [];
  const loads = new Map<Name, ContentionLoad>();
  for (const name of chosen('only', values.only, names)) {
    if (name === 'mutex') {
      loads.set(name, startMutexContention(settings));
      continue;
    }
    const redis = await startRedis();
    const relay = await startRelay(redis.port, values['round-trip-ms']);
    programs.unshift(relay, redis);
    const ports = name === 'direct' ? [relay.port] : [];
    for (let proxies = { direct: 0, forelock: 1, two: 2 }[name]; proxies > 0; proxies--) {
      const forelock = await startForelock(relay.port);
      programs.unshift(forelock);
      ports.push(forelock.port);
    }
    const load = await startContention(ports, settings);
    loads.set(name, load);
    await load.run(values['learning-seconds']);
  }
  const turns = await takeTurns(loads, values);
  for (const load of loads.values()) load.close();
  for (const program of programs) await program.stop();
  return turns;
}

const waits = (runs: readonly ContentionRun[] | undefined, q: number): number[] =>
  (runs ?? []).map(({ waitsMs }) => quantile(waitsMs, q));

/** A perfect queue gives 64 clients about 0.2 of direct, since they park and sleep. */
const P99_SHARE = { few: 0.05, many: 0.25, two: 0.1 };
const MANY_CLIENTS = 20;

function targetsOf(clients: number, turns: Turns): Target[] {
  const direct = turns.get('direct');
  const forelock = turns.get('forelock');
  const many = clients > MANY_CLIENTS;
  const p99: Target = {
    name: 'p99 wait to direct',
    atMost: many ? P99_SHARE.many : P99_SHARE.few,
    measured: pairedRatio(waits(forelock, 0.99), waits(direct, 0.99)),
  };
  if (many) return [p99];
  return [
    p99,
    {
      name: 'two Forelocks: p99 wait to direct',
      atMost: P99_SHARE.two,
      measured: pairedRatio(waits(turns.get('two'), 0.99), waits(direct, 0.99)),
    },
    { name: "Jain's fairness", atLeast: 0.98, measured: fairnessOf(forelock) },
    {
      name: 'locks per second to the mutex',
      atLeast: 0.8,
      measured: pairedRatio(ratesOf(forelock), ratesOf(turns.get('mutex'))),
    },
  ];
}
