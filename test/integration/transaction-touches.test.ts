import t from 'tap';
import { delegate, isDelegated, LONG_TTL_MS } from '../harness/delegation.js';
import { acquire, release, shaOf } from '../harness/lock-scripts.js';
import { Twins } from '../harness/twins.js';

/**
 * What is queued in a transaction is carried out much later: a lock that came up in between, in a
 * database that nobody locked in before, is touched by it all the same (invariant 5).
 */

const ELSEWHERE = `redis.call('select', 5) redis.call('del', 'lock') return 'done'`;
const LARGE = 'x'.repeat(8192);

/** Commands that take the lock in database 5 away when EXEC is called in database 0. */
const QUEUED: Readonly<Record<string, string[][]>> = {
  FLUSHALL: [['FLUSHALL']],
  SWAPDB: [['SWAPDB', '5', '6']],
  'a script that nobody has seen': [['EVALSHA', shaOf(ELSEWHERE), '0']],
  'a script in another database': [['EVAL', ELSEWHERE, '0']],
  'a request too large to be held': [['EVAL', ELSEWHERE, '0', LARGE]],
  'one before a SUBSCRIBE': [['FLUSHALL'], ['SUBSCRIBE', 'ch']],
};

for (const [what, commands] of Object.entries(QUEUED)) {
  t.test(`${what}, queued before the lock came up`, async t => {
    const twins = await Twins.start(t, {
      forelockArgs: ['--delegate', 'lock', '--materialize-after-ms', '1000'].concat(
        what.includes('large') ? ['--large-request-bytes', '1024'] : [],
      ),
    });
    await twins.onBoth('SCRIPT', 'LOAD', ELSEWHERE);
    const pair = await twins.pair(t);
    await pair.same(t, 'MULTI');
    for (const command of commands) await pair.same(t, ...command);

    const holder = await twins.pair(t, ['SELECT', '5']);
    const behind = await twins.behind.connect(t);
    await behind.call('SELECT', '5');
    await delegate(holder, behind, 'lock');
    await holder.same(t, ...acquire('lock', 'holder', LONG_TTL_MS));
    t.ok(await isDelegated(behind, 'lock'), 'held, and known to Forelock only');

    await pair.same(t, 'EXEC');
    const next = await twins.pair(t, ['SELECT', '5']);
    await next.same(t, ...acquire('lock', 'next', LONG_TTL_MS));
    await holder.same(t, ...release('lock', 'holder'));
    await next.same(t, ...release('lock', 'next'));
  });
}

t.test('where no reply tells what is queued, EXEC touches every lock', async t => {
  const twins = await Twins.start(t, {
    forelockArgs: ['--delegate', 'lock', '--materialize-after-ms', '1000'],
  });
  const pair = await twins.pair(t);
  pair.send('CLIENT', 'REPLY', 'OFF');
  for (const command of [['MULTI'], ['DEL', 'lock'], ['FLUSHALL']]) pair.send(...command);
  const holder = await twins.pair(t);
  const behind = await twins.behind.connect(t);
  await delegate(holder, behind, 'lock');
  await holder.same(t, ...acquire('lock', 'holder', LONG_TTL_MS));
  pair.send('EXEC');
  pair.send('CLIENT', 'REPLY', 'ON');
  await pair.sameReply(t, 'EXEC is carried out');
  const next = await twins.pair(t);
  await next.same(t, ...acquire('lock', 'next', LONG_TTL_MS));
  await holder.same(t, ...release('lock', 'holder'));
});
