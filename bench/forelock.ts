import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { freePort, type Program, startProgram } from './processes.js';
import { sum } from './statistics.js';

export interface Forelock extends Program {
  /** Locks granted from memory since the start, by its own metrics. */
  memoryGrants(): Promise<number>;
}

/** Starts Forelock in front of the Redis (or relay) at `upstreamPort`. */
export async function startForelock(
  upstreamPort: number,
  flags: readonly string[] = [],
): Promise<Forelock> {
  const httpPort = await freePort();
  const program = await startProgram('forelock', process.execPath, port => [
    entry(),
    ...['--listen', `127.0.0.1:${port}`],
    ...['--upstream', `redis://127.0.0.1:${upstreamPort}`],
    ...['--http', `127.0.0.1:${httpPort}`],
    ...flags,
  ]);
  return { ...program, memoryGrants: () => memoryGrants(httpPort) };
}

/** The program that was compiled together with this benchmark, else the package's own. */
function entry(): string {
  for (const path of ['../src/main.js', '../../dist/main.js']) {
    const file = fileURLToPath(new URL(path, import.meta.url));
    if (existsSync(file)) return file;
  }
  throw new Error('Forelock is not built: npm run build');
}

async function memoryGrants(httpPort: number): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${httpPort}/metrics`);
  const text = await response.text();
  const samples = text.matchAll(/^forelock_\w*grant\w*\{[^}]*memory[^}]*\} (\S+)/gm);
  return sum([...samples].map(([, value]) => Number(value)));
}
