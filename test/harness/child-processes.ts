import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * Child processes that never outlive the test that started them. A test's teardown ends them; this
 * is for the ways out that run no teardown: an uncaught error, a runner's timeout, Ctrl-C.
 */
const living = new Set<ChildProcess>();

function killAll(): void {
  // A stopped process (SIGSTOP) takes SIGKILL all the same.
  for (const child of living) child.kill('SIGKILL');
}

process.on('exit', killAll);
// SIGALRM is how tap ends a test file that took too long.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGALRM'] as const) {
  process.once(signal, () => {
    killAll();
    // Raised again without this listener, so that the runner's own handling still takes place.
    process.kill(process.pid, signal);
  });
}

export function spawnOwned(
  command: string,
  args: readonly string[],
  options: SpawnOptions,
): ChildProcess {
  // The test runner hooks itself into every Node process below it, by NODE_OPTIONS that it adds to
  // the environment at the last moment. What is tested here is to run as it does for its users.
  const child = spawn('/usr/bin/env', ['-u', 'NODE_OPTIONS', command, ...args], options);
  living.add(child);
  child.once('exit', () => living.delete(child));
  child.once('error', () => living.delete(child));
  return child;
}

export function hasExited(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
}

/** Sends the signal and waits for the end; after `graceMs` it is SIGKILL. */
export async function endProcess(
  child: ChildProcess,
  signal: NodeJS.Signals,
  graceMs = 5000,
): Promise<void> {
  if (hasExited(child)) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  const hardKill = setTimeout(() => child.kill('SIGKILL'), graceMs);
  await exited;
  clearTimeout(hardKill);
}
