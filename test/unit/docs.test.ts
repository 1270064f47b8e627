/** The pages for operators say what the code does. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { settingsMarkdown } from '../../src/config.js';
import { createAdmin } from '../../src/observe/admin.js';
import { createHoldHistogram, createMetrics } from '../../src/observe/metrics.js';
import { observed } from '../harness/observed.js';
import { projectFolder } from '../harness/project.js';

const page = (path: string): string => readFileSync(join(projectFolder, path), 'utf8');
const operations = page('docs/operations.md');

t.test('the table of settings is the one that the code reads (npm run docs writes it)', async t => {
  const written = /<!-- settings: .*? -->\n\n([\s\S]*?)\n\n<!-- settings end -->/.exec(operations);
  t.equal(written?.[1], settingsMarkdown());
});

t.test('every metric is described, and no other', async t => {
  const metrics = createMetrics([observed({})], createHoldHistogram(), () => 0);
  const names = (text: string, pattern: RegExp): readonly string[] =>
    [...new Set([...text.matchAll(pattern)].map(([, name]) => String(name)))].sort();
  t.same(
    names(operations, /`(forelock_\w+)/g),
    names(await metrics.text(), /^# TYPE (forelock_\w+)/gm),
  );
});

t.test('every FORELOCK command is described', async t => {
  const admin = createAdmin(observed({}), { listedDefault: 100, listedMax: 10_000 });
  const context = {
    user: 'default',
    database: 0,
    mayRun: async () => true,
    remembers: () => false,
  };
  const lines = (await admin(['HELP'], context)) as readonly string[];
  const commands = lines.slice(1).filter(line => !line.startsWith(' '));
  t.ok(commands.length >= 6);
  for (const command of commands) t.match(operations, `\`FORELOCK ${command}\``);
});

t.test('the changelog begins with the version of the package', async t => {
  const { version } = JSON.parse(page('package.json')) as { version: string };
  t.equal(/^## (\S+)/m.exec(page('CHANGELOG.md'))?.[1], version);
});

const failures = page('docs/failure-modes.md').split(/^## /m).slice(1);

t.test('of each failure it is told what happens, what is seen, what to do, and a test', async t => {
  const wanted: readonly RegExp[] = [
    /run id/,
    /replication id/,
    /role/,
    /lost connection/,
    /READONLY/,
    /LOADING/,
    /OOM/,
    /BUSY/,
    /NOSCRIPT/,
    /evicted/,
    /FLUSHALL/,
    /clock jumps/,
    /stands still for longer than a lease/,
    /silent without closing/,
  ];
  const titles = failures.map(section => section.split('\n')[0] ?? '').join('\n');
  for (const failure of wanted) t.match(titles, failure);
  for (const section of failures) {
    for (const part of ['What happens', 'Clients', 'Operators', 'Tests']) {
      t.match(section, `- **${part}.** `);
    }
    t.ok(testsOf(section).length > 0);
  }
});

t.test('the tests that it names are there', async t => {
  for (const { path, name } of failures.flatMap(testsOf)) {
    const named = namesIn(page(`test/${path}`)).some(pattern => pattern.test(name));
    t.ok(named, `${path}: ${name}`);
  }
});

/** `integration/x.test.ts`: "one", "another"; … */
function testsOf(section: string): readonly { readonly path: string; readonly name: string }[] {
  const tests = section.slice(section.indexOf('- **Tests.**'));
  return [...tests.matchAll(/`([^`]+\.test\.ts)`:((?:\s*"[^"]+",?)+)/g)].flatMap(
    ([, path = '', names = '']) =>
      [...names.matchAll(/"([^"]+)"/g)].map(([, name = '']) => ({ path, name })),
  );
}

/** The names of a file's tests; what a table fills in may be anything. */
function namesIn(text: string): readonly RegExp[] {
  return [...text.matchAll(/\btest\(\s*(['"`])((?:\\.|(?!\1).)*)\1/gs)].map(([, , name = '']) => {
    const parts = name
      .split(/\$\{[^}]*\}/)
      .map(part => part.replace(/[.*+?^$()|[\]\\{}]/g, '\\$&'));
    return new RegExp(`^${parts.join('.+')}$`);
  });
}
