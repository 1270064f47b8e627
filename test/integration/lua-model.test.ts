import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import type { ScriptName } from '../../src/locks/contract.js';
import { companionOf, FENCE_COUNTER } from '../../src/locks/names.js';
import { readScriptFiles } from '../../src/upstream/control/script-files.js';
import { projectFolder } from '../harness/project.js';
import { SeededRandom } from '../simulation/random.js';
import { plain } from '../simulation/redis/reply.js';
import { Listening } from './lua-model/listening.js';
import { LUA_CASES } from './lua-model/lua-cases.js';
import { Pair } from './lua-model/pair.js';
import { randomCommand } from './lua-model/random-commands.js';
import { randomScript } from './lua-model/random-scripts.js';

const KEY = 'lock';
const COMPANION = companionOf(KEY) ?? '';

/** Long enough to outlast the test, so that time changes nothing but what is compared as time. */
const TTL_MS = 600_000;
/** As long may the fleet keep a key: longer than the test runs, shorter than one that 'since: 5' tells. */
const LIMIT_MS = 3_600_000;

interface Call {
  readonly keys: readonly string[];
  readonly args: readonly (string | number)[];
}

/** One call of each script, with arguments that meet what may be in the key. */
function scriptCall(script: string, random: SeededRandom): Call {
  const proxy = random.pick(['p', 'q']);
  const token = (): string => `forelock:${random.pick(['p', 'q'])}:e:${random.below(2)}`;
  const value = (): string => `v${random.below(2)}`;
  const ticket = random.chance(0.5) ? '' : `forelock:${proxy}:e:${random.below(2)}`;
  const giving = [0, 10, random.pick([0, LIMIT_MS]), TTL_MS];
  const how = random.pick(['pass', 'pass', 'pass', 'breath', 'leave', 'end']);
  const flag = (): number => random.below(2);
  const all = [KEY, COMPANION, FENCE_COUNTER];
  const calls: Record<ScriptName, () => Call> = {
    reserve: () => ({ keys: all, args: [token(), TTL_MS, 'p', 10, value()] }),
    renew: () => ({ keys: [KEY, COMPANION], args: [token(), TTL_MS] }),
    want: () => ({
      keys: all,
      args: [
        ...[value(), TTL_MS, random.chance(0.5) ? '' : token(), value(), proxy, ...giving],
        ...[flag(), ticket, TTL_MS / 2, TTL_MS, flag()],
      ],
    }),
    materialize: () => ({
      keys: random.chance(0.5) ? [KEY] : [KEY, COMPANION],
      args: [token(), value(), TTL_MS, 0, random.pick(['settle', 'tell'])],
    }),
    retain: () => ({
      keys: all,
      args: [value(), token(), TTL_MS, 'p', 10, 5, 0, random.pick([0, LIMIT_MS]), TTL_MS],
    }),
    release: () => ({ keys: all, args: [value(), ...giving, how] }),
    extend: () => ({ keys: [KEY], args: [value(), TTL_MS] }),
    yield: () => ({ keys: all, args: [token(), ...giving, how] }),
    fence: () => ({ keys: [KEY, FENCE_COUNTER], args: [value(), random.below(2)] }),
    recover: () => ({
      keys: [KEY, COMPANION],
      args: [token(), value(), random.pick([0, TTL_MS])],
    }),
  };
  const call = calls[script as ScriptName];
  if (call === undefined) throw new Error(`nothing is known here of lua/${script}.lua`);
  return call();
}

/** Had some answer never come up, the comparison would say nothing of it. */
const ANSWERS = [
  ...['extend extended', 'extend not-owner', 'extend other-type'],
  ...['fence fence', 'fence not-owner', 'fence other-type'],
  ...['materialize gone', 'materialize materialized', 'materialize other-type'],
  ...['recover freed', 'recover gone', 'recover materialized', 'recover other-type'],
  ...['release not-owner', 'release other-type', 'release passed', 'release released'],
  ...['renew gone', 'renew other-type', 'renew renewed'],
  ...['reserve delegated', 'reserve held', 'reserve other-type', 'reserve reserved'],
  ...['reserve wanted', 'retain not-owner', 'retain other-type', 'retain passed'],
  ...['retain released', 'retain retained'],
  ...['want asked', 'want delegated', 'want held', 'want other-type', 'want yours'],
  ...['yield gone', 'yield other-type', 'yield passed', 'yield yielded'],
];

