import t from 'tap';
import { sleep } from '../harness/lifetime.js';
import { Twins } from '../harness/twins.js';

/**
 * Clients that log in as users of few rights: what Forelock does for them on Redis is done within
 * those rights, leaves no trace that is not theirs, and loses nothing that they had before.
 */

const USERS = {
  users: ['default on nopass ~* &* +@all', 'bob on >pw ~* &* +@all -select -client'],
};
const AS_BOB = ['AUTH', 'bob', 'pw'];

t.test('a database stays selected for a user who may not select one', async t => {
  const twins = await Twins.start(t, { redis: USERS });
  for (const protocol of ['2', '3']) {
    const pair = await twins.pair(t, ['HELLO', protocol], ['SELECT', '3']);
    await pair.same(t, 'SET', 'k', 'v');
    await pair.same(t, ...AS_BOB);
    // On a shared connection, on one of its own, and where Redis is asked in its stead.
    await pair.same(t, 'GET', 'k');
    for (const command of ['MULTI', 'GET k', 'EXEC', 'BLPOP list 0.01', 'SELECT 4', 'GET k']) {
      await pair.same(t, ...command.split(' '));
    }
    await pair.same(t, 'AUTH', 'default', 'any');
    await pair.same(t, 'GET', 'k');
    await pair.same(t, 'SELECT', '0');
    await pair.same(t, ...AS_BOB);
    await pair.same(t, 'GET', 'k');
  }
});

t.test('no denial is logged that the user has not earned', async t => {
  const twins = await Twins.start(t, { redis: USERS });
  const pair = await twins.pair(t, ['CLIENT', 'SETNAME', 'me'], AS_BOB);
  for (const command of ['SET k v', 'MULTI', 'EXEC', 'BLPOP list 0.01', 'SUBSCRIBE channel']) {
    await pair.same(t, ...command.split(' '));
  }
  const log = await Promise.all(
    [twins.direct, twins.behind].map(async redis => (await redis.connect(t)).call('ACL', 'LOG')),
  );
  t.strictSame(log, ['*0\r\n', '*0\r\n']);
  const list = await (await twins.behind.connect(t)).call('CLIENT', 'LIST');
  t.match(list, / name=forelock:pipe .* user=bob /, 'the shared connection has its name');
  t.match(list, / name=me .* user=bob /, 'its own connection has the client’s');
});

t.test('a client whose user is gone is cut off without a word', async t => {
  for (const when of ['at once', 'when its shared connection is gone', 'and has its own']) {
    const twins = await Twins.start(t, { redis: USERS });
    const pair = await twins.pair(t, AS_BOB);
    const own = when === 'and has its own';
    await pair.same(t, ...(own ? ['WATCH', 'k'] : ['GET', 'k']));
    await twins.onBoth('ACL', 'DELUSER', 'bob');
    // From then on a connection for bob has to be opened anew, and Redis refuses the login.
    if (when !== 'at once') await sleep(200);
    pair.proxied.send('GET', 'k');
    await pair.sameEnd(t, `the user is deleted, ${when}`);
  }
});
