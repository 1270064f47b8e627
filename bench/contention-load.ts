import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { release } from './release.js';
import { encodeCommand, RespConnection } from './resp-connection.js';
import { sum } from './statistics.js';

/**
 * Clients that all want one lock, and poll for it as npm redlock does: an attempt, after a refusal
 * the release of the refused value, a sleep, the next attempt with the same value. One connection
 * each, no library.
 */

export interface ContentionSettings {
  readonly key: string;
  readonly clients: number;
  readonly ttlMs: number;
  readonly holdMs: number;
  /** Between a release and the next attempt, half more or less. */
  readonly thinkMs: number;
  readonly retryMs: number;
  readonly retryJitterMs: number;
  /** Whether a refused value is released before the next attempt, as redlock 4 does. */
  readonly releasesRefused: boolean;
  /**
   * Whether those who wait at the end of a run give up. Else they wait on, unmeasured, as clients do:
   * one that has given up is not taken for a retrier for a while.
   */
  readonly givesUp: boolean;
}

export interface ContentionRun {
  /** From the first attempt to the grant, in ms; to the end of the run for those who still wait. */
  readonly waitsMs: readonly number[];
  /** Grants of each client. */
  readonly grants: readonly number[];
  readonly perSecond: number;
  /** Releases that found the lock gone. */
  readonly lost: number;
  /** Attempts that were refused. */
  readonly refused: number;
}

/** Whatever hands out one lock. */
export interface ContendedLock {
  /** Tries until it is had; false where the run was over before. */
  take(goesOn: () => boolean): Promise<boolean>;
  /** Whether it was still held. */
  giveBack(): Promise<boolean>;
  /** Attempts so far that were refused. */
  readonly refused: number;
}

export interface ContentionLoad {
  run(seconds: number): Promise<ContentionRun>;
  close(): void;
}

/** Clients of one server after the other. */
export async function startContention(
  ports: readonly number[],
  settings: ContentionSettings,
): Promise<ContentionLoad> {
  const connections = await Promise.all(
    Array.from({ length: settings.clients }, (_, client) =>
      RespConnection.open(ports[client % ports.length] ?? Number.NaN),
    ),
  );
  const locks = connections.map(connection => new PolledLock(connection, settings));
  return {
    run: seconds => contend(locks, settings, seconds),
    close() {
      for (const connection of connections) connection.close();
    },
  };
}

/** The same clients on a mutex in their own process: what no lock over a network can beat. */
export function startMutexContention(settings: ContentionSettings): ContentionLoad {
  const mutex = new Mutex();
  const locks = Array.from({ length: settings.clients }, () => mutex);
  return { run: seconds => contend(locks, settings, seconds), close() {} };
}

export class PolledLock implements ContendedLock {
  refused = 0;
  #value = '';

  constructor(
    private readonly connection: RespConnection,
    private readonly settings: ContentionSettings,
  ) {}

  async take(goesOn: () => boolean): Promise<boolean> {
    const { key, ttlMs, retryMs, retryJitterMs, releasesRefused, givesUp } = this.settings;
    this.#value = randomUUID();
    const attempt = encodeCommand('SET', key, this.#value, 'NX', 'PX', String(ttlMs));
    for (;;) {
      const reply = await this.connection.send(attempt);
      if (reply === 'OK') return true;
      if (reply !== null) throw new Error(`SET NX PX was answered with ${JSON.stringify(reply)}`);
      this.refused++;
      if (releasesRefused) await this.giveBack();
      if (givesUp && !goesOn()) return false;
      await sleep(retryMs + retryJitterMs * (2 * Math.random() - 1));
    }
  }

  async giveBack(): Promise<boolean> {
    return release(this.connection, this.settings.key, this.#value);
  }
}

class Mutex implements ContendedLock {
  readonly refused = 0;
  #held = false;
  readonly #waiting: (() => void)[] = [];

  async take(): Promise<boolean> {
    if (this.#held) await new Promise<void>(resolve => this.#waiting.push(resolve));
    this.#held = true;
    return true;
  }

  async giveBack(): Promise<boolean> {
    const next = this.#waiting.shift();
    if (next === undefined) this.#held = false;
    else next();
    return true;
  }
}

/** Each of the locks is one client's. */
export async function contend(
  locks: readonly ContendedLock[],
  { holdMs, thinkMs }: Pick<ContentionSettings, 'holdMs' | 'thinkMs'>,
  seconds: number,
): Promise<ContentionRun> {
  const endsAtMs = performance.now() + seconds * 1000;
  const goesOn = (): boolean => performance.now() < endsAtMs;
  const waitsMs: number[] = [];
  const grants = locks.map(() => 0);
  const refusedBefore = sum(locks.map(({ refused }) => refused));
  let lost = 0;
  const contender = async (lock: ContendedLock, client: number): Promise<void> => {
    await sleep(thinkMs * Math.random());
    while (goesOn()) {
      const askedAtMs = performance.now();
      const granted = await lock.take(goesOn);
      // Whoever still waits in the end has waited for so long at least.
      waitsMs.push(Math.min(performance.now(), endsAtMs) - askedAtMs);
      if (!granted) return;
      if (goesOn()) grants[client] = (grants[client] ?? 0) + 1;
      await sleep(holdMs);
      if (!(await lock.giveBack())) lost++;
      await sleep(thinkMs * (0.5 + Math.random()));
    }
  };
  await Promise.all(locks.map(contender));
  const refused = sum(locks.map(lock => lock.refused)) - refusedBefore;
  return { waitsMs, grants, perSecond: sum(grants) / seconds, lost, refused };
}
