import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import t from 'tap';
import { projectFolder } from '../harness/project.js';

interface TapReader {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly failures: readonly string[];
  line(text: string): void;
}

const script = pathToFileURL(join(projectFolder, 'scripts', 'read-tap.mjs'));
const { TapReader } = (await import(script.href)) as {
  TapReader: new (tell: (text: string) => void) => TapReader;
};

function read(tap: string): { readonly counts: TapReader; readonly told: string } {
  const told: string[] = [];
  const counts = new TapReader(text => told.push(text));
  for (const line of tap.split('\n')) counts.line(line);
  return { counts, told: told.join('\n') };
}

const DIAGNOSIS = `
      ---
      diff: |
        --- expected
    ok 9 - quoted
      ...`;

t.test('tests count, assertions in them do not', async t => {
  const { counts, told } = read(`# Subtest: a.js
    # Subtest: one
        ok 1 - x
        ok 2 - y
    ok 1 - one # time=1ms
    ok 2 - two
    1..2
ok 1 - a.js # time=2ms`);
  t.match(counts, { passed: 2, failed: 0, skipped: 0 });
  t.equal(told, '  ✓ a.js 2/2');
});

t.test('a failed test is named and shown; its file is no second failure', async t => {
  const { counts, told } = read(
    `    ok 1 - one\n    not ok 2 - two # time=1ms${DIAGNOSIS}\nnot ok 1 - a.js\n  ---\n  x: y\n  ...`,
  );
  t.match(counts, { passed: 1, failed: 1, failures: ['a.js: two'] });
  t.equal(told, `  ✗ a.js 1/2\n    not ok 2 - two # time=1ms${DIAGNOSIS}`);
});

t.test('what is shown of a test that passed is nothing', async t => {
  const { told } = read(`    ok 1 - one${DIAGNOSIS}\n    not ok 2 - two\nnot ok 1 - a.js`);
  t.equal(told, '  ✗ a.js 1/2\n    not ok 2 - two');
});

t.test('a file that crashed is one failure', async t => {
  const { counts } = read(
    '    ok 1 - one\nnot ok 1 - a.js # time=2ms\n    ok 1 - one\nok 2 - b.js',
  );
  t.match(counts, { passed: 2, failed: 1, failures: ['a.js: it ended before its time'] });
});

t.test('a file without tests is a failure', async t => {
  const { counts } = read('ok 1 - a.js # SKIP no tests found');
  t.match(counts, { passed: 0, failed: 1, failures: ['a.js: it has no test'] });
});

t.test('skipped tests, and those still to come, are neither', async t => {
  const { counts } = read(
    '    ok 1 - one # SKIP why\n    not ok 2 - two # todo\n    ok 3 - three\nok 1 - a.js',
  );
  t.match(counts, { passed: 1, failed: 0, skipped: 2 });
});

t.test('an assertion that failed inside a test is shown with it', async t => {
  const { counts, told } = read(
    `    # Subtest: one\n        not ok 1 - x\n          ---\n          at: y\n          ...\n    not ok 1 - one${DIAGNOSIS}\nnot ok 1 - a.js`,
  );
  t.match(counts, { passed: 0, failed: 1 });
  t.equal(
    told,
    '  ✗ a.js 0/1\n        not ok 1 - x\n          ---\n          at: y\n          ...\n    not ok 1 - one',
    'the diagnosis of the test itself would only repeat its source',
  );
});
