import t from 'tap';
import type { Intent } from '../../src/intent/intent.js';
import { intentOf } from '../../src/intent/recognise.js';
import { ScriptKnowledge } from '../../src/intent/scripts.js';
import { Controlled } from '../harness/controlled.js';
import { eventually, sleep } from '../harness/lifetime.js';
import { RedisServer } from '../harness/redis-server.js';

const scripts = new ScriptKnowledge();
const RELEASE =
  'if redis.call("get",KEYS[1]) == ARGV[1] then return redis.call("del",KEYS[1]) else return 0 end';

function intent(...words: string[]): Intent {
  const found = intentOf(words, scripts);
  if (found === null) throw new Error(`no intent: ${words.join(' ')}`);
  return found;
}

const acquire = (key: string) => intent('SET', key, 'v', 'NX', 'PX', '1000');
const release = (key: string) => intent('EVAL', RELEASE, '1', key, 'v');

async function setting(t: Tap, ...users: string[]) {
  const server = await RedisServer.start(t, { users });
  const controlled = await Controlled.start(t, server.port);
  const { permissions } = controlled.control;
  const ask = (user: string, about: Intent) =>
    new Promise<boolean>(resolve => permissions.ask(user, about, resolve));
  return { server, controlled, permissions, ask };
}

t.test('a user may do here what Redis would let the same commands do', async t => {
  const { ask, permissions } = await setting(
    t,
    'all on nopass ~* +@all',
    'some on nopass ~lock:* +@all',
    'nodel on nopass ~* +@all -del',
    'noeval on nopass ~* +@all -eval',
    'reader on nopass %R~* +@all',
    'setter on nopass ~* +set',
  );
  const may: [string, Intent, boolean][] = [
    ['all', acquire('lock:1'), true],
    ['all', release('lock:1'), true],
    ['some', acquire('lock:1'), true],
    ['some', acquire('other'), false],
    ['some', release('other'), false],
    ['nodel', acquire('lock:1'), true],
    ['nodel', release('lock:1'), false],
    ['noeval', release('lock:1'), false],
    ['noeval', intent('EVALSHA', scripts.learn(RELEASE).sha, '1', 'lock:1', 'v'), true],
    ['reader', acquire('lock:1'), false],
    ['setter', acquire('lock:1'), true],
    ['setter', release('lock:1'), false],
    ['nobody', acquire('lock:1'), false],
  ];
  for (const [user, about, allowed] of may) {
    const what = `${user}: ${about.kind} ${about.key}`;
    t.equal(permissions.check(user, about), null, `${what} must be asked first`);
    t.equal(await ask(user, about), allowed, what);
    t.equal(permissions.check(user, about), allowed ? 'allowed' : 'denied', what);
  }
});

t.test('permissions of one key, user or form say nothing of another', async t => {
  const { ask, permissions } = await setting(t, 'some on nopass ~lock:* +@all');
  await ask('some', acquire('lock:1'));
  t.equal(permissions.check('some', acquire('lock:1')), 'allowed');
  t.equal(permissions.check('some', acquire('lock:2')), null);
  t.equal(permissions.check('other', acquire('lock:1')), null);
  t.equal(permissions.check('some', release('lock:1')), null);
  t.equal(permissions.check('some', intent('SET', 'PX lock:1', 'v', 'NX')), null);
});

t.test('where all rights of a user hold for all keys, one answer does', async t => {
  const { ask, permissions } = await setting(
    t,
    'all on nopass ~* +@all -del',
    'chosen on nopass ~* +get (~a:* +@all)',
  );
  await ask('all', acquire('a:1'));
  t.equal(permissions.check('all', acquire('b:1')), 'allowed');
  t.equal(permissions.check('all', release('a:1')), null, 'but for one form only');
  await ask('all', release('a:1'));
  t.equal(permissions.check('all', release('b:1')), 'denied');
  // Here the right to SET is a selector's, and holds for its keys alone.
  await ask('chosen', acquire('a:1'));
  t.equal(permissions.check('chosen', acquire('a:1')), 'allowed');
  t.equal(permissions.check('chosen', acquire('b:1')), null);
});

t.test('an answer holds for its time, and a changed ACL is seen after it', async t => {
  const { server, permissions, ask } = await setting(t, 'some on nopass ~* +@all');
  const redis = await server.connect(t);
  const short = await Controlled.start(t, server.port, { permissionCacheMs: 200 });
  const { permissions: shortLived } = short.control;
  await new Promise<void>(resolve => shortLived.ask('some', acquire('l'), () => resolve()));
  await ask('some', acquire('l'));
  await redis.call('ACL', 'SETUSER', 'some', '-set');
  t.equal(shortLived.check('some', acquire('l')), 'allowed');
  await sleep(250);
  t.equal(shortLived.check('some', acquire('l')), null, 'its time is over');
  t.equal(permissions.check('some', acquire('l')), 'allowed', 'this one lasts longer');
});

