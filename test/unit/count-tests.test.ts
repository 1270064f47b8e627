import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import t from 'tap';
import { projectFolder } from '../harness/project.js';

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly failures: readonly string[];
}

const script = pathToFileURL(join(projectFolder, 'scripts', 'count-tests.mjs'));
const { countTests } = (await import(script.href)) as { countTests(tap: string): Counts };

const DIAGNOSIS = `
      ---
      diff: |
        --- expected
    ok 9 - quoted
      ...`;

const cases: readonly (readonly [string, string, Partial<Counts>])[] = [
  [
    'tests count, assertions in them do not',
    '# Subtest: a.js\n    # Subtest: one\n        ok 1 - x\n        ok 2 - y\n    ok 1 - one # time=1ms\n    ok 2 - two\n    1..2\nok 1 - a.js # time=2ms\n1..1',
    { passed: 2, failed: 0, skipped: 0 },
  ],
  [
    'a failed test is named, its file is no second failure',
    `    ok 1 - one\n    not ok 2 - two # time=1ms${DIAGNOSIS}\nnot ok 1 - a.js`,
    { passed: 1, failed: 1, failures: ['two'] },
  ],
  [
    'a file that crashed is one failure',
    '    ok 1 - one\nnot ok 1 - a.js # time=2ms\n    ok 1 - one\nok 2 - b.js',
    { passed: 2, failed: 1, failures: ['a.js'] },
  ],
  [
    'a file without tests is a failure',
    'ok 1 - a.js # SKIP no tests found',
    { passed: 0, failed: 1, failures: ['a.js (it has no test)'] },
  ],
  [
    'skipped tests and those still to come are neither',
    '    ok 1 - one # SKIP why\n    ok 2 - two # todo\n    ok 3 - three\nok 1 - a.js',
    { passed: 1, failed: 0, skipped: 2 },
  ],
  ['nothing at all is nothing', '', { passed: 0, failed: 0 }],
];

for (const [name, tap, counts] of cases) {
  t.test(name, async t => {
    t.match(countTests(tap), counts);
  });
}
