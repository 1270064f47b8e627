import t from 'tap';
import { locksLookLikeRedis } from '../fuzz/properties.js';
import { delegate, isDelegated, LONG_TTL_MS, rawValue, statusOf } from '../harness/delegation.js';
import { eventually, sleep } from '../harness/lifetime.js';
import { acquire, extend, release } from '../harness/lock-scripts.js';
import type { RespClient } from '../harness/resp-client.js';
import { type Comparing, describe, type Pair, Twins } from '../harness/twins.js';

/**
 * A lock is delegated: Redis holds our token, and Forelock alone knows whether the lock is free.
 * Whatever another client does with that key, it sees what Redis alone would have shown.
 */

const STATES = ['free', 'held, known to Forelock only', 'held, written to Redis'] as const;
type State = (typeof STATES)[number];

/** `K` stands for the lock key. `~` before a command: its reply is a time left, equal but for delay. */
const TOUCHES: string[][] = [
  ['GET K'],
  ['STRLEN K', 'GETRANGE K 0 3', 'SUBSTR K 0 0'],
  ['TTL K', '~PTTL K'],
  ['~EXPIRETIME K', '~PEXPIRETIME K'],
  ['EXISTS K', 'EXISTS K K other'],
  ['TYPE K'],
  ['TOUCH K'],
  ['OBJECT ENCODING K', 'OBJECT REFCOUNT K'],
  ['~OBJECT IDLETIME K'],
  ['MEMORY USAGE K'],
  ['DUMP K'],
  ['COPY K K:copy', 'GET K:copy', '~PTTL K:copy'],
  ['COPY K K DB 1', 'SELECT 1', 'GET K'],
  ['SET K:other x', 'COPY K:other K', 'GET K', 'COPY K:other K REPLACE', 'GET K'],
  ['RENAME K K:new', 'GET K:new', '~PTTL K:new', 'GET K'],
  ['RENAMENX K K:new', 'GET K:new'],
  ['SET K:other x', 'RENAME K:other K', 'GET K', 'TTL K'],
  ['SET K:other x', 'RENAMENX K:other K', 'GET K'],
  ['MGET K other K'],
  ['LCS K K'],
  ['BITCOUNT K', 'GETBIT K 0', 'BITPOS K 1'],
  ['BITOP AND K:bits K K', 'GET K:bits'],
  ['SETBIT K 1 1', 'GET K'],
  ['GETEX K', 'GETEX K PERSIST', 'TTL K'],
  ['GETDEL K', 'GET K'],
  ['GETSET K new', 'GET K', 'TTL K'],
  ['SET K new', 'GET K', 'TTL K'],
  ['SET K new XX', 'GET K'],
  ['SET K new GET', 'GET K'],
  ['SET K new KEEPTTL', 'GET K', '~PTTL K'],
  ['SETEX K 100 new', 'TTL K'],
  ['PSETEX K 100000 new', '~PTTL K'],
  ['MSET K new other x', 'GET K'],
  ['MSETNX K new K:other x', 'GET K'],
  ['APPEND K more', 'GET K'],
  ['INCR K', 'GET K'],
  ['SETRANGE K 2 zz', 'GET K'],
  ['DEL K', 'EXISTS K'],
  ['UNLINK K', 'EXISTS K'],
  ['EXPIRE K 100', 'TTL K'],
  ['EXPIRE K 0', 'EXISTS K'],
  ['PEXPIRE K 100000', '~PTTL K'],
  ['EXPIREAT K 33177117420', 'EXPIRETIME K'],
  ['PERSIST K', 'TTL K'],
  ['LPUSH K a', 'TYPE K'],
  ['HSET K a b'],
  ['SADD K a', 'SUNION K K'],
  ['ZADD K 1 a'],
  ['PFADD K a'],
  ['XADD K 1-1 a b'],
  ['BLPOP K 0.01'],
  ['LPUSH l 1', 'SORT l BY nosort GET K', 'SORT l BY K GET # STORE K', 'TYPE K'],
  ['SUNIONSTORE K none', 'EXISTS K'],
  ['MULTI', 'GET K', 'EXEC'],
  ['MULTI', 'SET K new NX', 'GET K', 'EXEC'],
  ['MULTI', 'SET K new NX PX 60000', 'GET K', 'DEL K', 'EXEC'],
  ['WATCH K', 'GET K', 'MULTI', 'SET K:seen 1', 'EXEC'],
  ['WATCH K', 'MULTI', 'DEL K', 'EXEC'],
  ['WATCH K', 'UNWATCH', 'GET K'],
  ['EVAL return(redis.call("GET",KEYS[1])) 1 K'],
  ['EVAL return(redis.call("PTTL",KEYS[1])>0) 1 K'],
  ['EVAL return(redis.call("GET",ARGV[1])) 0 K'],
  ['EVAL return(redis.call("DEL",KEYS[1])) 1 K', 'GET K'],
  ['EVAL_RO return(redis.call("EXISTS",KEYS[1])) 1 K'],
  ['EVAL return(redis.call("SET",KEYS[1],ARGV[1],"NX")) 1 K new', 'GET K'],
  ['KEYS K', 'KEYS K*'],
  ['SCAN 0 COUNT 100000 MATCH K'],
  ['SCAN 0 COUNT 100000 MATCH K TYPE string'],
  ['FLUSHDB', 'GET K'],
  ['FLUSHALL', 'GET K'],
  ['FLUSHALL ASYNC', 'EXISTS K'],
  ['SWAPDB 0 1', 'GET K', 'SELECT 1', 'GET K', 'SWAPDB 0 1', 'GET K'],
  ['SELECT 1', 'GET K', 'SET K elsewhere NX PX 60000', 'GET K', 'DEL K'],
  ['MOVE K 1', 'GET K', 'SELECT 1', 'GET K'],
  ['SELECT 1', 'SET K elsewhere', 'MOVE K 0', 'GET K'],
  ['SELECT 15', 'FLUSHALL', 'SELECT 0', 'GET K'],
  ['SELECT 15', 'SWAPDB 0 14', 'SWAPDB 14 0', 'SELECT 0', 'GET K'],
  ['SELECT 15', 'SET K elsewhere', 'MOVE K 0', 'SELECT 0', 'GET K'],
  ['SELECT 15', 'SET K elsewhere', 'COPY K K DB 0 REPLACE', 'SELECT 0', 'GET K'],
  ['SETNX K new', 'GET K'],
  ['SET K new NX', 'GET K'],
  ['SET K new NX GET', 'GET K'],
  ['SET K new NX PX 60000', 'GET K'],
  ['SET K new EX 60 NX', 'TTL K'],
  ['SET K new NX EX 60 GET', 'GET K'],
  ['SET K new NX PXAT 33177117420000', 'GET K'],
  ['SET K new NX PX 600000', '~PTTL K'],
  ['SET K new NX PX 0', 'GET K'],
  ['SET K new NX PX abc'],
  ['SET K new NX PX 060000', 'GET K'],
  ['set K new nx px 60000', 'GET K'],
  [`SET K ${'v'.repeat(2000)} NX PX 60000`, 'STRLEN K'],
  ['CLIENT TRACKING ON BCAST PREFIX K', 'SET K new NX PX 60000', 'GET K'],
];

