import { type ContentionSettings, PolledLock, startContention } from './contention-load.js';
import { startForelock } from './forelock.js';
import { describeMachine } from './machine.js';
import { chosen, readOptions } from './options.js';
import { callsBetween, commandCalls, startRedis } from './redis.js';
import { RespConnection } from './resp-connection.js';
import { median, pairedRatio, sum } from './statistics.js';
import { figure, percent, table } from './table.js';
import { type Target, targetTable } from './targets.js';

/**
 * What many clients cost Redis that poll for a lock which somebody keeps:
 *
 *   direct      clients ── Redis                 the holder too
 *   through     clients ── Forelock ── Redis     the holder too
 *   beside      clients ── Forelock ── Redis     the holder straight on Redis
 *
 * Each has a Redis of its own; all take turns in one run.
 */

const names = ['direct', 'through', 'beside'] as const;
type Name = (typeof names)[number];

const titles: Readonly<Record<Name, string>> = {
  direct: 'direct',
  through: 'Forelock, held through it',
  beside: 'Forelock, held straight on Redis',
};

export const options = {
  rounds: { default: 3, help: 'rounds, each of them all contenders in turn' },
  seconds: { default: 5, help: 'length of a turn' },
  clients: { default: 500, help: 'how many poll' },
  'retry-ms': { default: 50, help: 'sleep after a refusal' },
  only: { default: '', help: `of ${names.join(',')}` },
} as const;

type Values = ReturnType<typeof readOptions<typeof options>>;

interface Turn {
  /** Per second, the commands within scripts included. */
  readonly commands: number;
  /** Refused attempts per second. */
  readonly refused: number;
  /** Attempts that were granted, although somebody holds the lock. */
  readonly granted: number;
}

const KEY = 'bench:stormed';
/** Longer than all turns. */
const KEPT_MS = 3_600_000;
/** Longer locks are never granted from memory; the pollers ask for what they could be granted. */
const TTL_MS = 10_000;
/** Enough that the key is known to be a lock. */
const CYCLES_BEFORE = 20;

export async function run(args: readonly string[]): Promise<void> {
  const values = readOptions(args, options);
  console.log(`A lock that ${values.clients} clients poll for. ${describeMachine()}`);
  const stages = new Map<Name, () => Promise<Turn>>();
  for (const name of chosen('only', values.only, names))
    stages.set(name, await setUp(name, values));
  const turns = new Map<Name, Turn[]>();
  for (let round = 0; round < values.rounds; round++) {
    for (const [name, takeTurn] of stages) {
      turns.set(name, [...(turns.get(name) ?? []), await takeTurn()]);
    }
  }
  console.log(`\n${report(turns)}\n\n${targetTable(targetsOf(turns))}`);
  process.exit(0);
}

async function setUp(name: Name, values: Values): Promise<() => Promise<Turn>> {
  const redis = await startRedis();
  const { port } = name === 'direct' ? redis : await startForelock(redis.port);
  const settings: ContentionSettings = {
    key: KEY,
    clients: values.clients,
    ttlMs: TTL_MS,
    holdMs: 0,
    thinkMs: 0,
    retryMs: values['retry-ms'],
    retryJitterMs: 0,
    releasesRefused: false,
    givesUp: true,
  };
  await becomeLock(port, settings);
  await keep(name === 'beside' ? redis.port : port);
  const load = await startContention([port], settings);
  await load.run(values.seconds);
  return async () => {
    const before = await commandCalls(redis.port);
    const { refused, grants } = await load.run(values.seconds);
    const calls = callsBetween(before, await commandCalls(redis.port));
    return {
      commands: sum(calls.values()) / values.seconds,
      refused: refused / values.seconds,
      granted: sum(grants),
    };
  };
}

async function becomeLock(port: number, settings: ContentionSettings): Promise<void> {
  const connection = await RespConnection.open(port);
  const lock = new PolledLock(connection, settings);
  for (let cycle = 0; cycle < CYCLES_BEFORE; cycle++) {
    await lock.take(() => true);
    await lock.giveBack();
  }
  connection.close();
}

async function keep(port: number): Promise<void> {
  const connection = await RespConnection.open(port);
  for (;;) {
    const reply = await connection.call('SET', KEY, 'keeper', 'NX', 'PX', String(KEPT_MS));
    if (reply === 'OK') break;
  }
}

function report(turns: ReadonlyMap<Name, readonly Turn[]>): string {
  const of = (name: Name, what: (turn: Turn) => number): number[] =>
    (turns.get(name) ?? []).map(what);
  const rows = [...turns.keys()].map(name => [
    titles[name],
    figure(median(of(name, turn => turn.refused)), 0),
    figure(median(of(name, turn => turn.commands)), 1),
    percent(pairedRatio(of(name, commandsOf), of('direct', commandsOf))),
    figure(sum(of(name, turn => turn.granted)), 0),
  ]);
  return table(['', 'refused/s', 'Redis commands/s', 'of direct', 'granted'], rows);
}

const commandsOf = ({ commands }: Turn): number => commands;

function targetsOf(turns: ReadonlyMap<Name, readonly Turn[]>): Target[] {
  const share = (name: Name): number =>
    100 *
    pairedRatio(
      (turns.get(name) ?? []).map(commandsOf),
      (turns.get('direct') ?? []).map(commandsOf),
    );
  return [
    { name: 'held through Forelock: % of the commands', atMost: 0.2, measured: share('through') },
    { name: 'held straight on Redis: % of the commands', atMost: 2, measured: share('beside') },
  ];
}
