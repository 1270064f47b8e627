import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { release } from './release.js';
import { encodeCommand, RespConnection } from './resp-connection.js';

/**
 * Clients that each take and release a lock of their own, over and over: the case that a forecast
 * is best at. One process and one connection each, no library.
 */

const ttlMs = 10_000;
const holdMs = 1;
const thinkMs = 20;
/** Share by which a think time is longer or shorter at most, evenly spread. */
const thinkSpread = 0.2;
const clients = 8;

export interface LockRun {
  /** From before a SET was written until its +OK was read, in ms; the lead-in's are left out. */
  readonly acquiresMs: readonly number[];
  /** Locks taken and released, the lead-in's included. */
  readonly cycles: number;
  /** Acquires that were refused although nobody else wants the lock. */
  readonly refused: number;
  /** Releases that found the lock gone. */
  readonly lost: number;
}

export interface LockLoad {
  /** Runs for `lastsMs` of which the first `leadInMs` are not measured; every lock is released. */
  run(lastsMs: number, leadInMs: number): Promise<LockRun>;
  close(): void;
}

export async function startLockLoad(port: number): Promise<LockLoad> {
  const connections = await Promise.all(
    Array.from({ length: clients }, () => RespConnection.open(port)),
  );
  return {
    async run(lastsMs, leadInMs) {
      const startedAtMs = performance.now();
      const tally = { acquiresMs: [], cycles: 0, refused: 0, lost: 0 };
      const span = { measuredFromMs: startedAtMs + leadInMs, endsAtMs: startedAtMs + lastsMs };
      await Promise.all(
        connections.map((connection, client) =>
          runClient(connection, `bench:lock:${client}`, span, tally),
        ),
      );
      return tally;
    },
    close() {
      for (const connection of connections) connection.close();
    },
  };
}

async function runClient(
  connection: RespConnection,
  key: string,
  span: { readonly measuredFromMs: number; readonly endsAtMs: number },
  tally: { acquiresMs: number[]; cycles: number; refused: number; lost: number },
): Promise<void> {
  while (performance.now() < span.endsAtMs) {
    await sleep(thinkMs * (1 + thinkSpread * (2 * Math.random() - 1)));
    const value = randomUUID();
    const acquire = encodeCommand('SET', key, value, 'NX', 'PX', String(ttlMs));
    const sentAtMs = performance.now();
    const granted = await connection.send(acquire);
    const tookMs = performance.now() - sentAtMs;
    if (granted === null) {
      tally.refused++;
      continue;
    }
    if (granted !== 'OK') throw new Error(`SET NX PX was answered with ${JSON.stringify(granted)}`);
    if (sentAtMs >= span.measuredFromMs) tally.acquiresMs.push(tookMs);
    await sleep(holdMs);
    if (!(await release(connection, key, value))) tally.lost++;
    tally.cycles++;
  }
}
