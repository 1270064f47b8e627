import {
  type ContendedLock,
  type ContentionLoad,
  type ContentionSettings,
  contend,
} from './contention-load.js';
import { takeTurns, turnsTable } from './contention-turns.js';
import { type LibraryName, openShopkeeper, ownPace } from './demo/libraries.js';
import { EtcdLock, startEtcd } from './etcd.js';
import { startForelock } from './forelock.js';
import { describeMachine } from './machine.js';
import { chosen, readOptions } from './options.js';
import { startAssistant } from './processes.js';
import { startRedis } from './redis.js';
import { type Relay, startRelay } from './relay.js';

/**
 * One lock that some clients want all the time, as users could have it, each over the same link:
 *
 *   redlock, redis-semaphore             from npm, unmodified, at their own pace ── Redis
 *   the same through Forelock            … ── Forelock ── Redis
 *   etcd                                 its own lock service, one server, written to disk
 */

const names = [
  'redlock',
  'redlock-forelock',
  'redis-semaphore',
  'redis-semaphore-forelock',
  'etcd',
] as const;
type Name = (typeof names)[number];

const titles: Readonly<Record<Name, string>> = {
  redlock: 'redlock',
  'redlock-forelock': 'redlock through Forelock',
  'redis-semaphore': 'redis-semaphore',
  'redis-semaphore-forelock': 'redis-semaphore through Forelock',
  etcd: "etcd's lock",
};

export const options = {
  rounds: { default: 3, help: 'rounds, each of them all contenders in turn' },
  seconds: { default: 5, help: 'length of a turn' },
  'learning-seconds': { default: 10, help: 'before the first turn, not measured' },
  clients: { default: 6, help: 'how many want the lock' },
  'hold-ms': { default: 2, help: 'how long the lock is held' },
  'think-ms': { default: 10, help: 'mean time between giving it back and asking for it again' },
  'round-trip-ms': { default: 1, help: 'round trip of the link to Redis, and to etcd' },
  only: { default: '', help: `of ${names.join(',')}` },
} as const;

type Values = ReturnType<typeof readOptions<typeof options>>;
type Times = Pick<ContentionSettings, 'holdMs' | 'thinkMs'>;

export async function run(args: readonly string[]): Promise<void> {
  const values = readOptions(args, options);
  console.log(`One lock for ${values.clients} clients. ${describeMachine()}`);
  const times = { holdMs: values['hold-ms'], thinkMs: values['think-ms'] };
  const loads = new Map<Name, ContentionLoad>();
  for (const name of chosen('only', values.only, names)) {
    const load = await setUp(name, values, times);
    if (load === null) continue;
    loads.set(name, load);
    await load.run(values['learning-seconds']);
  }
  const turns = await takeTurns(loads, values);
  console.log(`\n${turnsTable(turns, titles)}`);
  for (const load of loads.values()) load.close();
}

async function setUp(name: Name, values: Values, times: Times): Promise<ContentionLoad | null> {
  const redis = await startRedis();
  const relay = await startRelay(redis.port, values['round-trip-ms']);
  if (name === 'etcd') return etcdLoad(relay, values, times);
  const library: LibraryName = name.startsWith('redlock') ? 'redlock' : 'redis-semaphore';
  const { port } = name.endsWith('forelock') ? await startForelock(relay.port) : relay;
  const locks: LibraryLock[] = [];
  for (let client = 0; client < values.clients; client++) {
    locks.push(await LibraryLock.open(library, port));
  }
  return loadOf(locks, times);
}

/** Over a link that delays as much as the one to Redis: the relay was set by that. */
async function etcdLoad(
  { oneWayMs }: Relay,
  values: Values,
  times: Times,
): Promise<ContentionLoad | null> {
  const etcd = await startEtcd();
  if (etcd === null) return null;
  const relay = await startAssistant('relay-process', [String(etcd.port), String(oneWayMs)]);
  const locks: EtcdLock[] = [];
  for (let client = 0; client < values.clients; client++) {
    locks.push(await EtcdLock.open(relay.port, 'resource'));
  }
  return loadOf(locks, times);
}

function loadOf(
  locks: readonly (ContendedLock & { close(): void })[],
  times: Times,
): ContentionLoad {
  return {
    run: seconds => contend(locks, times, seconds),
    close() {
      for (const lock of locks) lock.close();
    },
  };
}

class LibraryLock implements ContendedLock {
  readonly refused = 0;
  #release: () => Promise<void> = async () => {};

  private constructor(private readonly shopkeeper: Awaited<ReturnType<typeof openShopkeeper>>) {}

  static async open(library: LibraryName, port: number): Promise<LibraryLock> {
    return new LibraryLock(await openShopkeeper(library, 'ioredis', port, ownPace));
  }

  async take(): Promise<boolean> {
    this.#release = await this.shopkeeper.lock('resource');
    return true;
  }

  async giveBack(): Promise<boolean> {
    return this.#release().then(
      () => true,
      () => false,
    );
  }

  close(): void {
    this.shopkeeper.close();
  }
}
