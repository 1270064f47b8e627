import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** Runs a benchmark to its end; what it printed. */
export async function bench(script: 'main' | 'demo', ...args: readonly string[]): Promise<string> {
  const { stdout } = await execute(process.execPath, [benchFile(script), ...args]);
  return stdout;
}

export function benchFile(script: 'main' | 'demo'): string {
  return fileURLToPath(new URL(`../../bench/${script}.js`, import.meta.url));
}
