import t from 'tap';
import { encodeCommand } from '../harness/resp-frame.js';
import { Twins } from '../harness/twins.js';

/** MULTI, EXEC, WATCH: what happens within and around a transaction is Redis's. */

t.test('WATCH aborts EXEC if another client changes the key', async t => {
  const twins = await Twins.start(t);
  for (const change of [
    'SET k other',
    'DEL k',
    'EXPIRE k 1000',
    'RENAME k l',
    'SET k me NX PX 10000',
    'FLUSHDB',
    'FLUSHALL',
    'SWAPDB 0 1',
  ]) {
    await twins.onBoth('FLUSHALL');
    const pair = await twins.pair(t);
    const other = await twins.pair(t);
    if (!change.includes('NX')) await pair.same(t, 'SET', 'k', 'mine');
    await pair.same(t, 'WATCH', 'k');
    await pair.same(t, 'GET', 'k');
    await other.same(t, ...change.split(' '));
    await pair.same(t, 'MULTI');
    await pair.same(t, 'SET', 'done', change);
    await pair.same(t, 'EXEC');
    await pair.same(t, 'EXISTS', 'done');
    await pair.same(t, 'MULTI');
    await pair.same(t, 'SET', 'done', change);
    await pair.same(t, 'EXEC');
  }
});

t.test('WATCH lets EXEC pass if nothing changed, or after UNWATCH and DISCARD', async t => {
  const twins = await Twins.start(t);
  const other = await twins.pair(t);
  for (const end of [[], ['UNWATCH'], ['MULTI', 'DISCARD'], ['MULTI', 'EXEC']]) {
    const pair = await twins.pair(t);
    await pair.same(t, 'WATCH', 'k', 'l');
    for (const command of end) await pair.same(t, command);
    if (end.length > 0) await other.same(t, 'SET', 'k', 'changed');
    await pair.same(t, 'MULTI');
    await pair.same(t, 'GET', 'k');
    await pair.same(t, 'EXEC');
  }
});

t.test('a change between WATCH and EXEC within one write of the client', async t => {
  const twins = await Twins.start(t);
  const pair = await twins.pair(t);
  const commands = [
    ['WATCH', 'k'],
    ['SET', 'k', 'own'],
    ['MULTI'],
    ['GET', 'k'],
    ['EXEC'],
    ['GET', 'k'],
  ];
  pair.write(Buffer.concat(commands.map(encodeCommand)));
  const [wanted, found] = await Promise.all([pair.direct.replies(6), pair.proxied.replies(6)]);
  t.same(found, wanted);
});

t.test('errors while queueing abort EXEC, errors while executing do not', async t => {
  const twins = await Twins.start(t);
  const pair = await twins.pair(t);
  for (const commands of [
    ['MULTI', 'SET k', 'SET k v', 'EXEC'],
    ['MULTI', 'NOSUCH', 'EXEC'],
    ['MULTI', 'SET k v', 'INCR k', 'LPUSH k a', 'GET k', 'EXEC'],
    ['MULTI', 'MULTI', 'EXEC'],
    ['MULTI', 'WATCH k', 'EXEC'],
    ['MULTI', 'SUBSCRIBE ch', 'EXEC'],
    ['UNSUBSCRIBE ch'],
    ['MULTI', 'BLPOP none 0', 'EXEC'],
    ['MULTI', 'SELECT 1', 'SET k one', 'SELECT 0', 'EXEC', 'GET k'],
    ['MULTI', 'CLIENT SETNAME x', 'CLIENT GETNAME', 'EXEC', 'CLIENT GETNAME'],
    ['MULTI', 'DISCARD', 'EXEC'],
    ['DISCARD'],
    ['EXEC extra'],
    ['MULTI', 'RESET', 'EXEC'],
    ['MULTI', 'PING', 'SET l me NX PX 10000', 'SET l you NX PX 10000', 'EXEC', 'GET l'],
  ]) {
    for (const command of commands) await pair.same(t, ...command.split(' '));
  }
});

t.test('a client that goes while it queues has done nothing', async t => {
  const twins = await Twins.start(t);
  const client = await twins.forelock.connect(t);
  await client.pipeline([['MULTI'], ['SET', 'never', 'set']]);
  client.destroy();
  t.equal(await (await twins.forelock.connect(t)).call('EXISTS', 'never'), ':0\r\n');
});

t.test('transactions of many clients are each atomic', async t => {
  const twins = await Twins.start(t);
  await Promise.all(
    Array.from({ length: 30 }, async () => {
      const client = await twins.forelock.connect(t);
      for (let round = 0; round < 10; round++) {
        const [, , , exec] = await client.pipeline([
          ['MULTI'],
          ['INCR', 'n'],
          ['INCR', 'n'],
          ['EXEC'],
        ]);
        const [, first, second] = /^\*2\r\n:(\d+)\r\n:(\d+)\r\n$/.exec(exec ?? '') ?? [];
        if (Number(second) !== Number(first) + 1) t.fail(`not atomic: ${exec}`);
      }
    }),
  );
  t.equal(await (await twins.forelock.connect(t)).call('GET', 'n'), '$3\r\n600\r\n');
});
