import { startForelockGroup } from './forelock.js';
import { describeMachine } from './machine.js';
import { chosen, readOptions } from './options.js';
import type { Program } from './processes.js';
import { startRedis } from './redis.js';
import { type RedlockLoad, type RedlockTally, startRedlockLoad } from './redlock-load.js';
import { quantile, sum } from './statistics.js';
import { figure, percent, table } from './table.js';
import { type Target, targetTable } from './targets.js';

/**
 * Clients that contend for one Redlock over several masters, with npm redlock as it is:
 *
 *   direct      clients ── the masters
 *   ungrouped   clients ── Forelock, a listener for each master ── the masters
 *   group       clients ── the same with --group ── the masters
 *
 * Each has masters of its own; all take turns in one run.
 */

const names = ['direct', 'ungrouped', 'group'] as const;
type Name = (typeof names)[number];

const titles: Readonly<Record<Name, string>> = {
  direct: 'direct',
  ungrouped: 'Forelock without --group',
  group: 'Forelock --group',
};

const versions = ['4', '5'] as const;

export const options = {
  rounds: { default: 3, help: 'rounds, each of them all contenders in turn' },
  seconds: { default: 10, help: 'length of a turn' },
  masters: { default: 5, help: 'masters of the Redlock' },
  applications: { default: 3, help: 'processes with clients' },
  clients: { default: 4, help: 'clients of each process' },
  'retry-ms': { default: 200, help: "redlock's retryDelay; its retryJitter is half of it" },
  'hold-ms': { default: 2, help: 'how long the lock is held' },
  'think-ms': { default: 10, help: 'mean time between giving it back and asking for it again' },
  'ttl-ms': { default: 3000, help: 'TTL of the lock' },
  versions: { default: '', help: `of redlock, of ${versions.join(',')}` },
  only: { default: '', help: `of ${names.join(',')}` },
} as const;

type Values = ReturnType<typeof readOptions<typeof options>>;

export async function run(args: readonly string[]): Promise<void> {
  const values = readOptions(args, options);
  console.log(`One Redlock over ${values.masters} masters. ${describeMachine()}`);
  for (const version of chosen('versions', values.versions, versions)) {
    const tallies = await measureInTurn(version, values);
    console.log(`\nredlock ${version}\n\n${report(tallies)}\n\n${targetTable(targetsOf(tallies))}`);
  }
}

type Tallies = ReadonlyMap<Name, readonly RedlockTally[]>;

async function measureInTurn(version: '4' | '5', values: Values): Promise<Tallies> {
  const loads = new Map<Name, RedlockLoad>();
  const programs: Program[] = [];
  for (const name of chosen('only', values.only, names)) {
    const masters = await Promise.all(Array.from({ length: values.masters }, startRedis));
    programs.push(...masters);
    let ports = masters.map(({ port }) => port);
    if (name !== 'direct') {
      const forelock = await startForelockGroup(ports, name === 'group' ? ['--group'] : []);
      programs.push(forelock);
      ports = [...forelock.ports];
    }
    const load = await startRedlockLoad(values.applications, {
      version,
      ports,
      resource: 'bench:resource',
      clients: values.clients,
      ttlMs: values['ttl-ms'],
      holdMs: values['hold-ms'],
      thinkMs: values['think-ms'],
      retryDelayMs: values['retry-ms'],
      retryJitterMs: values['retry-ms'] / 2,
    });
    loads.set(name, load);
  }
  const tallies = new Map<Name, RedlockTally[]>();
  for (let round = 0; round < values.rounds; round++) {
    for (const [name, load] of loads) {
      const turns = tallies.get(name) ?? [];
      turns.push(await load.run(values.seconds));
      tallies.set(name, turns);
    }
  }
  for (const load of loads.values()) await load.stop();
  for (const program of programs) await program.stop();
  return tallies;
}

function waits(turns: readonly RedlockTally[] | undefined): readonly number[] {
  return (turns ?? []).flatMap(({ waitsMs }) => waitsMs);
}

function report(tallies: Tallies): string {
  const rows = [...tallies].map(([name, turns]) => {
    const waitsMs = waits(turns);
    const failed = sum(turns.map(turn => turn.failed));
    const acquired = sum(turns.map(turn => turn.acquired));
    return [
      titles[name],
      figure(acquired, 0),
      figure(quantile(waitsMs, 0.5), 1),
      figure(quantile(waitsMs, 0.99), 1),
      percent(failed / (failed + acquired)),
      figure(sum(turns.map(turn => turn.wastedVotes)), 0),
      figure(sum(turns.map(turn => turn.split)), 0),
    ];
  });
  const head = ['', 'locks taken', 'p50 ms', 'p99 ms', 'attempts failed', 'with votes', 'split'];
  return table(head, rows);
}

function targetsOf(tallies: Tallies): Target[] {
  const group = tallies.get('group');
  const ratio = quantile(waits(group), 0.99) / quantile(waits(tallies.get('direct')), 0.99);
  return [
    {
      name: 'split votes among the clients of one group',
      atMost: 0,
      measured: group === undefined ? Number.NaN : sum(group.map(turn => turn.split)),
    },
    { name: 'p99 to direct', atMost: 1, measured: ratio },
  ];
}
