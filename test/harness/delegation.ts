import { eventually, type Lifetime } from './lifetime.js';
import { acquire, release } from './lock-scripts.js';
import type { RespClient } from './resp-client.js';
import { decode } from './resp-frame.js';
import type { Pair, Twins } from './twins.js';

/** Watching delegations from outside: what Redis itself holds, and what Forelock says it did. */

/** The value that Redis holds for the key, asked past Forelock. */
export const rawValue = async (redis: RespClient, key: string): Promise<string | null> =>
  decode(await redis.call('GET', key)) as string | null;

export const isToken = (value: string | null): boolean => value?.startsWith('forelock:') ?? false;

export const isDelegated = async (redis: RespClient, key: string): Promise<boolean> =>
  isToken(await rawValue(redis, key));

/** Names in this database under `forelock:` but the list of proxies, asked past Forelock. */
export async function namesOfOurs(redis: RespClient): Promise<string[]> {
  const names = decode(await redis.call('KEYS', 'forelock:*')) as string[];
  return names.filter(name => name !== 'forelock:proxies').sort();
}

export type Status = ReadonlyMap<string, unknown>;

/** FORELOCK STATUS, by name. */
export async function statusOf(t: Lifetime, twins: Pick<Twins, 'forelock'>): Promise<Status> {
  const client = await twins.forelock.connect3(t);
  const reply = decode(await client.call('FORELOCK', 'STATUS'));
  client.destroy();
  if (!Array.isArray(reply)) throw new Error(`FORELOCK STATUS: ${String(reply)}`);
  return new Map(reply as [string, unknown][]);
}

/** Commands that Redis has run, those within scripts included, but for INFO itself. */
export async function callsOf(redis: RespClient): Promise<number> {
  const stats = String(decode(await redis.call('INFO', 'commandstats')));
  let calls = 0;
  for (const [, name, count] of stats.matchAll(/cmdstat_([^:]+):calls=(\d+)/g)) {
    if (name !== 'info') calls += Number(count);
  }
  return calls;
}

export const LONG_TTL_MS = 60_000;

/** One acquire and release by the same client, each granted. */
export async function cycle(client: RespClient, key: string, ttlMs = LONG_TTL_MS): Promise<void> {
  const value = `owner-${Math.random()}`;
  const granted = await client.call(...acquire(key, value, ttlMs));
  if (granted !== '+OK\r\n') throw new Error(`acquire ${key}: ${granted}`);
  const released = await client.call(...release(key, value));
  if (released !== ':1\r\n') throw new Error(`release ${key}: ${released}`);
}

/** Cycles on both sides until Redis holds our token: the lock is free, and delegated. */
export function delegate(pair: Pair, redis: RespClient, key: string): Promise<unknown> {
  return eventually(`${key} is delegated`, async () => {
    await Promise.all([cycle(pair.direct, key), cycle(pair.proxied, key)]);
    return isDelegated(redis, key);
  });
}
