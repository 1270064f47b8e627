import t from 'tap';
import { bench } from '../harness/bench.js';

/**
 * Every figure of the README comes from a benchmark; each must at least run. No time is judged
 * here: these runs are far too short to measure anything.
 */

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
