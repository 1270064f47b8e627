/** What a reviewer would otherwise have to look after: the order of this house. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import t from 'tap';
import { projectFolder } from '../harness/project.js';

/** Files of the project: known to git, or new and not ignored. */
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: projectFolder,
  encoding: 'utf8',
})
  .split('\n')
  .filter(path => path !== '' && existsSync(join(projectFolder, path)));

const content = (path: string): string => readFileSync(join(projectFolder, path), 'utf8');
const ending = (...ends: readonly string[]): readonly string[] =>
  files.filter(path => ends.some(end => path.endsWith(end)));

const sources = files.filter(path => /^src\/.*\.ts$/.test(path));
const texts = ending('.ts', '.mjs', '.lua', '.md', '.yaml', '.json', 'Dockerfile', 'run').filter(
  path => path !== 'package-lock.json',
);

const LINES_MAX = 400;

t.test(`no source file has more than ${LINES_MAX} lines`, async t => {
  for (const path of sources) {
    const lines = content(path).split('\n').length - 1;
    t.ok(lines <= LINES_MAX, `${path}: ${lines}`);
  }
});

t.test('nothing is left for later, and nothing is hushed', async t => {
  // Written apart, so that this file does not hold them itself.
  const words = [
    ['TO', 'DO'],
    ['FIX', 'ME'],
    ['X', 'XX'],
    ['as', ' any'],
    [': ', 'any'],
    ['@ts', '-ignore'],
    ['@ts', '-expect-error'],
    ['@ts', '-nocheck'],
    ['biome', '-ignore'],
    ['eslint', '-disable'],
    ['for', ' now,'],
  ].map(parts => parts.join(''));
  for (const path of ending('.ts', '.mjs', '.lua')) {
    const text = content(path);
    for (const word of words) {
      const found = new RegExp(`(?<!\\w)${word}(?!\\w)`).test(text);
      if (found) t.fail(`${path} has "${word}"`);
    }
  }
  t.pass(`${words.length} words looked for`);
});

/** From the top down; folders of one row know nothing of each other, but for what is named below. */
const LAYERS: readonly (readonly string[])[] = [
  ['main'],
  ['session', 'fleet', 'observe'],
  ['intent', 'locks'],
  ['pool', 'forecast', 'upstream'],
  ['resp', 'package'],
];
/** A lock request carries its intent; what keeps locks ready asks the forecast. */
const BESIDE: ReadonlySet<string> = new Set(['locks intent', 'pool forecast']);

/**
 * Files of types alone: what the parts below carry out for the parts above is written there, so they
 * may name it. Nothing is loaded by that.
 */
const CONTRACTS: ReadonlySet<string> = new Set(['src/locks/contract.ts', 'src/intent/intent.ts']);

function folderOf(path: string): string {
  if (path === 'src/package.ts') return 'package';
  const folder = /^src\/([^/]+)\/./.exec(path)?.[1];
  // Settings belong to the entry: the parts below declare the few options that they take.
  return folder === undefined || folder === 'config' ? 'main' : folder;
}

/** What stands behind `from` in its imports and exports, and in `import('…')`. */
function importsOf(path: string): readonly string[] {
  const forms = /^(?:import|export)\s[^;']*?\sfrom\s+'([^']+)'|\bimport\('([^']+)'\)/gm;
  return [...content(path).matchAll(forms)].map(([, listed, called]) => listed ?? called ?? '');
}

t.test('imports lead downwards only', async t => {
  const level = (folder: string): number => LAYERS.findIndex(row => row.includes(folder));
  for (const path of sources) {
    const from = folderOf(path);
    t.not(level(from), -1, `${from} has its place in the order`);
    for (const name of importsOf(path).filter(each => each.startsWith('.'))) {
      const target = normalize(join(dirname(path), name)).replace(/\.js$/, '.ts');
      const to = folderOf(target);
      if (to === from || CONTRACTS.has(target) || BESIDE.has(`${from} ${to}`)) continue;
      t.ok(level(to) > level(from), `${path} imports ${target}`);
    }
  }
});

t.test('contracts are types alone', async t => {
  for (const path of CONTRACTS) {
    for (const line of content(path).split('\n')) {
      if (/^export (?!type |interface )/.test(line)) t.fail(`${path}: ${line}`);
      if (/^import (?!type )/.test(line)) t.fail(`${path}: ${line}`);
    }
    t.match(content(path), /^export (type|interface) /m);
  }
});

t.test('locks and pool have no socket, clock, file or Redis client of their own', async t => {
  const forbidden =
    /\b(Date\.now|new Date|performance\.|process\.|Math\.random|set(Timeout|Interval|Immediate)\b|queueMicrotask|Buffer\.alloc|fetch\()/;
  const inner = sources.filter(path => /^src\/(locks|pool)\//.test(path));
  t.ok(inner.length > 0);
  for (const path of inner) {
    for (const name of importsOf(path)) t.match(name, /^\./, `${path} imports ${name}`);
    t.notMatch(withoutComments(content(path)), forbidden, path);
  }
});

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
}

t.test(
  'every package that the sources import is a dependency, and the other way round',
  async t => {
    const facts = JSON.parse(content('package.json')) as { dependencies: Record<string, string> };
    const imported = new Set(
      sources
        .flatMap(importsOf)
        .filter(name => !name.startsWith('.') && !name.startsWith('node:'))
        .map(name => /^(?:@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? name),
    );
    t.same([...imported].sort(), Object.keys(facts.dependencies).sort());
  },
);

t.test(
  'each script of Redis has its header: what, keys, arguments, answers, invariant',
  async t => {
    const scripts = ending('.lua');
    t.ok(scripts.length > 0);
    for (const path of scripts) {
      const header = /^(?:--.*\n)+/.exec(content(path))?.[0] ?? '';
      const name = /([^/]+)\.lua$/.exec(path)?.[1] ?? '';
      for (const part of [
        new RegExp(`^-- ${name}\\b`),
        /KEYS/,
        /ARGV/,
        /Gives/,
        /invariants? \d/,
      ]) {
        t.match(header, part, `${path}: ${part}`);
      }
    }
  },
);

t.test('every page and file that a text names exists', async t => {
  for (const path of texts) {
    for (const [, page] of content(path).matchAll(/\b((?:docs\/)?[\w-]+\.md)\b/g)) {
      const places = [String(page), join('docs', String(page)), join(dirname(path), String(page))];
      const found = places.some(place => existsSync(join(projectFolder, place)));
      if (!found) t.fail(`${path} names ${page}`);
    }
  }
  for (const path of ending('.md')) {
    for (const [, link] of content(path).matchAll(/\]\((?!https?:|#)([^)#\s]+)[^)]*\)/g)) {
      const target = join(projectFolder, dirname(path), String(link));
      t.ok(existsSync(target), `${path} links to ${link}`);
    }
  }
});

t.test('code cites only invariants that docs/protocol.md has', async t => {
  const known = new Set(
    [...content('docs/protocol.md').matchAll(/^(\d+)\. \*\*/gm)].map(([, number]) => number),
  );
  t.equal(known.size, 12);
  for (const path of texts) {
    for (const [, number] of content(path).matchAll(/\binvariant (\d+)/g)) {
      if (!known.has(number)) t.fail(`${path} cites invariant ${number}`);
    }
  }
});

t.test('no file knows where it was written', async t => {
  for (const path of texts) {
    if (content(path).includes(projectFolder)) t.fail(`${path} has ${projectFolder}`);
  }
  t.pass(`${texts.length} files looked through`);
});
