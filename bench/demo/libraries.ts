import { createRequire } from 'node:module';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { Mutex } from 'redis-semaphore';

/**
 * The lock libraries of the demo as their users have them: unmodified, from npm, over the two usual
 * clients. Neither is told that there is a proxy.
 */

export const libraryNames = ['redlock', 'redis-semaphore'] as const;
export type LibraryName = (typeof libraryNames)[number];
export const clientNames = ['ioredis', 'node-redis'] as const;
export type ClientName = (typeof clientNames)[number];

/** A lock library on one connection, and the connection's own commands that an application needs. */
export interface Shopkeeper {
  /** Waits until the lock is taken; resolves to its release. */
  lock(resource: string): Promise<() => Promise<void>>;
  get(key: string): Promise<string | null>;
  set(key: string, value: string): Promise<unknown>;
  close(): void;
}

const lockTtlMs = 10_000;
/** Both libraries try again after 10 to 30 ms. */
export const retryDelayMinMs = 10;
/** How often a library tries again; forever, both of them. */
interface Pace {
  readonly redlock: { readonly retryDelay: number; readonly retryJitter: number };
  readonly mutex: { readonly retryInterval: number };
}
const demoPace: Pace = {
  redlock: { retryDelay: 20, retryJitter: 10 },
  mutex: { retryInterval: 10 },
};
/** What they do if they are told nothing. */
export const ownPace: Pace = {
  redlock: { retryDelay: 200, retryJitter: 100 },
  mutex: { retryInterval: 10 },
};
const mutexOptions = { lockTimeout: lockTtlMs, acquireTimeout: 60_000 };

/** redlock 4 brings no types; this much of it is used. */
interface RedlockLock {
  unlock(): PromiseLike<void>;
}
type RedlockConstructor = new (
  clients: readonly object[],
  options: Pace['redlock'] & { readonly retryCount: number },
) => { lock(resource: string, ttlMs: number): PromiseLike<RedlockLock> };
const Redlock: RedlockConstructor = createRequire(import.meta.url)('redlock');

/** What redis-semaphore asks of a client: the commands as ioredis has them. */
type MutexClient = ConstructorParameters<typeof Mutex>[0];

/** A connected client, as the application and each library want to see it. */
interface Client {
  readonly forRedlock: object;
  readonly forMutex: MutexClient;
  get(key: string): Promise<string | null>;
  set(key: string, value: string): Promise<unknown>;
  close(): void;
}

export async function openShopkeeper(
  library: LibraryName,
  clientName: ClientName,
  port: number,
  pace: Pace = demoPace,
): Promise<Shopkeeper> {
  const client = await (clientName === 'ioredis' ? openIoredis(port) : openNodeRedis(port));
  return {
    lock:
      library === 'redlock'
        ? lockWithRedlock(client.forRedlock, pace)
        : lockWithMutex(client.forMutex, pace),
    get: key => client.get(key),
    set: (key, value) => client.set(key, value),
    close: () => client.close(),
  };
}

function lockWithRedlock(client: object, pace: Pace): Shopkeeper['lock'] {
  const redlock = new Redlock([client], { retryCount: -1, ...pace.redlock });
  return async resource => {
    const lock = await redlock.lock(resource, lockTtlMs);
    return async () => lock.unlock();
  };
}

function lockWithMutex(client: MutexClient, pace: Pace): Shopkeeper['lock'] {
  return async resource => {
    const mutex = new Mutex(client, resource, { ...mutexOptions, ...pace.mutex });
    await mutex.acquire();
    return () => mutex.release();
  };
}

async function openIoredis(port: number): Promise<Client> {
  const redis = new Redis({ host: '127.0.0.1', port, lazyConnect: true });
  await redis.connect();
  return {
    forRedlock: redis,
    forMutex: redis,
    get: key => redis.get(key),
    set: (key, value) => redis.set(key, value),
    close: () => redis.disconnect(),
  };
}

async function openNodeRedis(port: number): Promise<Client> {
  const client = createClient({ socket: { host: '127.0.0.1', port } });
  client.on('error', error => console.error(error));
  await client.connect();
  const send = (...args: readonly (string | number)[]) => client.sendCommand(args.map(String));
  // redlock 4 was made for node-redis 3: callbacks, and a method named evalsha. Today's legacy()
  // won't do: it takes the promise that redlock's callback returns for its own, and where a refused
  // attempt's losing release fails, it calls back a second time.
  const forRedlock = {
    eval: (args: readonly (string | number)[], callback: Callback) =>
      callBack(send('EVAL', ...args), callback),
    evalsha: (sha: string, args: readonly (string | number)[], callback: Callback) =>
      callBack(send('EVALSHA', sha, ...args), callback),
  };
  // redis-semaphore calls its client's methods with the bare arguments of the commands.
  const forMutex = {
    set: (...args: readonly (string | number)[]) => send('SET', ...args),
    get: (key: string) => send('GET', key),
    eval: (...args: readonly (string | number)[]) => send('EVAL', ...args),
    evalsha: (...args: readonly (string | number)[]) => send('EVALSHA', ...args),
    zrem: (...args: readonly (string | number)[]) => send('ZREM', ...args),
  } as unknown as MutexClient;
  return {
    forRedlock,
    forMutex,
    get: key => client.get(key),
    set: (key, value) => client.set(key, value),
    close: () => client.destroy(),
  };
}

type Callback = (error: unknown, reply?: unknown) => unknown;

function callBack(reply: Promise<unknown>, callback: Callback): void {
  reply.then(
    value => {
      callback(null, value);
    },
    (error: unknown) => {
      callback(error);
    },
  );
}
