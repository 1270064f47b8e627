import { clientNames, libraryNames, retryDelayMinMs } from './demo/libraries.js';
import { noResult, openShops, type ShopResult, type Worker } from './demo/shop.js';
import { type Forelock, startForelock } from './forelock.js';
import { describeMachine } from './machine.js';
import { optionHelp, readOptions } from './options.js';
import { callsBetween, commandCalls, startRedis } from './redis.js';
import { type Relay, startRelay } from './relay.js';
import { runToExit } from './run-to-exit.js';
import { quantile, sum } from './statistics.js';
import { figure, percent, table } from './table.js';

/** The same load of the same clients, first straight against Redis and then through Forelock. */

const options = {
  seconds: { default: 14, help: 'how long each of the two runs is measured' },
  'warm-up-seconds': { default: 4, help: 'how long each runs before that' },
  'round-trip-ms': { default: 1, help: 'round trip of the link to Redis' },
} as const;

interface Run {
  readonly byWorker: ReadonlyMap<Worker, ShopResult>;
  readonly total: ShopResult;
  readonly seconds: number;
  /** Redis commands of the locks alone. */
  readonly lockCommands: number;
  /** NaN without Forelock. */
  readonly memoryGrants: number;
  readonly lostUpdates: number;
  readonly linkMs: number;
}

const introduction = `\
Two shops process orders: one locks with npm redlock, the other with npm redis-semaphore; half of
each shop's workers use ioredis and half node-redis. Each order is reserved, paid and shipped, each
step under the lock order:{id}; reserving also takes stock:sku-{n}, mostly of the worker's own
shelf, sometimes of another's. Redis is a millisecond away (a relay adds the round trip).
`;

async function main(args: readonly string[]): Promise<void> {
  if (args.includes('--help')) {
    console.log(`npm run demo -- [--option value ...]\n\n${optionHelp(options)}`);
    return;
  }
  const values = readOptions(args, options);
  console.log(`${introduction}\n${describeMachine()}\n`);
  console.log(`1. Straight against Redis, ${values.seconds} s ...`);
  const before = await measure(values, false);
  console.log(`2. The same through Forelock, ${values.seconds} s ...\n`);
  const after = await measure(values, true);
  console.log(`${comparison(before, after)}\n\n${byLibrary(before, after)}\n`);
  const added = `${figure(before.linkMs, 2)} and ${figure(after.linkMs, 2)} ms`;
  console.log(
    `The link added ${added} to the round trip of a PING. A wait is an acquire that took`,
  );
  console.log(
    `${retryDelayMinMs} ms or more: a library that is refused tries again after ${retryDelayMinMs} to 30 ms. The first`,
  );
  console.log(`${values['warm-up-seconds']} s of each run are not counted.`);
}

async function measure(
  values: {
    readonly seconds: number;
    readonly 'warm-up-seconds': number;
    readonly 'round-trip-ms': number;
  },
  throughForelock: boolean,
): Promise<Run> {
  const redis = await startRedis();
  const relay = await startRelay(redis.port, values['round-trip-ms']);
  const forelock = throughForelock ? await startForelock(relay.port) : null;
  const shops = await openShops((forelock ?? relay).port);
  await shops.work(values['warm-up-seconds'] * 1000);
  const callsBefore = await commandCalls(redis.port);
  const memoryGrantsBefore = await memoryGrants(forelock);
  const startedAtMs = performance.now();
  const byWorker = await shops.work(values.seconds * 1000);
  const seconds = (performance.now() - startedAtMs) / 1000;
  const calls = callsBetween(callsBefore, await commandCalls(redis.port));
  const total = together(byWorker.values());
  const run = {
    byWorker,
    total,
    seconds,
    lockCommands: sum(calls.values()) - total.applicationCommands,
    memoryGrants: (await memoryGrants(forelock)) - memoryGrantsBefore,
    lostUpdates: await shops.lostUpdates(),
    linkMs: relay.addedMs,
  };
  shops.close();
  await stopAll(forelock, relay, redis);
  return run;
}

async function memoryGrants(forelock: Forelock | null): Promise<number> {
  return forelock === null ? Number.NaN : forelock.memoryGrants();
}

async function stopAll(...programs: readonly (Pick<Relay, 'stop'> | null)[]): Promise<void> {
  for (const program of programs) await program?.stop();
}

function together(results: Iterable<ShopResult>): ShopResult {
  const total = noResult();
  for (const result of results) {
    total.acquiresMs.push(...result.acquiresMs);
    total.waitsMs.push(...result.waitsMs);
    total.cycles += result.cycles;
    total.orders += result.orders;
    total.applicationCommands += result.applicationCommands;
  }
  return total;
}

function comparison(before: Run, after: Run): string {
  const row = (name: string, value: (run: Run) => string) => [name, value(before), value(after)];
  return table(
    ['', 'straight to Redis', 'through Forelock'],
    [
      row('acquire p50, ms', run => figure(quantile(run.total.acquiresMs, 0.5), 2)),
      row('acquire p99, ms', run => figure(quantile(run.total.acquiresMs, 0.99), 2)),
      row('acquires that had to wait', run =>
        percent(run.total.waitsMs.length / run.total.acquiresMs.length),
      ),
      row('a wait, p50, ms', run => figure(quantile(run.total.waitsMs, 0.5), 1)),
      row('Redis commands per lock cycle', run => figure(run.lockCommands / run.total.cycles, 2)),
      row('granted from memory', run => percent(run.memoryGrants / run.total.acquiresMs.length)),
      row('orders per second', run => figure(run.total.orders / run.seconds, 0)),
      row('updates lost (two holders at once)', run => figure(run.lostUpdates, 0)),
    ],
  );
}

function byLibrary(before: Run, after: Run): string {
  const rows: string[][] = [];
  for (const library of libraryNames) {
    for (const client of clientNames) {
      const acquiresMs = (run: Run) =>
        together(
          [...run.byWorker]
            .filter(([worker]) => worker.library === library && worker.client === client)
            .map(([, result]) => result),
        ).acquiresMs;
      const cells = [0.5, 0.99].map(q =>
        [before, after].map(run => figure(quantile(acquiresMs(run), q), 2)).join(' -> '),
      );
      rows.push([`${library} over ${client}`, ...cells]);
    }
  }
  return table(['', 'acquire p50, ms', 'acquire p99, ms'], rows);
}

await runToExit(main);
