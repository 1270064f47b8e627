import { createRequire } from 'node:module';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { Mutex } from 'redis-semaphore';
import { type Lifetime, sleep } from './lifetime.js';

/** Real lock libraries over real clients, under one face, so that one scenario runs with each. */

export interface HeldLock {
  /** Keeps the lock for so long, beyond its TTL, as the library does it. */
  keepFor(ms: number): Promise<void>;
  release(): Promise<void>;
}

export interface Locker {
  /** One attempt. */
  tryLock(key: string, ttlMs: number): Promise<HeldLock>;
  /** Retries until the lock is taken. */
  lock(key: string, ttlMs: number): Promise<HeldLock>;
  /** The key in Redis that the library makes of a lock's name. */
  keyOf(name: string): string;
  /** The connection's own commands. */
  command(...args: string[]): Promise<unknown>;
}

export const LIBRARIES = [
  'redlock over ioredis',
  'redlock over node-redis',
  'redis-semaphore over ioredis',
  'redis-semaphore over node-redis',
] as const;
export type Library = (typeof LIBRARIES)[number];

const RETRY_MS = 10;
const RETRIES = 500;

/** redlock 4 brings no types; this much of it is used. */
interface RedlockLock {
  unlock(): PromiseLike<void>;
  extend(ttlMs: number): PromiseLike<RedlockLock>;
}
type Redlock = { lock(resource: string | string[], ttlMs: number): PromiseLike<RedlockLock> };
const RedlockClass: new (
  clients: readonly object[],
  options: { retryCount: number; retryDelay: number; retryJitter: number },
) => Redlock = createRequire(import.meta.url)('redlock');

type MutexClient = ConstructorParameters<typeof Mutex>[0];

interface Client {
  /** As redlock calls it: with callbacks. */
  readonly forRedlock: object;
  readonly forMutex: MutexClient;
  command(...args: string[]): Promise<unknown>;
}

export async function openLocker(t: Lifetime, library: Library, port: number): Promise<Locker> {
  const client = library.endsWith('ioredis')
    ? await openIoredis(t, port)
    : await openNodeRedis(t, port);
  const attempts = library.startsWith('redlock') ? redlockAttempts(client) : mutexAttempts(client);
  return {
    tryLock: (key, ttlMs) => attempts(key, ttlMs, 1),
    lock: (key, ttlMs) => attempts(key, ttlMs, RETRIES),
    keyOf: name => (library.startsWith('redlock') ? name : `mutex:${name}`),
    command: client.command,
  };
}

type Attempts = (key: string, ttlMs: number, attempts: number) => Promise<HeldLock>;

function redlockAttempts({ forRedlock }: Client): Attempts {
  return async (key, ttlMs, attempts) => {
    const options = { retryCount: attempts - 1, retryDelay: RETRY_MS, retryJitter: 0 };
    let lock = await new RedlockClass([forRedlock], options).lock(key.split('+'), ttlMs);
    return {
      async keepFor(ms) {
        const endMs = performance.now() + ms;
        while (performance.now() < endMs) {
          await sleep(ttlMs / 2);
          lock = await lock.extend(ttlMs);
        }
      },
      release: async () => lock.unlock(),
    };
  };
}

function mutexAttempts({ forMutex }: Client): Attempts {
  return async (key, ttlMs, attempts) => {
    let lost: Error | null = null;
    const mutex = new Mutex(forMutex, key, {
      lockTimeout: ttlMs,
      acquireTimeout: RETRY_MS * RETRIES,
      acquireAttemptsLimit: attempts,
      retryInterval: RETRY_MS,
      refreshInterval: 0,
      onLockLost: error => {
        lost = error;
      },
    });
    await mutex.acquire();
    return {
      async keepFor(ms) {
        // It refreshes by itself where it is told to from the beginning; a lock of the same
        // identifier that was taken before is refreshed instead of acquired.
        mutex.stopRefresh();
        const keeper = new Mutex(forMutex, key, {
          lockTimeout: ttlMs,
          refreshInterval: ttlMs / 2,
          identifier: mutex.identifier,
          acquiredExternally: true,
          onLockLost: error => {
            lost = error;
          },
        });
        if (!(await keeper.tryAcquire())) throw new Error('not kept');
        await sleep(ms);
        keeper.stopRefresh();
        if (lost !== null) throw lost;
      },
      release: () => mutex.release(),
    };
  };
}

async function openIoredis(t: Lifetime, port: number): Promise<Client> {
  const redis = new Redis({ host: '127.0.0.1', port, lazyConnect: true });
  t.teardown(() => redis.disconnect());
  await redis.connect();
  return {
    forRedlock: redis,
    forMutex: redis,
    command: (name = '', ...args) => redis.call(name, ...args),
  };
}

type Callback = (error: Error | null, reply?: unknown) => unknown;

async function openNodeRedis(t: Lifetime, port: number): Promise<Client> {
  const client = createClient({ socket: { host: '127.0.0.1', port } });
  client.on('error', () => {});
  t.teardown(() => client.destroy());
  await client.connect();
  const send = (...args: readonly (string | number)[]): Promise<unknown> =>
    client.sendCommand(args.map(String));
  // redlock 4 was made for the callbacks of node-redis 3.
  const callBack = (reply: Promise<unknown>, callback: Callback): void => {
    // What the callback returns is its own affair, as with any callback.
    reply.then(
      value => void callback(null, value),
      error => void callback(error),
    );
  };
  return {
    forRedlock: {
      eval: (args: (string | number)[], callback: Callback) =>
        callBack(send('EVAL', ...args), callback),
      evalsha: (sha: string, args: (string | number)[], callback: Callback) =>
        callBack(send('EVALSHA', sha, ...args), callback),
    },
    forMutex: {
      set: (...args: (string | number)[]) => send('SET', ...args),
      get: (key: string) => send('GET', key),
      eval: (...args: (string | number)[]) => send('EVAL', ...args),
      evalsha: (...args: (string | number)[]) => send('EVALSHA', ...args),
      zrem: (...args: (string | number)[]) => send('ZREM', ...args),
    } as unknown as MutexClient,
    command: send,
  };
}