/** The two sides with one client that holds the lock and one that touches it. */
interface Stage {
  readonly twins: Twins;
  readonly redis: RespClient;
  readonly holder: Pair;
  readonly other: Pair;
  readonly key: string;
  readonly state: State;
}

const OWNER = 'the-owner';

/** Brings the key to the state on both sides, and makes sure that it is the one under test. */
async function enter(t: Comparing, stage: Stage): Promise<void> {
  const { holder, redis, key, state } = stage;
  await delegate(holder, redis, key);
  if (state === 'free') return;
  await holder.same(t, ...acquire(key, OWNER, LONG_TTL_MS));
  if (state === 'held, written to Redis') {
    await eventually('it is written', async () => (await rawValue(redis, key)) === OWNER);
  } else {
    t.equal(await isDelegated(redis, key), true, 'Redis holds our token, not the owner');
  }
}

async function compare(t: Comparing, pair: Pair, command: string, key: string): Promise<void> {
  const isTime = command.startsWith('~');
  const args = command
    .replace('~', '')
    .split(' ')
    .map(arg => arg.replaceAll('K', () => key));
  // The command's own name may hold a K.
  args[0] = command.replace('~', '').split(' ')[0] ?? '';
  const [wanted, found] = await pair.call(...args);
  const scrub = (reply: string): string => {
    const number = Number(/^:(\d+)\r\n$/.exec(reply)?.[1]);
    return isTime && number >= 0 ? 'a time' : reply;
  };
  t.equal(scrub(found), scrub(wanted), describe(args));
  if (isTime && scrub(wanted) === 'a time') {
    const difference = Math.abs(Number(found.slice(1)) - Number(wanted.slice(1)));
    t.equal(difference < 2000, true, `${describe(args)}: ${difference} apart`);
  }
  if (found.includes('forelock:')) t.equal(found, 'nothing of ours', describe(args));
}

