import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readlink, realpath } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import { eventually } from '../harness/lifetime.js';

/**
 * Every figure of the README comes from a benchmark; each must at least run. No time is judged
 * here: these runs are far too short to measure anything.
 */

const execute = promisify(execFile);

async function bench(script: 'main' | 'demo', ...args: readonly string[]): Promise<string> {
  const { stdout } = await execute(process.execPath, [scriptFile(script), ...args]);
  return stdout;
}

function scriptFile(script: 'main' | 'demo'): string {
  return fileURLToPath(new URL(`../../bench/${script}.js`, import.meta.url));
}

t.test('passthrough compares Forelock with direct Redis', async t => {
  const output = await bench(
    'main',
    ...['passthrough', '--rounds', '1', '--requests', '5000', '--seconds', '0.1'],
    ...['--only', 'direct,forelock'],
  );
  t.match(output, /^SET forelock +[\d,]+ /m, 'has a rate of SET');
  t.match(output, /^GET forelock +[\d,]+ /m, 'has a rate of GET');
  t.match(output, /^p16 GET: Forelock to direct +>= 0\.75 +\d+\.\d\d +(met|NOT MET)$/m);
  t.match(output, /^c1 SET: Forelock to haproxy +>= 1\.00 +- +not measured$/m);
  t.match(output, /^libraries: connections of Forelock to Redis +<= 10\.00 +[1-9]\d*\.00 /m);
});

t.test('idle tells what a connection costs', async t => {
  const output = await bench('main', 'idle', '--connections', '20', '--settle-ms', '10');
  t.match(output, /^20 connected, silent +\d+\.\d +-?\d+\.\d$/m);
  t.match(output, /^kB per idle connection, silent +<= 20\.00 .*met$/im);
});

t.test('acquire compares direct, Forelock and the echo server', async t => {
  const output = await bench(
    'main',
    ...['acquire', '--rounds', '1', '--seconds', '0.5', '--warm-up-seconds', '0.5'],
  );
  t.match(output, /^direct +\d+ +\d+\.\d{3} +\d+\.\d{3} +1\.00 +1\.00 /m, 'measures direct');
  t.match(output, /^direct +4\.\d\d +4\.\d\d +- +- +0 +0$/m, 'direct takes 4 commands a cycle');
  t.match(output, /^Forelock +\d+\.\d\d +\d+\.\d\d +\d+\.\d % +\d+\.\d % +0 +0$/m);
  t.match(output, /^Forelock: p50 to echo +<= 2\.00 +\d+\.\d\d +(met|NOT MET)$/m);
});

t.test('group compares a Redlock over masters with and without Forelock', async t => {
  const output = await bench(
    'main',
    ...['group', '--rounds', '1', '--seconds', '0.5', '--masters', '3', '--clients', '1'],
    ...['--versions', '4'],
  );
  t.match(output, /^direct +\d+ +\d+\.\d +\d+\.\d +\d+\.\d % +\d+ +\d+$/m);
  t.match(output, /^Forelock --group +\d+ +\d+\.\d +\d+\.\d +\d+\.\d % +\d+ +\d+$/m);
  t.match(
    output,
    /^split votes among the clients of one group +<= 0\.00 +\d+\.00 +(met|NOT MET)$/m,
  );
});

t.test('handoff compares waiting with and without Forelock, and with a mutex', async t => {
  const output = await bench(
    'main',
    ...['handoff', '--rounds', '1', '--seconds', '0.5', '--learning-seconds', '0.5'],
    ...['--clients', '3'],
  );
  for (const contender of ['direct', 'Forelock', 'mutex .*']) {
    const row = new RegExp(
      `^${contender} +\\d+ +\\d+\\.\\d +[\\d.,]+ +[\\d.,]+ +\\d\\.\\d{3} +0$`,
      'm',
    );
    t.match(output, row);
  }
  t.match(output, /^p99 wait to direct +<= 0\.05 +\d+\.\d\d +(met|NOT MET)$/m);
});

t.test('recall compares a lock that is held ready elsewhere with a free one', async t => {
  const output = await bench('main', 'recall', '--samples', '20');
  t.match(output, /^held ready by another Forelock +\d+\.\d\d +[\d.,]+ +[\d.,]+$/m);
  t.match(output, /^refused, though nobody held it +<= 0\.00 +\d+\.\d\d +(met|NOT MET)$/m);
});

