import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { startAssistant } from './processes.js';
import { encodeCommand, RespConnection } from './resp-connection.js';
import { median } from './statistics.js';

export interface Relay {
  readonly port: number;
  /** Median by which the relay lengthens the round trip of a PING, measured when it was set up. */
  readonly addedMs: number;
  /** What it was set to keep a chunk back for, to get there. */
  readonly oneWayMs: number;
  /** What the relay itself saw, since the last report, between reading a chunk and writing it. */
  report(): Promise<RelayReport>;
  stop(): Promise<void>;
}

export interface RelayReport {
  readonly chunks: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Enough that the median holds to some hundredths of a millisecond. */
const pingsPerMeasurement = 100;
const pingPauseMs = 1;
/** The relay's own work (two more hops through the kernel) is taken off its delay in so many steps. */
const corrections = 2;

/**
 * Starts a relay to a Redis on this machine and sets it so that it adds `roundTripMs` to the round
 * trip of a PING, measured against the same Redis without the relay.
 */
export async function startRelay(redisPort: number, roundTripMs: number): Promise<Relay> {
  let oneWayMs = roundTripMs / 2;
  const assistant = await startAssistant('relay-process', [String(redisPort), String(oneWayMs)]);
  let addedMs = Number.NaN;
  for (let correction = 0; correction <= corrections; correction++) {
    addedMs = await addedRoundTripMs(redisPort, assistant.port);
    if (correction === corrections) break;
    oneWayMs = Math.max(0, oneWayMs + (roundTripMs - addedMs) / 2);
    assistant.child.send({ oneWayMs });
  }
  const report = async (): Promise<RelayReport> => {
    const answer = once(assistant.child, 'message');
    assistant.child.send({ report: true });
    const [values] = await answer;
    return {
      chunks: Number(values.chunks),
      p50Ms: Number(values.p50Ms),
      p99Ms: Number(values.p99Ms),
    };
  };
  // The calibration's chunks are no concern of the benchmark's.
  await report();
  return { port: assistant.port, addedMs, oneWayMs, report, stop: assistant.stop };
}

/** Pings with and without the relay alternate: a busy moment of the machine slows both. */
async function addedRoundTripMs(redisPort: number, relayPort: number): Promise<number> {
  const direct = await RespConnection.open(redisPort);
  const relayed = await RespConnection.open(relayPort);
  const ping = encodeCommand('PING');
  const roundTripMs = async (connection: RespConnection) => {
    const sentAtMs = performance.now();
    await connection.send(ping);
    return performance.now() - sentAtMs;
  };
  const directMs: number[] = [];
  const relayedMs: number[] = [];
  for (let count = 0; count < pingsPerMeasurement; count++) {
    directMs.push(await roundTripMs(direct));
    relayedMs.push(await roundTripMs(relayed));
    await sleep(pingPauseMs);
  }
  direct.close();
  relayed.close();
  return median(relayedMs) - median(directMs);
}
