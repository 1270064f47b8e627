import { startForelock } from './forelock.js';
import { describeMachine } from './machine.js';
import { readOptions } from './options.js';
import { startRedis } from './redis.js';
import { startRelay } from './relay.js';
import { release } from './release.js';
import { encodeCommand, RespConnection } from './resp-connection.js';
import { median, quantile } from './statistics.js';
import { figure, table } from './table.js';
import { targetTable } from './targets.js';

/**
 * What a reservation at the wrong Forelock costs: a client of the second one asks for a lock that the
 * first one holds ready for nobody, by turns with one that nobody holds at all, over a link with a
 * round trip of a millisecond.
 *
 * Five processes wait for each other on the way: where they share few cores, the slowest hundredth
 * tells more of the machine than of Forelock. So the same number of round trips is measured without
 * any lock, by the same processes: a PING through one Forelock, and two, one through each.
 */

export const options = {
  samples: { default: 1000, help: 'attempts of each kind, one of each in turn' },
  'ttl-ms': { default: 10_000, help: 'TTL of the lock' },
  'round-trip-ms': { default: 1, help: 'round trip of the link to Redis' },
} as const;

const RESERVED = 'bench:reserved';
/** How often the first Forelock is given a reason to keep the lock, before that is given up. */
const TRIES = 200;

export async function run(args: readonly string[]): Promise<void> {
  const values = readOptions(args, options);
  console.log(`A lock that another Forelock holds ready. ${describeMachine()}`);
  const redis = await startRedis();
  const relay = await startRelay(redis.port, values['round-trip-ms']);
  // Each sample needs a reservation of the same key at the same Forelock again.
  const flags = ['--delegate', `${RESERVED}*`, '--recall-back-off-ms', '0'];
  const proxies = [await startForelock(relay.port, flags), await startForelock(relay.port, flags)];
  const [first, second] = await Promise.all(proxies.map(({ port }) => RespConnection.open(port)));
  const direct = await RespConnection.open(redis.port);
  if (first === undefined || second === undefined) throw new Error('two Forelocks were started');
  const ttl = String(values['ttl-ms']);
  const pings: number[] = [];
  const pingPairs: number[] = [];
  const free: number[] = [];
  const reserved: number[] = [];
  let refused = 0;
  const take = async (key: string, value: string): Promise<number> => {
    const command = encodeCommand('SET', key, value, 'NX', 'PX', ttl);
    const sentAtMs = performance.now();
    if ((await second.send(command)) === null) refused++;
    const tookMs = performance.now() - sentAtMs;
    await release(second, key, value);
    return tookMs;
  };
  for (let sample = 0; sample < values.samples; sample++) {
    pings.push(await pingEach([second]));
    pingPairs.push(await pingEach([second, first]));
    free.push(await take(`bench:free:${sample}`, `free ${sample}`));
    await reserve(first, direct, sample, ttl);
    reserved.push(await take(RESERVED, `reserved ${sample}`));
  }
  for (const connection of [first, second, direct]) connection.close();
  for (const program of [...proxies, relay, redis]) await program.stop();
  const roundTripMs = median(pings);
  const rows = [
    ['a PING through Forelock', pings],
    ['two, one through each (the bound)', pingPairs],
    ['held by nobody', free],
    ['held ready by another Forelock', reserved],
  ] as const;
  console.log(
    `\n${table(
      ['', 'p50 ms', 'p99 ms', 'max ms'],
      rows.map(([name, tookMs]) => [
        name,
        ...[0.5, 0.99, 1].map(q => figure(quantile(tookMs, q), 2)),
      ]),
    )}`,
  );
  console.log(`\nround trip of a PING through Forelock: ${figure(roundTripMs, 2)} ms`);
  const more = (some: readonly number[], others: readonly number[], q: number): number =>
    (quantile(some, q) - quantile(others, q)) / roundTripMs;
  const added = (q: number): number => more(reserved, free, q);
  console.log(
    `round trips that a second PING adds: ${figure(more(pingPairs, pings, 0.5), 2)} p50, ` +
      `${figure(more(pingPairs, pings, 0.99), 2)} p99`,
  );
  console.log(
    `\n${targetTable([
      { name: 'round trips that it adds, p50', atMost: 2.5, measured: added(0.5) },
      { name: 'round trips that it adds, p99', atMost: 2.5, measured: added(0.99) },
      { name: 'refused, though nobody held it', atMost: 0, measured: refused },
    ])}`,
  );
}

/** How long a PING through each of them takes, one after the other. */
async function pingEach(connections: readonly RespConnection[]): Promise<number> {
  const sentAtMs = performance.now();
  for (const connection of connections) await connection.call('PING');
  return performance.now() - sentAtMs;
}

/** The first Forelock has the lock in reserve, and nobody holds it. */
async function reserve(
  first: RespConnection,
  direct: RespConnection,
  sample: number,
  ttl: string,
): Promise<void> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const value = `first ${sample} ${attempt}`;
    const reply = await first.call('SET', RESERVED, value, 'NX', 'PX', ttl);
    await release(first, RESERVED, value);
    if (reply === null) continue;
    const found = await direct.call('GET', RESERVED);
    if (typeof found === 'string' && found.startsWith('forelock:')) return;
  }
  throw new Error(`${RESERVED} is not reserved after ${TRIES} locks`);
}
