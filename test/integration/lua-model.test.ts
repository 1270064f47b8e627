import t from 'tap';
import type { ScriptName } from '../../src/locks/contract.js';
import { companionOf, FENCE_COUNTER } from '../../src/locks/names.js';
import { RedisServer } from '../harness/redis-server.js';
import { LuaScripts } from '../simulation/lua-scripts.js';
import { SeededRandom } from '../simulation/random.js';
import { RedisModel } from '../simulation/redis-model.js';

const KEY = 'lock';
const COMPANION = companionOf(KEY) ?? '';
const SCRIPTS: readonly ScriptName[] = [
  'reserve',
  'renew',
  'want',
  'materialize',
  'retain',
  'release',
  'extend',
  'yield',
  'fence',
];
const KEYS: Record<ScriptName, readonly string[]> = {
  reserve: [KEY, COMPANION, FENCE_COUNTER],
  renew: [KEY, COMPANION],
  want: [KEY, FENCE_COUNTER],
  materialize: [KEY],
  retain: [KEY, COMPANION, FENCE_COUNTER],
  release: [KEY, COMPANION],
  extend: [KEY],
  yield: [KEY, COMPANION],
  fence: [KEY, FENCE_COUNTER],
};

/** Long enough to outlast the test, so that time changes nothing but what is compared as time. */
const TTL_MS = 600_000;

t.test('the model of Redis that the simulation runs on answers as the real scripts do', async t => {
  const server = await RedisServer.start(t);
  const scripts = new LuaScripts(server.port);
  t.teardown(() => scripts.close());
  const model = new RedisModel(() => Date.now());
  const random = new SeededRandom(1);
  const token = (): string => `forelock:p:e:${random.below(2)}`;
  const value = (): string => `v${random.below(2)}`;
  const seen = new Map<string, number>();

  for (let step = 0; step < 3000; step++) {
    const { redis } = scripts;
    const choice = random.below(12);
    if (choice === 0) {
      await redis.del(KEY);
      model.del(0, KEY);
    } else if (choice === 1) {
      const held = random.below(2) === 0 ? value() : token();
      await redis.set(KEY, held, 'PX', TTL_MS);
      model.set(0, KEY, held, TTL_MS);
    } else if (choice === 2 && random.below(4) === 0) {
      await redis.del(KEY);
      await redis.lpush(KEY, 'x');
      model.setList(0, KEY);
    }
    const script = SCRIPTS[random.below(SCRIPTS.length)] ?? 'yield';
    const args: Record<ScriptName, readonly (string | number)[]> = {
      reserve: [token(), TTL_MS, 'p', 10, value()],
      renew: [token(), TTL_MS],
      want: [value(), TTL_MS, random.below(2) === 0 ? '' : token(), value()],
      materialize: [token(), value(), TTL_MS],
      retain: [value(), token(), TTL_MS, 'p', 10, 5],
      release: [value()],
      extend: [value(), TTL_MS],
      yield: [token()],
      fence: [value(), random.below(2)],
    };
    const call = { script, keys: KEYS[script], args: args[script] };
    const real = await scripts.run(call);
    const modelled = model.run({ ...call, database: 0 });
    const what = `step ${step}: ${script} ${args[script].join(' ')}`;
    if (!t.ok(alike(real, modelled), what, { real, modelled })) return;
    const state = model.get(0, KEY);
    if (state === null || !state.startsWith('\0')) {
      if (!t.equal(await redis.get(KEY), state, what)) return;
    }
    if (!t.equal(await redis.exists(COMPANION), model.get(0, COMPANION) === null ? 0 : 1, what)) {
      return;
    }
    const status = `${script} ${real[0]}`;
    seen.set(status, (seen.get(status) ?? 0) + 1);
  }
  // Had some answer never come up, the comparison would say nothing of it.
  t.strictSame([...seen.keys()].sort(), [
    'extend extended',
    'extend not-owner',
    'extend other-type',
    'fence fence',
    'fence not-owner',
    'fence other-type',
    'materialize gone',
    'materialize materialized',
    'materialize other-type',
    'release not-owner',
    'release other-type',
    'release released',
    'renew gone',
    'renew other-type',
    'renew renewed',
    'reserve delegated',
    'reserve held',
    'reserve other-type',
    'reserve reserved',
    'retain not-owner',
    'retain other-type',
    'retain retained',
    'want delegated',
    'want held',
    'want other-type',
    'want yours',
    'yield gone',
    'yield other-type',
    'yield yielded',
  ]);
});

/** Words alike, numbers within what the clocks of two processes may differ by. */
function alike(real: readonly unknown[], modelled: readonly unknown[]): boolean {
  if (real.length !== modelled.length) return false;
  return real.every((value, index) => {
    const other = modelled[index];
    if (typeof value !== 'number' || typeof other !== 'number') return value === other;
    const isFence = value > 1e15;
    return Math.abs(value - other) <= (isFence ? 5e6 : 5000);
  });
}
