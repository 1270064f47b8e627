import { connect, createServer, type Socket } from 'node:net';
import { quantile } from './statistics.js';

/**
 * A link with a round-trip time: a TCP relay in a process of its own that hands every chunk on
 * after a fixed delay. Arguments: port to relay to, delay of one way in ms. IPC: sends `{ port }`
 * when it listens; takes `{ oneWayMs }`; answers `{ report }` with its own measured delays since
 * the last report.
 *
 * Node's timers are too coarse (1 ms). While something is under way the relay sleeps in slices of
 * some 50 us and looks at its sockets in between; for the last stretch before a chunk is due it
 * doesn't sleep at all. Sleeping matters: a relay that spins would take one of the two cores that
 * client, proxy and Redis share.
 */

interface Parcel {
  readonly to: Socket;
  /** Null: the end of the stream. */
  readonly bytes: Buffer | null;
  readonly arrivedAtMs: number;
  readonly dueAtMs: number;
}

/** How long the relay sleeps at most without looking whether something has arrived. */
const sliceMs = 0.05;
/** How late Linux wakes a sleeper (its timer slack is 50 us): this long before due, no sleep. */
const wakeLatenessMs = 0.07;
/** Bounds what a long run remembers of its delays. */
const delaysKept = 200_000;

const targetPort = Number(process.argv[2]);
let oneWayMs = Number(process.argv[3]);

const sleeper = new Int32Array(new SharedArrayBuffer(4));
/** In order of arrival, and so, the delay being the same for all, in order of their due times. */
let underWay: Parcel[] = [];
let awake = false;
let delaysMs: number[] = [];

function carry(to: Socket, bytes: Buffer | null): void {
  const arrivedAtMs = performance.now();
  underWay.push({ to, bytes, arrivedAtMs, dueAtMs: arrivedAtMs + oneWayMs });
  if (awake) return;
  awake = true;
  setImmediate(look);
}

function look(): void {
  let delivered = 0;
  let nowMs = performance.now();
  let next = underWay[0];
  while (next !== undefined && next.dueAtMs <= nowMs) {
    deliver(next, nowMs);
    delivered++;
    nowMs = performance.now();
    next = underWay[delivered];
  }
  if (delivered > 0) underWay = underWay.slice(delivered);
  if (next === undefined) {
    awake = false;
    return;
  }
  const sleepMs = Math.min(sliceMs, next.dueAtMs - nowMs - wakeLatenessMs);
  if (sleepMs > 0) Atomics.wait(sleeper, 0, 0, sleepMs);
  setImmediate(look);
}

function deliver(parcel: Parcel, nowMs: number): void {
  if (parcel.to.destroyed) return;
  if (parcel.bytes === null) parcel.to.end();
  else parcel.to.write(parcel.bytes);
  if (delaysMs.length < delaysKept) delaysMs.push(nowMs - parcel.arrivedAtMs);
}

function join(from: Socket, to: Socket): void {
  from.on('data', chunk => carry(to, chunk));
  from.on('end', () => carry(to, null));
  // A connection that breaks is broken on the other side as well, at once: no benchmark relies on it.
  from.on('error', () => to.destroy());
  from.on('close', () => from.errored !== null && to.destroy());
}

const server = createServer({ noDelay: true, allowHalfOpen: true }, near => {
  const far = connect({ host: '127.0.0.1', port: targetPort, noDelay: true, allowHalfOpen: true });
  join(near, far);
  join(far, near);
});

process.on('message', message => {
  if (!(message instanceof Object)) return;
  if ('oneWayMs' in message) oneWayMs = Number(message.oneWayMs);
  if ('report' in message) {
    process.send?.({
      chunks: delaysMs.length,
      p50Ms: quantile(delaysMs, 0.5),
      p99Ms: quantile(delaysMs, 0.99),
    });
    delaysMs = [];
  }
});
process.once('disconnect', () => process.exit());

server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address instanceof Object) process.send?.({ port: address.port });
});
