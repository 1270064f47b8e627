import { type ChildProcess, fork, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ExplainedError } from './run-to-exit.js';

/**
 * The other programs of a benchmark and their folders. Whatever way the benchmark ends (its end, an
 * error, Ctrl-C), none of them outlives it.
 */

/** How long a program may take until it accepts connections. */
const startLimitMs = 15_000;
/** How long a program may take to end by itself before it is killed. */
const stopLimitMs = 3_000;
/** How much of a program's output is kept, to be shown when it fails. */
const outputKeptChars = 4_000;
/** A port found free may be taken by another program before ours binds it. */
const startAttempts = 3;

const running = new Set<ChildProcess>();
/** Those of them that were told to end. */
const stopping = new WeakSet<ChildProcess>();
const folders = new Set<string>();

process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
for (const [signal, exitCode] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  process.once(signal, () => process.exit(exitCode));
}

/** A program that has been started and accepts connections on a port of 127.0.0.1. */
export interface Program {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  /** What it has printed lately. */
  output(): string;
  /** SIGTERM, then SIGKILL if it doesn't end. */
  stop(): Promise<void>;
}

/** A folder that is removed when the benchmark ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'forelock-bench-'));
  folders.add(folder);
  return folder;
}

/** A port of 127.0.0.1 that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no TCP address');
  return address.port;
}

/** Ends the benchmark where a program is missing that it can't do without. */
export function requireInstalled(command: string, aptPackage: string): void {
  if (isInstalled(command)) return;
  throw new ExplainedError(
    `${command} is not installed; for example: apt-get install ${aptPackage}`,
  );
}

/** Whether `command` can be run; says nothing of whether it works. */
export function isInstalled(command: string): boolean {
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).error === undefined;
}

/**
 * Starts a program that is told its port by its arguments (or by a file that `argumentsFor` writes)
 * and waits until it accepts connections there.
 */
export async function startProgram(
  name: string,
  command: string,
  argumentsFor: (port: number) => Promise<readonly string[]> | readonly string[],
): Promise<Program> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const child = spawn(command, await argumentsFor(port), { stdio: ['ignore', 'pipe', 'pipe'] });
    const program = { ...watched(name, child), port };
    try {
      await accepts(program, child, port);
      endWith(program, child);
      return program;
    } catch (error) {
      await program.stop();
      if (attempt === startAttempts) throw error;
    }
  }
}

/** A Node program of this folder, spoken with over IPC, that names the port that it took. */
export interface Assistant extends Program {
  readonly child: ChildProcess;
}

/** Starts `<script>.js` of this folder; it sends `{ port }` when it listens. */
export async function startAssistant(
  script: string,
  args: readonly string[] = [],
): Promise<Assistant> {
  const child = fork(fileURLToPath(new URL(`./${script}.js`, import.meta.url)), args, {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const program = watched(script, child);
  const first = await new Promise<unknown>(resolve => {
    child.once('message', resolve);
    child.once('close', resolve);
  });
  const port = first instanceof Object && 'port' in first ? Number(first.port) : Number.NaN;
  if (!Number.isInteger(port)) {
    await program.stop();
    throw new Error(`${script} did not start:\n${program.output()}`);
  }
  endWith(program, child);
  return { ...program, port, child };
}

/** Resident memory of a process in bytes, by Linux's own count. */
export function residentBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  if (kilobytes === undefined) throw new Error(`no VmRSS in /proc/${pid}/status`);
  return Number(kilobytes) * 1024;
}

/** How many TCP connections a process has to a port, by Linux's own tables. */
export function connectionsTo(pid: number, port: number): number {
  const inodes = new Set<string>();
  for (const descriptor of readdirSync(`/proc/${pid}/fd`)) {
    const inode = /^socket:\[(\d+)\]$/.exec(descriptorTarget(pid, descriptor))?.[1];
    if (inode !== undefined) inodes.add(inode);
  }
  // A line: sl local_address rem_address st tx:rx tr:tm retrnsmt uid timeout inode …
  const lines = readFileSync(`/proc/${pid}/net/tcp`, 'utf8').trim().split('\n').slice(1);
  const isToPort = (remote = '') => Number.parseInt(remote.split(':')[1] ?? '', 16) === port;
  return lines
    .map(line => line.trim().split(/\s+/))
    .filter(([, , remote, , , , , , , inode = '']) => isToPort(remote) && inodes.has(inode)).length;
}

/** Empty where it was closed since the folder was read. */
function descriptorTarget(pid: number, descriptor: string): string {
  try {
    return readlinkSync(`/proc/${pid}/fd/${descriptor}`);
  } catch {
    return '';
  }
}

function watched(name: string, child: ChildProcess): Omit<Program, 'port'> {
  running.add(child);
  const ended = new Promise(resolve => child.once('close', resolve));
  let output = '';
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-outputKeptChars);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  // A command that doesn't exist ends in 'error' and 'close'; the wait for its port reports it.
  child.on('error', error => keep(Buffer.from(`${error.message}\n`)));
  child.once('close', () => running.delete(child));
  return {
    name,
    pid: child.pid ?? -1,
    output: () => output,
    async stop() {
      if (!running.has(child)) return;
      stopping.add(child);
      const patience = setTimeout(() => child.kill('SIGKILL'), stopLimitMs);
      child.kill('SIGTERM');
      await ended;
      clearTimeout(patience);
    },
  };
}

/** A benchmark of which a part has ended by itself means nothing: it ends too, and says why. */
function endWith(program: Omit<Program, 'port'>, child: ChildProcess): void {
  child.once('close', () => {
    if (stopping.has(child)) return;
    console.error(`${program.name} has ended by itself:\n${program.output()}`);
    process.exit(1);
  });
}

async function accepts(program: Program, child: ChildProcess, port: number): Promise<void> {
  const limit = performance.now() + startLimitMs;
  while (performance.now() < limit) {
    if (!running.has(child)) {
      throw new Error(`${program.name} ended before it listened:\n${program.output()}`);
    }
    if (await connects(port)) return;
    await sleep(20);
  }
  throw new Error(`${program.name} accepts no connection after ${startLimitMs} ms`);
}

function connects(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
