import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

export interface BenchmarkCase {
  readonly name: string;
  readonly title: string;
  readonly clients: number;
  readonly pipeline: number;
}

export const benchmarkedCommands = ['SET', 'GET'] as const;
export type BenchmarkedCommand = (typeof benchmarkedCommands)[number];

/** Requests per second of each command. */
export type Rates = ReadonlyMap<BenchmarkedCommand, number>;

const run = promisify(execFile);

/** One run of redis-benchmark: `requests` of each command, the value being its default 3 bytes. */
export async function redisBenchmark(
  port: number,
  { clients, pipeline }: BenchmarkCase,
  requests: number,
): Promise<Rates> {
  const { stdout, stderr } = await run('redis-benchmark', [
    ...['-h', '127.0.0.1', '-p', String(port), '--csv'],
    ...['-t', benchmarkedCommands.join(',').toLowerCase(), '-n', String(requests)],
    ...['-c', String(clients), '-P', String(pipeline)],
  ]);
  const rates = new Map<BenchmarkedCommand, number>();
  for (const command of benchmarkedCommands) {
    const rate = new RegExp(`^"${command}","([0-9.]+)"`, 'm').exec(stdout)?.[1];
    if (rate === undefined) throw new Error(`redis-benchmark told no rate: ${stdout}${stderr}`);
    rates.set(command, Number(rate));
  }
  return rates;
}