t.test('an answer in use is asked for ahead, and so never runs out', async t => {
  const { server } = await setting(t, 'some on nopass ~* +@all');
  const redis = await server.connect(t);
  const { control } = await Controlled.start(t, server.port, { permissionCacheMs: 300 });
  const { permissions } = control;
  await new Promise<void>(resolve => permissions.ask('some', acquire('l'), () => resolve()));
  const endMs = performance.now() + 1000;
  const seen = new Set<string | null>();
  while (performance.now() < endMs) {
    seen.add(permissions.check('some', acquire('l')));
    await sleep(20);
  }
  t.same([...seen], ['allowed']);
  await redis.call('ACL', 'SETUSER', 'some', '-set');
  await eventually('denied', () => permissions.check('some', acquire('l')) === 'denied');
});

t.test('with no cache at all each answer still serves the one who asked', async t => {
  const { server } = await setting(t);
  const { control } = await Controlled.start(t, server.port, { permissionCacheMs: 0 });
  const { permissions } = control;
  for (const round of [1, 2, 3]) {
    await sleep(5);
    t.equal(permissions.check('default', acquire('l')), null, `${round}`);
    await new Promise<void>(resolve => permissions.ask('default', acquire('l'), () => resolve()));
    await sleep(5);
    t.equal(permissions.check('default', acquire('l')), 'allowed', `${round}`);
  }
});

t.test('how long an answer serves the one who asked is set', async t => {
  const { server } = await setting(t);
  const { control } = await Controlled.start(t, server.port, {
    permissionCacheMs: 0,
    permissionFirstUseMs: 50,
  });
  const { permissions } = control;
  const ask = (): Promise<void> =>
    new Promise(resolve => permissions.ask('default', acquire('l'), () => resolve()));
  await ask();
  await sleep(5);
  t.equal(permissions.check('default', acquire('l')), 'allowed');
  await ask();
  await sleep(100);
  t.equal(permissions.check('default', acquire('l')), null);
});

t.test('questions at the same time are one question', async t => {
  const { server, ask } = await setting(t);
  const redis = await server.connect(t);
  await redis.call('CONFIG', 'RESETSTAT');
  const answers = await Promise.all(Array.from({ length: 50 }, () => ask('default', acquire('l'))));
  t.same(new Set(answers), new Set([true]));
  const stats = await redis.call('INFO', 'commandstats');
  t.match(stats, /cmdstat_acl\|dryrun:calls=1,/);
});

t.test('where Redis can not be asked, nobody is allowed anything here', async t => {
  const { server, permissions, ask, controlled } = await setting(t);
  const redis = await server.connect(t);
  await redis.call('ACL', 'SETUSER', 'default', '-acl|dryrun');
  t.equal(await ask('default', acquire('l')), false);
  t.equal(permissions.check('default', acquire('l')), 'denied');
  t.match(permissions.unavailable, /NOPERM/);
  t.match(controlled.control.delegationBar(), /ACL DRYRUN/);
  await server.kill();
  await eventually('lost', () => controlled.events.includes('lost'));
  t.equal(await ask('default', acquire('l2')), false);
});

t.test('an answer serves the one who asked, whatever was answered before', async t => {
  const server = await RedisServer.start(t, { users: ['some on nopass ~* +@all'] });
  const redis = await server.connect(t);
  const { control, events } = await Controlled.start(t, server.port, { permissionCacheMs: 50 });
  const { permissions } = control;
  /** Asked once its time is over, as a session does that then looks again. */
  const afterwards = async (key: string): Promise<string | null> => {
    permissions.check('some', acquire(key));
    await sleep(100);
    t.equal(permissions.check('some', acquire(key)), null, 'its time is over');
    await new Promise<void>(resolve => permissions.ask('some', acquire(key), () => resolve()));
    return permissions.check('some', acquire(key));
  };
  t.equal(await afterwards('lock:1'), 'allowed', 'for every key');
  await redis.call('ACL', 'SETUSER', 'some', 'resetkeys', '~lock:*');
  t.equal(await afterwards('lock:1'), 'allowed', 'for this key');
  t.equal(await afterwards('other'), 'denied');
  await redis.call('ACL', 'SETUSER', 'some', '~*');
  t.equal(await afterwards('other'), 'allowed', 'for every key again');
  await server.stop();
  await eventually('lost', () => events.includes('lost'));
  t.equal(await afterwards('other'), 'denied', 'while there is nobody to ask');
});

t.test('another Redis is asked anew', async t => {
  const { server, permissions, ask, controlled } = await setting(t);
  await ask('default', acquire('l'));
  t.equal(permissions.check('default', acquire('l')), 'allowed');
  controlled.events.length = 0;
  await server.restart();
  await eventually('back', () => controlled.events.includes('back'));
  t.equal(permissions.check('default', acquire('l')), null);
});

type Tap = Parameters<typeof RedisServer.start>[0];
