import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LoadEvent, LoadKind } from './forecast/load-event.js';
import { release } from './release.js';
import { encodeCommand, RespConnection } from './resp-connection.js';

/** One attempt that was made. */
export interface Attempt {
  readonly kind: LoadKind;
  /** A step of a workflow after its first: its key was never seen, and could be foretold. */
  readonly follows: boolean;
  /** When it was due, from the start. */
  readonly dueMs: number;
  /** From before the SET was written until its reply was read. */
  readonly tookMs: number;
  readonly granted: boolean;
}

const ttlMs = 10_000;

/**
 * Sends the events to one server when they are due, each client on a connection of its own: where its
 * last lock is still held, the next one waits for that. Each lock is an attempt and, where it was
 * granted, a release after its time. Gives the attempts once all are made.
 */
export async function runMixedLoad(
  port: number,
  events: readonly LoadEvent[],
  startsAtMs: number,
): Promise<Attempt[]> {
  const byClient = new Map<number, LoadEvent[]>();
  for (const event of events) {
    const own = byClient.get(event.client);
    if (own === undefined) byClient.set(event.client, [event]);
    else own.push(event);
  }
  const attempts: Attempt[] = [];
  const clients = [...byClient.values()].map(async own => {
    const connection = await RespConnection.open(port);
    for (const event of own) attempts.push(await runEvent(connection, event, startsAtMs));
    connection.close();
  });
  await Promise.all(clients);
  return attempts;
}

async function runEvent(
  connection: RespConnection,
  { atMs, key, holdMs, kind, follows }: LoadEvent,
  startsAtMs: number,
): Promise<Attempt> {
  const waitMs = startsAtMs + atMs - performance.now();
  if (waitMs > 0) await sleep(waitMs);
  const value = randomUUID();
  const acquire = encodeCommand('SET', key, value, 'NX', 'PX', String(ttlMs));
  const sentAtMs = performance.now();
  const reply = await connection.send(acquire);
  const tookMs = performance.now() - sentAtMs;
  if (reply !== null && reply !== 'OK') {
    throw new Error(`SET NX PX was answered with ${JSON.stringify(reply)}`);
  }
  if (reply === 'OK') {
    await sleep(holdMs);
    await release(connection, key, value);
  }
  return { kind, follows, dueMs: atMs, tookMs, granted: reply === 'OK' };
}
