import { type Program, requireInstalled, startProgram, temporaryFolder } from './processes.js';
import { RespConnection } from './resp-connection.js';

/** A redis-server of the benchmark's own, that keeps nothing on disk. */
export async function startRedis(): Promise<Program> {
  requireInstalled('redis-server', 'redis-server');
  return startProgram('redis-server', 'redis-server', port => [
    ...['--port', String(port), '--bind', '127.0.0.1', '--dir', temporaryFolder()],
    ...['--save', '', '--appendonly', 'no'],
  ]);
}

export async function infoSection(redisPort: number, section: string): Promise<string> {
  const connection = await RespConnection.open(redisPort);
  const info = await connection.call('INFO', section);
  connection.close();
  if (typeof info !== 'string') throw new Error(`INFO ${section} was not answered with text`);
  return info;
}

/**
 * Calls of each command since Redis was started, those made by scripts included: a release by
 * EVALSHA counts as evalsha, get and del. INFO itself, which only the benchmark asks for, is left
 * out, and so is nothing else.
 */
export async function commandCalls(redisPort: number): Promise<ReadonlyMap<string, number>> {
  const calls = new Map<string, number>();
  const info = await infoSection(redisPort, 'commandstats');
  for (const [, name = '', count] of info.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)) {
    if (name !== 'info') calls.set(name, Number(count));
  }
  return calls;
}

/** Calls made between two countings, by command; those without any are left out. */
export function callsBetween(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
): Map<string, number> {
  const between = new Map<string, number>();
  for (const [name, count] of after) {
    const calls = count - (before.get(name) ?? 0);
    if (calls > 0) between.set(name, calls);
  }
  return between;
}
