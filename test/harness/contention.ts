import { cycle, isDelegated } from './delegation.js';
import { eventually, type Lifetime, sleep } from './lifetime.js';
import { acquire, release } from './lock-scripts.js';
import { RespClient } from './resp-client.js';

/** Who may believe to hold a lock, and when, by one clock: the test's own. */

interface Holding {
  readonly key: string;
  readonly owner: string;
  /** From when its grant was heard … */
  readonly fromMs: number;
  /** … until its TTL is over since it was asked for, or its release was sent. */
  untilMs: number;
}

export class Ledger {
  readonly holdings: Holding[] = [];

  granted(key: string, owner: string, sentAtMs: number, ttlMs: number): Holding {
    const holding = { key, owner, fromMs: performance.now(), untilMs: sentAtMs + ttlMs };
    this.holdings.push(holding);
    return holding;
  }

  releasing(holding: Holding): void {
    holding.untilMs = Math.min(holding.untilMs, performance.now());
  }

  /** Two who believed to hold one lock at the same time: none, if all is well. */
  overlaps(): string[] {
    const found: string[] = [];
    const byStart = this.holdings
      .filter(({ fromMs, untilMs }) => fromMs < untilMs)
      .sort((one, other) => one.fromMs - other.fromMs);
    const last = new Map<string, Holding>();
    for (const holding of byStart) {
      const before = last.get(holding.key);
      if (before && holding.fromMs < before.untilMs) {
        const ms = (before.untilMs - holding.fromMs).toFixed(1);
        found.push(`${holding.key}: ${before.owner} and ${holding.owner} for ${ms} ms`);
      }
      if (!before || holding.untilMs > before.untilMs) last.set(holding.key, holding);
    }
    return found;
  }
}

/** Where a contender connects; read at each connect, since a restarted server has another port. */
export interface Address {
  readonly port: number;
}

interface Contender {
  readonly address: Address;
  readonly key: string;
  readonly ttlMs: number;
  /** How long the lock is held, in ms, each time anew. */
  holdMs(): number;
  /** Time between attempts, in ms. */
  thinkMs(): number;
}

let contenders = 0;

/**
 * Acquires, holds, releases, for as long as `goesOn`. Connects anew when its connection ends, as
 * clients do; a request without a reply is no grant. Returns how often it held the lock.
 */
async function contend(
  t: Lifetime,
  ledger: Ledger,
  { address, key, ttlMs, holdMs, thinkMs }: Contender,
  goesOn: () => boolean,
): Promise<number> {
  const name = `contender-${++contenders}`;
  let held = 0;
  let client: RespClient | null = null;
  for (let round = 0; goesOn(); round++) {
    try {
      client = client && !client.isEnded ? client : await RespClient.connect(t, address.port);
      const owner = `${name}-${round}`;
      const sentAtMs = performance.now();
      if ((await client.call(...acquire(key, owner, ttlMs))) === '+OK\r\n') {
        held++;
        const holding = ledger.granted(key, owner, sentAtMs, ttlMs);
        await sleep(holdMs());
        ledger.releasing(holding);
        await client.call(...release(key, owner));
      }
      await sleep(thinkMs());
    } catch {
      // The connection ended, or nobody listens: as for any client, try again.
      client?.destroy();
      await sleep(5);
    }
  }
  client?.destroy();
  return held;
}

/** Mostly short, sometimes longer than it takes to be written to Redis, at times beyond the TTL. */
const variedHoldMs =
  (ttlMs: number): (() => number) =>
  () => {
    const dice = Math.random();
    if (dice < 0.75) return dice * 4;
    return dice < 0.98 ? 12 : ttlMs * 1.2;
  };

export const TTL_MS = 400;
const LEASE_SLACK_MS = 200;
/** How long a lock is kept that nobody asks for any more. */
const IDLE_MS = 200;
/**
 * It may be renewed until it is idle for too long. Then a lease is the TTL and the slack; and some
 * time for a busy machine.
 */
const LEASE_AT_MOST_MS = 2 * IDLE_MS + TTL_MS + LEASE_SLACK_MS + 400;

/** Forelock's arguments for short leases on keys that are delegated at once. */
export const ARGS = [
  ...['--delegate', 'lock:*', '--reconnect-wait-ms', '1000'],
  ...['--lease-slack-min-ms', '100', '--lease-slack-max-ms', String(LEASE_SLACK_MS)],
  ...['--window-ms', String(IDLE_MS), '--reclaim-timeout-ms', String(IDLE_MS)],
];

/**
 * Three clients of Forelock compete while `act` runs; and one of Redis itself, if `redis` is given:
 * then Forelock leaves the key to Redis most of the time, as to one that others use too.
 */
export async function whileContending(
  t: Lifetime,
  forelock: Address,
  redis: Address | null,
  key: string,
  act: () => Promise<unknown>,
): Promise<Ledger> {
  const ledger = new Ledger();
  let goesOn = true;
  const common = { key, ttlMs: TTL_MS, holdMs: variedHoldMs(TTL_MS) };
  const quick = { ...common, address: forelock, thinkMs: () => Math.random() * 4 };
  const slow = redis && { ...common, address: redis, thinkMs: () => 20 + Math.random() * 20 };
  const all = Promise.all(
    [quick, quick, slow ?? quick].map(contender => contend(t, ledger, contender, () => goesOn)),
  );
  try {
    await act();
  } finally {
    goesOn = false;
    await all;
  }
  return ledger;
}

/** Cycles until Redis holds our token. */
export const delegateAlone = (
  client: RespClient,
  redis: RespClient,
  key: string,
): Promise<unknown> =>
  eventually(`${key} is delegated`, async () => {
    await cycle(client, key, TTL_MS);
    return isDelegated(redis, key);
  });

/** What is still in the key when the longest lease is over; null where it is free in time. */
export async function leftInTheEnd(redis: RespClient, key: string): Promise<string | null> {
  const endMs = performance.now() + LEASE_AT_MOST_MS;
  for (;;) {
    const [value, leftMs] = await redis.pipeline([
      ['GET', key],
      ['PTTL', key],
    ]);
    if (value === '$-1\r\n') return null;
    if (performance.now() > endMs) return JSON.stringify(`${value}${leftMs} ms left`);
    await sleep(3);
  }
}

/** Somebody straight at Redis takes the lock as soon as it can be had; false: it can't in time. */
export async function takenByNext(
  redis: RespClient,
  key: string,
  ledger = new Ledger(),
): Promise<boolean> {
  const endMs = performance.now() + LEASE_AT_MOST_MS;
  while (performance.now() < endMs) {
    const sentAtMs = performance.now();
    if ((await redis.call(...acquire(key, 'the next', TTL_MS))) === '+OK\r\n') {
      ledger.granted(key, 'the next', sentAtMs, TTL_MS);
      return true;
    }
    await sleep(3);
  }
  return false;
}