/** Scripts that tell for how long a key was kept. */
const TELLING_TIMES = new Set(['reserve', 'retain', 'release', 'yield']);

const TICKET = JSON.stringify({
  token: 'forelock:q:e:0',
  untilMs: 9_000_000_000_000,
  leaseMs: TTL_MS,
});

/** What others do to the keys in between. */
function disturbance(random: SeededRandom): string[][] {
  const held = random.chance(0.5) ? `v${random.below(2)}` : `forelock:p:e:${random.below(2)}`;
  switch (random.below(40)) {
    case 0:
    case 1:
    case 2:
      return [['DEL', KEY]];
    case 3:
    case 4:
    case 5:
    case 6:
      return [['SET', KEY, held, 'PX', String(TTL_MS)]];
    case 7:
      return [
        ['DEL', KEY],
        ['LPUSH', KEY, 'x'],
      ];
    case 8:
      return [['DEL', COMPANION]];
    case 9:
      return [['SET', COMPANION, random.pick(['{}', 'x', '{"since":"y"}', '{"since":5}'])]];
    case 14:
    case 15:
      return [
        ['SET', KEY, held, 'PX', String(TTL_MS)],
        ['SET', COMPANION, `{"tickets":[${TICKET}]}`],
      ];
    case 10:
      return [['SET', FENCE_COUNTER, random.pick(['5', '9000000000000000', 'x'])]];
    case 11:
      return [
        ['DEL', FENCE_COUNTER],
        ['HSET', FENCE_COUNTER, 'f', 'x'],
      ];
    case 12:
      return [['DEL', FENCE_COUNTER]];
    case 13:
      return [['SCRIPT', 'FLUSH']];
    default:
      return [];
  }
}

t.test('each file of lua/ does on the simulated Redis what it does on a real one', async t => {
  const pair = await Pair.start(t);
  const random = new SeededRandom(1);
  const scripts = readdirSync(join(projectFolder, 'lua'))
    .filter(file => file.endsWith('.lua'))
    .map(file => file.replace('.lua', ''));
  t.strictSame([...readScriptFiles().keys()].sort(), scripts, 'no file is left out');
  const seen = new Set<string>();
  for (let step = 0; step < 4000 && pair.differences.length === 0; step++) {
    for (const words of disturbance(random)) await pair.ask(words);
    const script = random.pick(scripts);
    const { keys, args } = scriptCall(script, random);
    const words = [pair.redis.textOf(script), String(keys.length), ...keys, ...args.map(String)];
    const what = `step ${step}: ${script} ${args.join(' ')}`;
    // What it tells of how long a key was kept is a time, however short.
    const timesFrom = TELLING_TIMES.has(script) ? 0 : undefined;
    const answer = plain(await pair.askAndLook(['EVAL', ...words], what, timesFrom));
    seen.add(`${script} ${Array.isArray(answer) ? answer[0] : 'error'}`);
  }
  t.strictSame(pair.differences, []);
  t.strictSame([...seen].sort(), ANSWERS);
});

t.test('Lua is the Lua of Redis, with all its peculiarities', async t => {
  const pair = await Pair.start(t);
  for (const text of LUA_CASES) await pair.ask(['EVAL', text, '2', 'k1', 'k2', 'a1', '7'], text);
  t.strictSame(pair.differences, []);
  t.equal(pair.asked, LUA_CASES.length);
});

t.test('commands at random are answered, and leave the keys, as in a real Redis', async t => {
  const pair = await Pair.start(t);
  const random = new SeededRandom(2);
  for (let step = 0; step < 4000 && pair.differences.length === 0; step++) {
    if (random.chance(0.01)) await pair.ask(['FLUSHALL']);
    await pair.askAndLook(randomCommand(random));
  }
  t.strictSame(pair.differences, []);
});

t.test('scripts at random are answered, and leave the keys, as in a real Redis', async t => {
  const pair = await Pair.start(t);
  const random = new SeededRandom(3);
  for (let step = 0; step < 2000 && pair.differences.length === 0; step++) {
    if (random.chance(0.01)) await pair.ask(['FLUSHALL']);
    await pair.askAndLook(['EVAL', randomScript(random), '0']);
  }
  t.strictSame(pair.differences, []);
});

