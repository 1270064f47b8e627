import t from 'tap';
import {
  callsOf,
  cycle,
  isToken,
  LONG_TTL_MS,
  namesOfOurs,
  rawValue,
  statusOf,
} from '../harness/delegation.js';
import { Forelock } from '../harness/forelock.js';
import { type Lifetime, sleep } from '../harness/lifetime.js';
import { acquire, release } from '../harness/lock-scripts.js';
import { RedisServer } from '../harness/redis-server.js';
import { Twins } from '../harness/twins.js';

/** observe passes and learns; shadow also counts what it would have won; reserve acts. */

const CYCLES = 60;

interface Outcome {
  readonly fromMemory: number;
  readonly shadow: number;
  readonly sawToken: boolean;
  readonly ours: string[];
  /** Commands that Redis ran, a cycle. */
  readonly calls: number;
}

/** The same load in each mode: quick cycles on one lock. */
async function outcomeOf(t: Lifetime, mode: string): Promise<Outcome> {
  const redis = await RedisServer.start(t);
  const forelock = await Forelock.start(t, { upstream: redis.url, args: ['--mode', mode] });
  const client = await forelock.connect(t);
  const direct = await redis.connect(t);
  let sawToken = false;
  for (let round = 0; round < 10; round++) await cycle(client, 'job');
  const before = await callsOf(direct);
  let looks = 0;
  for (let round = 0; round < CYCLES; round++) {
    await cycle(client, 'job');
    await sleep(2);
    looks++;
    sawToken = isToken(await rawValue(direct, 'job')) || sawToken;
  }
  const calls = ((await callsOf(direct)) - before - looks) / CYCLES;
  const status = await statusOf(t, { forelock });
  return {
    fromMemory: Number(status.get('grants-from-memory')),
    shadow: Number(status.get('grants-shadow')),
    sawToken,
    ours: await namesOfOurs(direct),
    calls,
  };
}

t.test('observe: nothing of ours in Redis, nothing from memory', async t => {
  const { fromMemory, sawToken, ours, calls } = await outcomeOf(t, 'observe');
  t.equal(fromMemory, 0);
  t.notOk(sawToken);
  t.same(ours, []);
  // SET, EVAL, and GET and DEL within it; the heartbeat comes on top.
  t.ok(calls >= 4, `${calls.toFixed(1)} commands a cycle, as without Forelock`);
});

t.test('shadow: nothing of ours in Redis, and what would have been won is counted', async t => {
  const { fromMemory, shadow, sawToken, ours, calls } = await outcomeOf(t, 'shadow');
  t.equal(fromMemory, 0);
  t.ok(shadow > CYCLES / 2, `${shadow} grants would have come from memory`);
  t.notOk(sawToken);
  t.same(ours, []);
  t.ok(calls >= 4, `${calls.toFixed(1)} commands a cycle`);
});

t.test('reserve: locks are granted from memory', async t => {
  const { fromMemory, sawToken, calls } = await outcomeOf(t, 'reserve');
  t.ok(fromMemory > CYCLES / 2, `${fromMemory} grants from memory`);
  t.ok(sawToken);
  t.ok(calls < 2, `${calls.toFixed(1)} commands a cycle`);
});

for (const mode of ['observe', 'shadow', 'reserve']) {
  t.test(`${mode}: clients see what Redis would show them`, async t => {
    const twins = await Twins.start(t, { forelockArgs: ['--mode', mode] });
    const [one, two] = [await twins.pair(t), await twins.pair(t)];
    for (let round = 0; round < 10; round++) {
      await one.same(t, ...acquire('job', `owner-${round}`, LONG_TTL_MS));
      await two.same(t, ...acquire('job', 'another', LONG_TTL_MS));
      await two.same(t, ...release('job', 'another'));
      await one.same(t, ...release('job', `owner-${round}`));
    }
    await two.same(t, 'EXISTS', 'job');
    await two.same(t, ...acquire('job', 'another', LONG_TTL_MS));
    await one.same(t, 'GET', 'job');
    await one.same(t, 'DEL', 'job');
    await two.same(t, ...release('job', 'another'));
  });
}