t.test('mixed compares the forecast with none, and with keeping everything', async t => {
  const output = await bench(
    'main',
    ...['mixed', '--seconds', '2', '--warm-up-seconds', '1', '--per-second', '60'],
  );
  t.match(output, /^workflow, later steps: forecast +\d+ +\d+\.\d % +\d+\.\d{3} +\d+\.\d{3}$/m);
  t.match(output, /^direct +0\.0 % +- +0\.000 +0\.000 +0\.000 +\d\.\d\d +\d+$/m);
  t.match(output, /^no forecast +0\.0 % +- +0\.000 .* +\d+$/m, 'nothing is reserved');
  t.match(output, /^always retain +\d+\.\d % +\d+\.\d % +-?\d+\.\d{3} .* +\d+$/m);
  t.match(output, /^p50 to no forecast +<= 1\.00 +\d+\.\d\d +(met|NOT MET)$/m);
});

t.test('storm counts what polling costs Redis', async t => {
  const output = await bench(
    'main',
    ...['storm', '--rounds', '1', '--seconds', '0.5', '--clients', '20'],
  );
  t.match(output, /^direct +[\d,]+ +[\d,]+\.\d +100\.0 % +0$/m);
  t.match(output, /^Forelock, held through it +[\d,]+ +[\d,]+\.\d +\d+\.\d % +0$/m);
  t.match(output, /^held straight on Redis: % of the commands +<= 2\.00 .*met$/im);
});

t.test(
  'compare has the libraries as they are, through Forelock, and etcd if it is there',
  async t => {
    const output = await bench(
      'main',
      ...['compare', '--rounds', '1', '--seconds', '0.3', '--learning-seconds', '0.1'],
      ...['--clients', '2', '--only', 'redlock,redlock-forelock,etcd'],
    );
    t.match(output, /^redlock +\d+ .* 0$/m);
    t.match(output, /^redlock through Forelock +\d+ .* 0$/m);
    t.match(output, /^(etcd's lock +\d+ .* 0|etcd is not installed .*)$/m);
  },
);

t.test('micro times the hot functions', async t => {
  const output = await bench('main', 'micro', '--rounds', '1', '--seconds', '0.01');
  t.match(output, /^frame a request: SET NX PX +[\d,]+ +\d+\.\d\d$/m);
});

t.test('demo compares both libraries before and after, and no update is lost', async t => {
  const output = await bench('demo', '--seconds', '0.5', '--warm-up-seconds', '0.5');
  t.match(output, /^granted from memory +- +\d+\.\d %$/m);
  t.match(output, /^updates lost \(two holders at once\) +0 +0$/m);
  for (const library of ['redlock', 'redis-semaphore']) {
    for (const client of ['ioredis', 'node-redis']) {
      t.match(output, new RegExp(`^${library} over ${client} +[\\d.]+ -> [\\d.]+ `, 'm'));
    }
  }
});

t.test('a wrong option is explained, with exit code 2', async t => {
  await t.rejects(bench('main', 'acquire', '--rounds', 'many'), {
    code: 2,
    stderr: /^--rounds many: must be a number/,
  });
  await t.rejects(bench('main', 'passthrough', '--only', 'nginx'), {
    code: 2,
    stderr: /^--only nginx: must be one of direct, forelock, pipe, haproxy, twemproxy/,
  });
  await t.rejects(bench('main', 'nonsense'), { code: 2, stderr: /^no benchmark nonsense/ });
});

t.test('a benchmark that is interrupted leaves no folder and no process', async t => {
  const folder = await realpath(t.testdir());
  const child = execFile(process.execPath, [scriptFile('main'), 'acquire', '--only', 'direct'], {
    env: { ...process.env, TMPDIR: folder },
  });
  await eventually('redis-server at work', async () => (await processesIn(folder)).length > 0);
  const ended = once(child, 'exit');
  child.kill('SIGINT');
  t.same(await ended, [130, null]);
  t.same(await readdir(folder), []);
  await eventually('its end', async () => (await processesIn(folder)).length === 0);
});

/** Processes whose working directory is, or was, in the folder. */
async function processesIn(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of await readdir('/proc')) {
    // Others' processes end while this looks at them.
    const directory = await readlink(`/proc/${pid}/cwd`).catch(() => '');
    if (directory.startsWith(`${folder}/`)) found.push(pid);
  }
  return found;
}
