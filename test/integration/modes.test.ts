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
import type { RespClient } from '../harness/resp-client.js';
import { Twins } from '../harness/twins.js';

/** observe passes and learns; shadow also counts what it would have won; reserve acts. */

const CYCLES = 60;

interface Outcome {
  readonly fromMemory: number;
  readonly shadow: number;
  /** The loads in which Redis held a token of ours. */
  readonly tokens: string[];
  readonly ours: string[];
  /** Commands that Redis ran, a cycle. */
  readonly calls: number;
}

/** Looks at what Redis holds just before each lock is asked for. */
async function sawToken(
  client: RespClient,
  direct: RespClient,
  keys: readonly string[],
  pauseMs: number,
): Promise<boolean> {
  let saw = false;
  for (const key of keys) {
    saw = isToken(await rawValue(direct, key)) || saw;
    await cycle(client, key);
    await sleep(pauseMs);
  }
  return saw;
}

/** Locks that are forecast in each of the ways that there are. */
const FORESEEN = {
  'each order is locked twice': {
    keys: Array.from({ length: 80 }, (_, n) => `order:${n >> 1}`),
    pauseMs: 10,
  },
  'a lock of every now and then': { keys: Array<string>(16).fill('slow'), pauseMs: 400 },
};

/** The same loads in each mode; first quick cycles on one lock. */
async function outcomeOf(t: Lifetime, mode: string): Promise<Outcome> {
  const redis = await RedisServer.start(t);
  const forelock = await Forelock.start(t, {
    upstream: redis.url,
    // Rarer than the pauses of a load that nothing shall be retained for.
    args: ['--mode', mode, '--window-ms', '150'],
  });
  const client = await forelock.connect(t);
  const direct = await redis.connect(t);
  const tokens: string[] = [];
  for (let round = 0; round < 10; round++) await cycle(client, 'job');
  const before = await callsOf(direct);
  if (await sawToken(client, direct, Array(CYCLES).fill('job'), 2)) tokens.push('one lock');
  const calls = ((await callsOf(direct)) - before - CYCLES) / CYCLES;
  const status = await statusOf(t, { forelock });
  await Promise.all(
    Object.entries(FORESEEN).map(async ([what, { keys, pauseMs }]) => {
      const [one, other] = [await forelock.connect(t), await redis.connect(t)];
      if (await sawToken(one, other, keys, pauseMs)) tokens.push(what);
    }),
  );
  return {
    fromMemory: Number(status.get('grants-from-memory')),
    shadow: Number(status.get('grants-shadow')),
    tokens: tokens.sort(),
    ours: await namesOfOurs(direct),
    calls,
  };
}

t.test('observe: nothing of ours in Redis, nothing from memory', async t => {
  const { fromMemory, tokens, ours, calls } = await outcomeOf(t, 'observe');
  t.equal(fromMemory, 0);
  t.same(tokens, []);
  t.same(ours, []);
  // SET, EVAL, and GET and DEL within it; the heartbeat comes on top.
  t.ok(calls >= 4, `${calls.toFixed(1)} commands a cycle, as without Forelock`);
});

t.test('shadow: nothing of ours in Redis, and what would have been won is counted', async t => {
  const { fromMemory, shadow, tokens, ours, calls } = await outcomeOf(t, 'shadow');
  t.equal(fromMemory, 0);
  t.ok(shadow > CYCLES / 2, `${shadow} grants would have come from memory`);
  t.same(tokens, []);
  t.same(ours, []);
  t.ok(calls >= 4, `${calls.toFixed(1)} commands a cycle`);
});

t.test('reserve: locks are granted from memory', async t => {
  const { fromMemory, tokens, calls } = await outcomeOf(t, 'reserve');
  t.ok(fromMemory > CYCLES / 2, `${fromMemory} grants from memory`);
  t.same(tokens, [...Object.keys(FORESEEN), 'one lock'].sort());
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
