import { startLibraryLoad } from './library-load.js';
import { connectionsTo, type Program } from './processes.js';
import { median, pairedRatio, pairedRatios } from './statistics.js';
import { figure, table } from './table.js';
import type { Target } from './targets.js';

/**
 * Throughput of client libraries, and how many connections they cost Redis. twemproxy is not in it:
 * it closes the connection of a client that says CLIENT SETINFO or INFO, as these libraries do.
 * The clients all run in this process and take most of the time, so ratios lie closer to 1 than
 * those of redis-benchmark.
 */

const upstreamConnectionsMax = 10;

/** `programs` by name, of which `direct` is the Redis behind all. */
export async function compareLibraries(
  programs: ReadonlyMap<string, Program>,
  { rounds, seconds }: { readonly rounds: number; readonly seconds: number },
): Promise<{ readonly table: string; readonly targets: readonly Target[] }> {
  const compared = [...programs].filter(([name]) => name !== 'twemproxy');
  const redisPort = programs.get('direct')?.port ?? Number.NaN;
  const rates = new Map<string, number[]>(compared.map(([name]) => [name, []]));
  let upstreamConnections = Number.NaN;
  // The first round lets V8 compile what the clients run, and counts for nothing.
  for (let round = -1; round < rounds; round++) {
    for (const [name, program] of compared) {
      const load = await startLibraryLoad(program.port);
      const rate = await load.run(seconds);
      if (round >= 0) rates.get(name)?.push(rate);
      if (name === 'forelock') upstreamConnections = connectionsTo(program.pid, redisPort);
      load.close();
    }
  }
  return { table: rateTable(rates), targets: targetsOf(rates, upstreamConnections) };
}

function rateTable(rates: ReadonlyMap<string, readonly number[]>): string {
  const direct = rates.get('direct') ?? [];
  const rows = [...rates].map(([name, rate]) => {
    const ratios = pairedRatios(rate, direct);
    const range = `${figure(Math.min(...ratios), 2)} - ${figure(Math.max(...ratios), 2)}`;
    return [name, figure(median(rate), 0), figure(median(ratios), 2), range];
  });
  return table(['', 'commands/s', 'of direct', 'range of rounds'], rows);
}

function targetsOf(
  rates: ReadonlyMap<string, readonly number[]>,
  upstreamConnections: number,
): Target[] {
  const against = (name: string, atLeast: number): Target => ({
    name: `libraries: Forelock to ${name}`,
    atLeast,
    measured: pairedRatio(rates.get('forelock') ?? [], rates.get(name) ?? []),
  });
  return [
    against('direct', 0.85),
    against('haproxy', 1),
    {
      name: 'libraries: connections of Forelock to Redis',
      atMost: upstreamConnectionsMax,
      measured: upstreamConnections,
    },
  ];
}
