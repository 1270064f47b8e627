import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endProcess, hasExited, spawnOwned } from './child-processes.js';
import { freePort } from './free-port.js';
import { eventually, Hopeless, type Lifetime } from './lifetime.js';
import { RespClient } from './resp-client.js';

export interface RedisOptions {
  /** Password of the default user. */
  readonly requirepass?: string;
  /** Users as in an ACL file, without the leading `user`: `alice on >secret ~* +@all`. */
  readonly users?: readonly string[];
  /** Further `redis-server` arguments: `['--maxclients', '20']`. */
  readonly args?: readonly string[];
  /** Lines of a configuration file, for what the command line can't say. */
  readonly config?: readonly string[];
}

/** A redis-server of the test's own, in its own temporary folder, which keeps nothing on disk. */
export class RedisServer {
  readonly port: number;
  readonly folder: string;
  readonly #options: RedisOptions;
  #child: ChildProcess;
  #log: string[] = [];

  private constructor(port: number, folder: string, options: RedisOptions) {
    this.port = port;
    this.folder = folder;
    this.#options = options;
    this.#child = this.#spawn();
  }

  /** Started and answering; stopped, and its folder removed, when the test ends. */
  static async start(t: Lifetime, options: RedisOptions = {}): Promise<RedisServer> {
    const folder = await mkdtemp(join(tmpdir(), 'forelock-test-redis-'));
    const lines = [
      ...(options.requirepass ? [`requirepass ${options.requirepass}`] : []),
      ...(options.users ?? []).map(user => `user ${user}`),
      ...(options.config ?? []),
    ];
    await writeFile(join(folder, 'redis.conf'), `${lines.join('\n')}\n`);
    // A port found free may be taken by another test before this one binds it.
    for (let attempt = 1; ; attempt++) {
      const server = new RedisServer(await freePort(), folder, options);
      try {
        await server.ready();
        t.teardown(async () => {
          await server.stop();
          await rm(folder, { recursive: true, force: true });
        });
        return server;
      } catch (error) {
        await server.kill();
        if (attempt === 3) throw error;
      }
    }
  }

  get url(): string {
    const { requirepass } = this.#options;
    return `redis://${requirepass ? `:${requirepass}@` : ''}127.0.0.1:${this.port}`;
  }

  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error('redis-server does not run');
    return pid;
  }

  get log(): string {
    return this.#log.join('');
  }

  /** Waits until it answers PING (a NOAUTH error is an answer too). */
  async ready(): Promise<void> {
    await eventually('redis-server answers', async () => {
      if (hasExited(this.#child)) throw new Hopeless(`redis-server ended:\n${this.log}`);
      const ends: (() => unknown)[] = [];
      try {
        const client = await RespClient.connect({ teardown: end => ends.push(end) }, this.port);
        const reply = await client.call('PING');
        return reply === '+PONG\r\n' || reply.startsWith('-NOAUTH');
      } finally {
        for (const end of ends) end();
      }
    });
  }

  /** A client straight to this server, logged in as the default user. */
  connect(t: Lifetime): Promise<RespClient> {
    const { requirepass } = this.#options;
    return RespClient.connect(t, this.port, ...(requirepass ? [['AUTH', requirepass]] : []));
  }

  async stop(): Promise<void> {
    this.resume();
    await endProcess(this.#child, 'SIGTERM');
  }

  /** kill -9: all connections are cut by the kernel, and all data is gone. */
  async kill(): Promise<void> {
    await endProcess(this.#child, 'SIGKILL');
  }

  /** SIGSTOP: connections stay open, nothing is answered. */
  pause(): void {
    this.#child.kill('SIGSTOP');
  }

  resume(): void {
    this.#child.kill('SIGCONT');
  }

  /** Starts it anew, empty, on the same port. */
  async restart(): Promise<void> {
    await this.stop();
    this.#child = this.#spawn();
    await this.ready();
  }

  #spawn(): ChildProcess {
    const args = [join(this.folder, 'redis.conf'), '--port', String(this.port)];
    args.push('--bind', '127.0.0.1', '--dir', this.folder, '--save', '', '--appendonly', 'no');
    args.push('--repl-diskless-sync-delay', '0', ...(this.#options.args ?? []));
    const child = spawnOwned('redis-server', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const note = (chunk: Buffer): unknown => this.#log.push(chunk.toString());
    child.stdout?.on('data', note);
    child.stderr?.on('data', note);
    child.on('error', error => this.#log.push(String(error)));
    return child;
  }
}
