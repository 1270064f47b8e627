import { Redis } from 'ioredis';
import { createClient } from 'redis';

/**
 * Ordinary applications: fifty clients of each of the two usual libraries, each asking for one
 * thing at a time. What the libraries say when they connect is part of it: a proxy that gives such
 * a client an upstream connection of its own for that shows here.
 */

const clientsPerLibrary = 50;
const value = 'xxx';

interface Client {
  set(key: string, value: string): Promise<unknown>;
  get(key: string): Promise<unknown>;
  close(): void;
}

export interface LibraryLoad {
  /** Commands per second of all clients together, half of them SET and half GET. */
  run(seconds: number): Promise<number>;
  close(): void;
}

export async function startLibraryLoad(port: number): Promise<LibraryLoad> {
  const clients = await Promise.all(
    Array.from({ length: clientsPerLibrary }, () => [
      openIoredis(port),
      openNodeRedis(port),
    ]).flat(),
  );
  return {
    async run(seconds) {
      const startedAtMs = performance.now();
      const endsAtMs = startedAtMs + seconds * 1000;
      let commands = 0;
      await Promise.all(
        clients.map(async (client, index) => {
          const key = `bench:value:${index}`;
          while (performance.now() < endsAtMs) {
            await client.set(key, value);
            const got = await client.get(key);
            if (got !== value) throw new Error(`GET ${key} was answered with ${String(got)}`);
            commands += 2;
          }
        }),
      );
      return (commands * 1000) / (performance.now() - startedAtMs);
    },
    close() {
      for (const client of clients) client.close();
    },
  };
}

async function openIoredis(port: number): Promise<Client> {
  const redis = new Redis({ host: '127.0.0.1', port, lazyConnect: true });
  await redis.connect();
  return {
    set: (key, value) => redis.set(key, value),
    get: key => redis.get(key),
    close: () => redis.disconnect(),
  };
}

async function openNodeRedis(port: number): Promise<Client> {
  const client = createClient({ socket: { host: '127.0.0.1', port } });
  client.on('error', error => console.error(error));
  await client.connect();
  return {
    set: (key, value) => client.set(key, value),
    get: key => client.get(key),
    close: () => client.destroy(),
  };
}
