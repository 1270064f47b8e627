import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { endProcess, hasExited, spawnOwned } from './child-processes.js';
import { eventually, Hopeless, type Lifetime } from './lifetime.js';
import { RespClient } from './resp-client.js';

/** The compiled entry beside this compiled harness: `build/test/harness/` and `build/src/`. */
const MAIN =
  process.env.FORELOCK_TEST_MAIN ?? fileURLToPath(new URL('../../src/main.js', import.meta.url));

/** One JSON line of Forelock's log. */
export type LogLine = Record<string, unknown>;

export interface ForelockOptions {
  /** `redis://…` or `unix:…`. */
  readonly upstream: string;
  /** Of further listeners, each on a free port. */
  readonly furtherUpstreams?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Forelock as its users run it: a process of its own, known by its address and its log alone. */
export class Forelock {
  readonly log: LogLine[] = [];
  /** What it wrote on stderr, and on stdout outside JSON. */
  readonly noise: string[] = [];
  readonly #child: ChildProcess;
  /** Of the first listener. */
  port = 0;
  /** Of all listeners, in the order of their upstreams. */
  readonly ports: number[] = [];
  httpPort = 0;

  private constructor(options: ForelockOptions) {
    const args = ['--enable-source-maps', MAIN, '--listen', '127.0.0.1:0', '--http', '127.0.0.1:0'];
    args.push('--upstream', options.upstream);
    for (const upstream of options.furtherUpstreams ?? []) {
      args.push('--listen', '127.0.0.1:0', '--upstream', upstream);
    }
    args.push(...(options.args ?? []));
    this.#child = spawnOwned(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', line => this.#note(line));
    }
  }

  /** Started and listening; ended with SIGTERM when the test ends. */
  static async start(t: Lifetime, options: ForelockOptions): Promise<Forelock> {
    const forelock = new Forelock(options);
    t.teardown(() => forelock.stop());
    await eventually(
      'Forelock listens',
      () => {
        if (hasExited(forelock.#child)) throw new Hopeless('Forelock ended');
        return forelock.ports.length > (options.furtherUpstreams?.length ?? 0);
      },
      { withinMs: 15_000 },
    ).catch(error => {
      throw new Error(`${String(error)}\n${forelock.output()}`);
    });
    return forelock;
  }

  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error('Forelock does not run');
    return pid;
  }

  get hasEnded(): boolean {
    return hasExited(this.#child);
  }

  get exitCode(): number | null {
    return this.#child.exitCode;
  }

  connect(t: Lifetime, port = this.port): Promise<RespClient> {
    return RespClient.connect(t, port);
  }

  connect3(t: Lifetime): Promise<RespClient> {
    return RespClient.connect3(t, this.port);
  }

  /** SIGTERM: it drains. Resolves with its exit code when it has ended. */
  async stop(): Promise<number | null> {
    this.resume();
    await endProcess(this.#child, 'SIGTERM', 15_000);
    return this.#child.exitCode;
  }

  async kill(): Promise<void> {
    await endProcess(this.#child, 'SIGKILL');
  }

  pause(): void {
    this.#child.kill('SIGSTOP');
  }

  resume(): void {
    this.#child.kill('SIGCONT');
  }

  async ended(): Promise<void> {
    if (!this.hasEnded) await once(this.#child, 'exit');
  }

  /** Resident memory now, in bytes. */
  async rssBytes(): Promise<number> {
    const status = await readFile(`/proc/${this.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) * 1024;
  }

  async http(path: string): Promise<{ status: number; body: string }> {
    const response = await fetch(`http://127.0.0.1:${this.httpPort}${path}`);
    return { status: response.status, body: await response.text() };
  }

  /** All it said, for error messages. */
  output(): string {
    return [...this.log.map(line => JSON.stringify(line)), ...this.noise].join('\n');
  }

  #note(text: string): void {
    let line: LogLine;
    try {
      line = JSON.parse(text) as LogLine;
    } catch {
      this.noise.push(text);
      return;
    }
    this.log.push(line);
    this.#noteAddress(line);
  }

  /** The line that names the addresses: `{"listen":"127.0.0.1:4711","http":"127.0.0.1:4712",…}`. */
  #noteAddress(line: LogLine): void {
    const portOf = (address: unknown): number =>
      typeof address === 'string' ? Number(/:(\d+)$/.exec(address)?.[1] ?? 0) : 0;
    const http = portOf(line.http);
    if (http !== 0) this.httpPort = http;
    const port = portOf(line.listen);
    if (port === 0) return;
    if (this.ports.length === 0) this.port = port;
    this.ports.push(port);
  }
}
