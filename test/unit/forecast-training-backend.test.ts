/** What TensorFlow.js computes with where it runs. */
import t from 'tap';
import { chooseBackend } from '../../src/forecast/training/backend.js';
import { BACKENDS } from '../../src/forecast/training/backend-names.js';
import { train } from '../../src/forecast/training/train.js';
import { trainingDefaults } from '../../src/forecast/training/training-options.js';
import { alternating } from '../harness/training-sets.js';

t.test('the fastest that works is taken, and it is said why no faster one', async t => {
  const { name, rejected } = await chooseBackend();
  t.same(
    rejected.map(each => each.name),
    BACKENDS.slice(0, BACKENDS.indexOf(name)),
  );
  for (const { reason } of rejected) t.match(reason, /\w/);
});

t.test('where none works, all reasons are said', async t => {
  await t.rejects(chooseBackend([]), /no backend/);
});

for (const wanted of BACKENDS) {
  t.test(`${wanted} learns`, async t => {
    const native = await chooseBackend([wanted]).catch((error: unknown) => String(error));
    if (typeof native === 'string') {
      t.equal(wanted, 'node', native);
      t.pass('learns', { skip: `the native library of TensorFlow.js is not there: ${native}` });
      return;
    }
    const result = train(alternating(1000), { ...trainingDefaults, rowsReadMax: 24_000 });
    if (result.outcome === 'refused') throw new Error(result.reason);
    const { challenger, noNetwork } = result.verdict;
    t.ok(challenger < Number(noNetwork) - 0.5, JSON.stringify(result.verdict));
  });
}
