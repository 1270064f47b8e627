import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readlink, realpath } from 'node:fs/promises';
import t from 'tap';
import { bench, benchFile } from '../harness/bench.js';
import { eventually } from '../harness/lifetime.js';

/**
 * Every figure of the README comes from a benchmark; each must at least run. No time is judged
 * here: these runs are far too short to measure anything.
 */

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

t.test('micro times the hot functions', async t => {
  const output = await bench('main', 'micro', '--rounds', '1', '--seconds', '0.01');
  t.match(output, /^frame a request: SET NX PX +[\d,]+ +\d+\.\d\d$/m);
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
  const child = execFile(process.execPath, [benchFile('main'), 'acquire', '--only', 'direct'], {
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
