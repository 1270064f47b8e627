import { describeMachine } from './machine.js';
import { microCases } from './micro/cases.js';
import { readOptions } from './options.js';
import { median } from './statistics.js';
import { figure, table } from './table.js';

/** Small benchmarks of the functions that every command or every lock request passes through. */

export const options = {
  rounds: { default: 5, help: 'rounds, each of them all functions in turn; the median counts' },
  seconds: { default: 0.3, help: 'how long a function runs in a round' },
} as const;

/** How many operations are timed together: few enough that time is looked at often. */
const batchOperations = 1_000;

export async function run(args: readonly string[]): Promise<void> {
  const values = readOptions(args, options);
  console.log(`Hot functions. ${describeMachine()}\n`);
  const cases = microCases();
  const measured = cases.map((): number[] => []);
  // The first round lets V8 compile, and counts for nothing.
  for (let round = -1; round < values.rounds; round++) {
    for (const [index, { operation }] of cases.entries()) {
      const nanoseconds = nanosecondsPerOperation(operation, values.seconds * 1000);
      if (round >= 0) measured[index]?.push(nanoseconds);
    }
  }
  const rows = cases.map(({ name }, index) => {
    const nanoseconds = median(measured[index] ?? []);
    return [name, figure(nanoseconds, 0), figure(1000 / nanoseconds, 2)];
  });
  console.log(table(['', 'ns each', 'million/s'], rows));
}

function nanosecondsPerOperation(operation: () => void, lastsMs: number): number {
  const startedAtMs = performance.now();
  let operations = 0;
  let tookMs = 0;
  do {
    for (let count = 0; count < batchOperations; count++) operation();
    operations += batchOperations;
    tookMs = performance.now() - startedAtMs;
  } while (tookMs < lastsMs);
  return (tookMs * 1e6) / operations;
}