/** What the touch left behind: for the others, for the owner, and for whoever comes next. */
async function compareAftermath(t: Comparing, stage: Stage): Promise<void> {
  const { twins, holder, key, state } = stage;
  const next = await twins.pair(t);
  await next.same(t, 'GET', key);
  await next.same(t, ...acquire(key, 'the-next', LONG_TTL_MS));
  if (state !== 'free') {
    await holder.same(t, ...extend(key, OWNER, LONG_TTL_MS));
    await holder.same(t, ...release(key, OWNER));
    await holder.same(t, ...release(key, OWNER));
  }
  await next.same(t, 'EXISTS', key);
  await next.same(t, ...acquire(key, 'the-last', LONG_TTL_MS));
  await next.same(t, ...release(key, 'the-next'));
  await next.same(t, ...release(key, 'the-last'));
  await next.same(t, 'GET', key);
  next.destroy();
}

/** In the 2nd state a grant stays in memory for as long as the touch may take. */
const argsFor = (state: State): string[] =>
  state === 'held, known to Forelock only'
    ? ['--delegate', '*', '--materialize-after-ms', '1000']
    : ['--delegate', '*'];

for (const state of STATES) {
  t.test(`touching a lock that is ${state}`, async t => {
    const twins = await Twins.start(t, { forelockArgs: argsFor(state) });
    const redis = await twins.behind.connect(t);
    const holder = await twins.pair(t);
    for (const [index, commands] of TOUCHES.entries()) {
      await t.test(commands.join(', ').slice(0, 100), async t => {
        const other = await twins.pair(t);
        const stage = { twins, redis, holder, other, key: `lock:${index}`, state };
        await enter(t, stage);
        for (const command of commands) await compare(t, other, command, stage.key);
        other.destroy();
        await compareAftermath(t, stage);
      });
    }
  });
}

/** What the owner of the lock does (`owner:acquire`), or another who wants it (`other:acquire`). */
const lockCommands = (key: string, who: string): Record<string, readonly string[]> => {
  const value = who === 'owner' ? OWNER : 'another';
  return {
    acquire: acquire(key, value, LONG_TTL_MS),
    extend: extend(key, value, LONG_TTL_MS),
    release: release(key, value),
  };
};

