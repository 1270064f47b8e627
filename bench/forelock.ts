import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort, type Program, startProgram } from './processes.js';
import { ExplainedError } from './run-to-exit.js';

export interface Forelock extends Program {
  /** Locks granted from memory since the start, by its own metrics. */
  memoryGrants(): Promise<number>;
  /** Its metrics, in Prometheus's text format. */
  metrics(): Promise<string>;
}

/** How long Forelock may take until it has found its Redis. */
const readyLimitMs = 10_000;

/** Starts Forelock in front of the Redis (or relay) at `upstreamPort` and waits until it is ready. */
export async function startForelock(
  upstreamPort: number,
  flags: readonly string[] = [],
): Promise<Forelock> {
  let http = '';
  const program = await startProgram('forelock', process.execPath, async port => {
    http = `127.0.0.1:${await freePort()}`;
    return [
      entry(),
      ...['--listen', `127.0.0.1:${port}`],
      ...['--upstream', `redis://127.0.0.1:${upstreamPort}`],
      ...['--http', http],
      ...flags,
    ];
  });
  await untilReady(program, http);
  return {
    ...program,
    memoryGrants: () => memoryGrants(http),
    metrics: () => metricsText(http),
  };
}

/** One Forelock with a listener for each Redis, in the same order. */
export async function startForelockGroup(
  upstreamPorts: readonly number[],
  flags: readonly string[],
): Promise<Program & { readonly ports: readonly number[] }> {
  let http = '';
  const ports: number[] = [];
  const program = await startProgram('forelock', process.execPath, async firstPort => {
    http = `127.0.0.1:${await freePort()}`;
    ports.length = 0;
    const args = [entry(), '--http', http, ...flags];
    for (const upstreamPort of upstreamPorts) {
      const port = ports.length === 0 ? firstPort : await freePort();
      ports.push(port);
      args.push('--listen', `127.0.0.1:${port}`, '--upstream', `redis://127.0.0.1:${upstreamPort}`);
    }
    return args;
  });
  await untilReady(program, http);
  return { ...program, ports };
}

async function untilReady(program: Program, http: string): Promise<void> {
  const limitMs = performance.now() + readyLimitMs;
  while (!(await isReady(http))) {
    if (performance.now() > limitMs) throw new Error(`forelock is not ready:\n${program.output()}`);
    await sleep(20);
  }
}

/** The program that was compiled together with this benchmark, else the package's own. */
function entry(): string {
  for (const path of ['../src/main.js', '../../dist/main.js']) {
    const file = fileURLToPath(new URL(path, import.meta.url));
    if (existsSync(file)) return file;
  }
  throw new ExplainedError('Forelock is not built: npm run build');
}

/** False as well while nobody listens there yet. */
async function isReady(http: string): Promise<boolean> {
  try {
    const response = await fetch(`http://${http}/readyz`);
    return response.ok;
  } catch {
    return false;
  }
}

async function metricsText(http: string): Promise<string> {
  const response = await fetch(`http://${http}/metrics`);
  return response.text();
}

async function memoryGrants(http: string): Promise<number> {
  const sample = /^forelock_lock_grants_total\{by="memory",.*\} (\d+)$/m.exec(
    await metricsText(http),
  );
  if (sample === null) throw new Error('/metrics tells no locks granted from memory');
  return Number(sample[1]);
}
