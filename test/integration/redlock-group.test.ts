/**
 * npm redlock over five masters, from several processes: straight, and through one Forelock whose
 * listeners are a group. Both in one run, on masters of their own.
 */
import t from 'tap';
import { type RedlockTally, startRedlockLoad } from '../../bench/redlock-load.js';
import { Forelock } from '../harness/forelock.js';
import type { Lifetime } from '../harness/lifetime.js';
import { RedisServer } from '../harness/redis-server.js';

const MASTERS = 5;
const SECONDS = 4;

async function startMasters(t: Lifetime): Promise<readonly RedisServer[]> {
  return Promise.all(Array.from({ length: MASTERS }, () => RedisServer.start(t)));
}

async function contend(
  t: Lifetime,
  version: '4' | '5',
  ports: readonly number[],
): Promise<RedlockTally> {
  const load = await startRedlockLoad(3, {
    ...{ version, ports, resource: 'resource', clients: 4, ttlMs: 2000 },
    ...{ retryDelayMs: 40, retryJitterMs: 20, holdMs: 2, thinkMs: 10 },
  });
  t.teardown(() => load.stop());
  const tally = await load.run(SECONDS);
  await load.stop();
  return tally;
}

for (const version of ['4', '5'] as const) {
  t.test(`redlock ${version}: no split vote among the clients of one group`, async t => {
    const straight = await startMasters(t);
    const direct = await contend(
      t,
      version,
      straight.map(({ port }) => port),
    );

    const [first, ...further] = await startMasters(t);
    const forelock = await Forelock.start(t, {
      upstream: first?.url ?? '',
      furtherUpstreams: further.map(({ url }) => url),
      args: ['--group', '--group-wait-ms', '50'],
    });
    const grouped = await contend(t, version, forelock.ports);

    const short = ({ waitsMs, ...counts }: RedlockTally): string => JSON.stringify(counts);
    t.comment(`direct ${short(direct)}`);
    t.comment(`group ${short(grouped)}`);
    // None but where a process stands still for longer than the group waits, as on a busy machine:
    // that there is none otherwise is shown without a clock, in locks-group.test.ts.
    t.ok(grouped.split <= Math.max(1, direct.split / 10), `${grouped.split} split votes`);
    t.ok(grouped.acquired > 50, 'and the lock goes round');
    const wasted = ({ wastedVotes, acquired }: RedlockTally): number => wastedVotes / acquired;
    t.ok(wasted(grouped) < wasted(direct), 'fewer attempts take votes in vain');
    t.match((await forelock.http('/metrics')).body, /^forelock_broken_assumptions_total\{.*\} 0$/m);
    t.equal(await forelock.stop(), 0);
  });
}