/** Steps of the owner and of the other client, in turn. */
const SCENES: Record<string, [State, string[]][]> = {
  'a WATCH sees a grant': [
    ['free', ['WATCH K', 'owner:acquire', 'MULTI', 'SET K:done 1', 'EXEC', 'GET K:done']],
    ['free', ['WATCH K', 'owner:acquire', 'owner:release', 'MULTI', 'SET K:done 1', 'EXEC']],
  ],
  'a WATCH sees a release': [
    ['held, written to Redis', ['WATCH K', 'owner:release', 'MULTI', 'SET K:done 1', 'EXEC']],
    ['held, known to Forelock only', ['WATCH K', 'owner:release', 'MULTI', 'SET K:done 1', 'EXEC']],
  ],
  'a WATCH sees an extension': [
    ['held, known to Forelock only', ['WATCH K', 'owner:extend', 'MULTI', 'SET K:done 1', 'EXEC']],
  ],
  'a WATCH sees nothing where nothing happens': [
    ['free', ['WATCH K', 'GET K', 'pause', 'MULTI', 'SET K:done 1', 'EXEC']],
    ['held, known to Forelock only', ['WATCH K', 'pause', 'MULTI', 'SET K:done 1', 'EXEC']],
    ['held, written to Redis', ['WATCH K', 'pause', 'MULTI', 'SET K:done 1', 'EXEC']],
    [
      'free',
      ['WATCH unrelated', 'owner:acquire', 'owner:release', 'MULTI', 'SET K:done 1', 'EXEC'],
    ],
  ],
  'a queued command sees what is true at EXEC': [
    ['free', ['MULTI', 'GET K', 'owner:acquire', 'EXEC']],
    ['held, known to Forelock only', ['MULTI', 'GET K', 'owner:release', 'EXEC']],
    ['free', ['MULTI', 'SET K new NX PX 60000', 'owner:acquire', 'EXEC']],
    ['free', ['MULTI', 'GET K', 'DISCARD', 'owner:acquire', 'GET K']],
  ],
  'only its owner has it': [
    [
      'held, known to Forelock only',
      ['other:release', 'other:extend', 'other:acquire', 'owner:acquire', 'owner:extend', 'GET K'],
    ],
    ['held, known to Forelock only', ['owner:release', 'owner:release', 'owner:extend', 'GET K']],
    ['held, written to Redis', ['other:release', 'other:extend', 'other:acquire', 'GET K']],
    ['free', ['owner:release', 'other:extend', 'other:acquire', 'owner:release', 'GET K']],
  ],
  'a taken lock is taken for its owner': [
    ['held, known to Forelock only', ['SET K stolen', 'owner:extend', 'owner:release', 'GET K']],
    ['held, written to Redis', ['DEL K', 'owner:release', 'owner:acquire', 'GET K']],
    ['held, known to Forelock only', ['RENAME K K:moved', 'owner:release', 'GET K:moved']],
    ['free', ['SET K stolen', 'owner:acquire', 'DEL K', 'owner:acquire', 'GET K']],
    ['free', ['SET K stolen NX PX 60000', 'owner:acquire', 'GET K']],
  ],
};

t.test('touching and locking in turn', async t => {
  const stages = new Map<State, Pick<Stage, 'twins' | 'redis'>>();
  for (const state of STATES) {
    const twins = await Twins.start(t, { forelockArgs: argsFor(state) });
    stages.set(state, { twins, redis: await twins.behind.connect(t) });
  }
  let scene = 0;
  for (const [what, scenes] of Object.entries(SCENES)) {
    await t.test(what, async t => {
      for (const [state, steps] of scenes) {
        await t.test(`${state}: ${steps.join(', ')}`, async t => {
          const { twins, redis } = stages.get(state) ?? {};
          if (!twins || !redis) throw new Error(`no such state: ${state}`);
          const [holder, other] = [await twins.pair(t), await twins.pair(t)];
          const key = `scene:${scene++}`;
          const stage = { twins, redis, holder, other, key, state };
          await enter(t, stage);
          for (const step of steps) {
            const [who = '', lockStep = ''] = step.split(':');
            const lockCommand = lockCommands(key, who)[lockStep];
            if (step === 'pause') await sleep(60);
            else if (lockCommand) await (who === 'owner' ? holder : other).same(t, ...lockCommand);
            else await compare(t, other, step, key);
          }
          await compareAftermath(t, stage);
        });
      }
    });
  }
});

t.test('random steps of three clients on two locks', async t => {
  const twins = await Twins.start(t, { forelockArgs: argsFor('free') });
  await t.resolves(locksLookLikeRedis(twins, { runs: 40 }));
  const status = await statusOf(t, twins);
  t.ok(Number(status.get('grants-from-memory')) > 100, 'many grants came from memory');
});