/** What a connection that tracks reads, what it and another one write, and what else changes keys. */
function trackingStep(random: SeededRandom): {
  readonly own: readonly string[][];
  readonly others: readonly string[][];
} {
  const key = random.pick(['a', 'b', 'c']);
  const other = random.pick(['a', 'b', 'c']);
  const written = random.pick([
    ['SET', key, 'x'],
    ['SET', key, 'x', 'NX'],
    ['DEL', key, other],
    ['PEXPIRE', key, '600000'],
    ['PEXPIRE', key, '0'],
    ['PERSIST', key],
    ['INCR', 'a'],
    ['GETDEL', key],
    ['EVAL', "return redis.call('SET', KEYS[1], 'y')", '1', key],
    ['EVAL', "redis.call('DEL', KEYS[1]) return redis.call('GET', KEYS[1])", '1', key],
    [
      'EVAL',
      "redis.call('SET', KEYS[1], 'y') return redis.call('EXISTS', KEYS[2])",
      '2',
      key,
      other,
    ],
    ['PUBLISH', 'channel', `to ${key}`],
    ['PUBLISH', 'elsewhere', 'x'],
    ['EVAL', "return redis.call('PUBLISH', KEYS[1], 'x')", '1', 'channel'],
  ]);
  const read = random.pick([
    ['GET', key],
    ['EXISTS', key, other],
    ['PTTL', key],
    ['TYPE', key],
    ['EVAL', "return redis.call('GET', KEYS[1])", '1', key],
    ['EVAL', "return redis.call('GET', KEYS[1])", '2', key, other],
    ['EVAL', 'return 1', '1', key],
    ['EVAL', "return redis.call('TIME')", '1', key],
  ]);
  switch (random.below(12)) {
    case 0:
      return { own: [written], others: [] };
    case 1:
    case 2:
    case 3:
      return { own: [], others: [written] };
    case 4:
      return random.chance(0.3) ? { own: [], others: [['FLUSHALL']] } : { own: [read], others: [] };
    case 5:
      return random.chance(0.3) ? { own: [['FLUSHALL']], others: [] } : { own: [read], others: [] };
    default:
      return { own: [read], others: [] };
  }
}

for (const option of ['', 'NOLOOP']) {
  t.test(`a tracking connection is told what it is told by a real Redis ${option}`, async t => {
    const pair = await Pair.start(t);
    const random = new SeededRandom(4);
    const listening = await Listening.connect(t, pair);
    await listening.ask(['CLIENT', 'TRACKING', 'ON', ...(option === '' ? [] : [option])]);
    await listening.ask(['SUBSCRIBE', 'channel']);
    let told = 0;
    for (let step = 0; step < 1500; step++) {
      const { own, others } = trackingStep(random);
      for (const words of own) await listening.ask(words);
      for (const words of others) await pair.ask(words);
      const { real, simulated } = await listening.heard();
      told += real.length;
      const what = [...own, ...others].map(words => words.join(' ')).join(', ');
      if (!t.strictSame(simulated, real, `step ${step}: ${what}`)) break;
    }
    t.strictSame(pair.differences, []);
    t.ok(told > 100, `${told} pushes`);
  });
}

t.test('a key that has expired is gone, and whoever has read it is told', async t => {
  const pair = await Pair.start(t);
  const listening = await Listening.connect(t, pair);
  await listening.ask(['CLIENT', 'TRACKING', 'ON']);
  for (const look of [
    ['GET', 'a'],
    ['SET', 'a', 'y', 'NX'],
    ['DEL', 'a'],
    ['EVAL', "return redis.call('PTTL', KEYS[1])", '1', 'a'],
  ]) {
    await pair.ask(['SET', 'a', 'x', 'PX', '40']);
    await listening.ask(['GET', 'a']);
    await sleep(60);
    await pair.askAndLook(look);
    const { real, simulated } = await listening.heard();
    t.strictSame(simulated, real, look.join(' '));
    t.ok(real.includes('invalidate a'));
  }
  t.strictSame(pair.differences, []);
});
