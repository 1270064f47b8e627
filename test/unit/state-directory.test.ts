import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import t from 'tap';
import { bootId, openStateDirectory, proxyIdOf } from '../../src/fleet/state-directory.js';
import { shortFolder } from '../harness/short-folder.js';

t.test('the name of a proxy stays, and each listener has its own', async t => {
  const path = `${shortFolder(t)}/made/anew`;
  const first = await openStateDirectory(path, 500);
  t.match(first.id, /^[0-9a-f]{16}$/);
  t.strictSame(
    [0, 1, 2].map(listener => proxyIdOf(first, listener)),
    [first.id, `${first.id}-1`, `${first.id}-2`],
  );
  t.equal(statSync(path).mode & 0o077, 0, 'nobody else may look');
  first.leave();
  const second = await openStateDirectory(path, 500);
  t.equal(second.id, first.id);
  second.leave();
  t.notSame(proxyIdOf(null, 0), proxyIdOf(null, 0), 'without a directory, another one each time');
});

t.test('one process has it at a time', async t => {
  const path = shortFolder(t);
  const first = await openStateDirectory(path, 500);
  const second = openStateDirectory(path, 500);
  await t.rejects(second, { message: `another Forelock has it (process ${process.pid})` });
  await t.rejects(openStateDirectory(path, 500), 'and keeps it');
  first.leave();
  const third = await openStateDirectory(path, 500);
  third.leave();
});

t.test('of two at the same moment never both have it', async t => {
  const path = shortFolder(t);
  for (let round = 0; round < 20; round++) {
    const both = await Promise.allSettled([
      openStateDirectory(path, 500),
      openStateDirectory(path, 500),
    ]);
    const had = both.flatMap(each => (each.status === 'fulfilled' ? [each.value] : []));
    if (had.length > 1) t.fail(`round ${round}`);
    for (const directory of had) directory.leave();
  }
  (await openStateDirectory(path, 500)).leave();
  t.strictSame(readdirSync(path), ['proxy-id'], 'nothing is left behind');
});

t.test('stateDirAnswerMs: so long another process may take to say who it is', async t => {
  const path = shortFolder(t);
  const silent = createServer();
  await new Promise<void>(resolve => silent.listen(`${path}/guard-00000000`, resolve));
  t.teardown(() => silent.close());
  const startedAtMs = performance.now();
  await t.rejects(openStateDirectory(path, 20), /does not answer/);
  const tookMs = performance.now() - startedAtMs;
  t.ok(tookMs >= 15 && tookMs < 400, `${tookMs} ms`);
});

t.test('what can not be used is said', async t => {
  const file = shortFolder(t);
  writeFileSync(`${file}/file`, '');
  await t.rejects(openStateDirectory(`${file}/file`, 500), { code: 'EEXIST' });
  if (existsSync('/proc'))
    await t.rejects(openStateDirectory('/proc/none', 500), { code: 'ENOENT' });
  await t.rejects(
    openStateDirectory(`${file}/${'long/'.repeat(20)}`, 500),
    /too long for a socket/,
  );
  const directory = await openStateDirectory(`${file}/state`, 500);
  directory.leave();
  writeFileSync(`${file}/state/proxy-id`, 'a:b\n');
  await t.rejects(
    openStateDirectory(`${file}/state`, 500),
    /proxy-id in it holds no name.*remove it/,
  );
  t.equal(readFileSync(`${file}/state/proxy-id`, 'utf8'), 'a:b\n');
});

t.test('the boot of this machine is told where there is such a thing', async t => {
  const told = existsSync('/proc/sys/kernel/random/boot_id');
  t.match(bootId(), told ? /^[0-9a-f-]{36}$/ : /^$/);
});
