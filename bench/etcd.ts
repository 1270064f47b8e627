import { Agent, request } from 'node:http';
import type { ContendedLock } from './contention-load.js';
import { freePort, isInstalled, type Program, startProgram, temporaryFolder } from './processes.js';

/** etcd's own lock (its lock service, by the JSON gateway), for comparison. */

/** An etcd server with its data in a temporary folder, or null and a word on how to get it. */
export async function startEtcd(): Promise<Program | null> {
  if (!isInstalled('etcd')) {
    console.log(
      'etcd is not installed and is left out; to have it measured: apt-get install etcd-server',
    );
    return null;
  }
  return startProgram('etcd', 'etcd', async port => {
    const client = `http://127.0.0.1:${port}`;
    const peer = `http://127.0.0.1:${await freePort()}`;
    return [
      ...['--data-dir', temporaryFolder(), '--logger', 'zap', '--log-level', 'error'],
      ...['--listen-client-urls', client, '--advertise-client-urls', client],
      ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
      ...['--initial-cluster', `default=${peer}`],
    ];
  });
}

const leaseSeconds = 600;

/** One client: a connection that is kept open, a lease of its own, and the lock under that lease. */
export class EtcdLock implements ContendedLock {
  readonly refused = 0;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  #heldAs = '';

  private constructor(
    private readonly port: number,
    private readonly name: string,
    private lease: string,
  ) {}

  static async open(port: number, name: string): Promise<EtcdLock> {
    const lock = new EtcdLock(port, Buffer.from(name).toString('base64'), '');
    const { ID } = await lock.#post('/v3/lease/grant', { TTL: leaseSeconds });
    lock.lease = String(ID);
    return lock;
  }

  async take(): Promise<boolean> {
    const { key } = await this.#post('/v3/lock/lock', { name: this.name, lease: this.lease });
    this.#heldAs = String(key);
    return true;
  }

  async giveBack(): Promise<boolean> {
    await this.#post('/v3/lock/unlock', { key: this.#heldAs });
    return true;
  }

  close(): void {
    this.#agent.destroy();
  }

  #post(path: string, body: object): Promise<Readonly<Record<string, unknown>>> {
    return new Promise((resolve, reject) => {
      const { port } = this;
      const call = request({ port, path, method: 'POST', agent: this.#agent }, response => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => {
          if (response.statusCode === 200) resolve(JSON.parse(text));
          else reject(new Error(`etcd ${path}: ${response.statusCode} ${text}`));
        });
      });
      call.on('error', reject);
      call.setNoDelay(true);
      call.end(JSON.stringify(body));
    });
  }
}
