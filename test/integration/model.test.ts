import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { projectFolder } from '../harness/project.js';

/** What scripts/model.mjs ends with where spin and gcc can't be had. */
const UNAVAILABLE = 69;
/** A minute on two cores that have nothing else to do; the runner’s own limit is for tests that wait. */
const TIMEOUT_MS = 480_000;
t.setTimeout(TIMEOUT_MS + 10_000);

t.test('the model holds in every state, and each sabotage of it is refuted', async t => {
  const script = join(projectFolder, 'scripts', 'model.mjs');
  const model = spawn(process.execPath, [script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: TIMEOUT_MS,
  });
  const [output, [code]] = await Promise.all([text(model.stdout), once(model, 'close')]);
  if (code === UNAVAILABLE) {
    t.pass('checked', { skip: 'spin and gcc are missing, and can not be installed here' });
    return;
  }
  t.equal(code, 0, output);
  const refuted = output.match(/^ {2}✓ refuted: /gm) ?? [];
  const proved = output.match(/^ {2}✓ (?!refuted: ).*: \d+ states, /gm) ?? [];
  t.equal(refuted.length, 24, 'sabotages refuted');
  t.equal(proved.length, 9, 'configurations proved');
  t.notMatch(output, /never taken/, 'each step is taken in some proof');
  t.match(output, /\n33 as they should be, 0 not\n$/);
});

/** Pairs of a name and the file of src/locks/ that has it, as the comments of the model say it. */
const CITED = /(\w+)(?:\(\))? in (?:src\/locks\/)?([a-z-]+\.ts)/g;

t.test('the code behind each step of the model is there', async t => {
  const text = ['forelock.pml', 'states.pml']
    .map(name => readFileSync(join(projectFolder, 'docs', 'model', name), 'utf8'))
    .join('\n')
    .replace(/\n *\* /g, ' ');
  const cited = [...text.matchAll(CITED)];
  t.ok(cited.length >= 14, `${cited.length} citations`);
  for (const [, name, file = ''] of cited) {
    const source = readFileSync(join(projectFolder, 'src', 'locks', file), 'utf8');
    t.match(source, new RegExp(`\\b${name}\\b`), `${name} in ${file}`);
  }
  const scripts = [...text.matchAll(/lua\/(\w+)\.lua/g)];
  t.ok(scripts.length >= 8, `${scripts.length} scripts`);
  for (const [, script] of scripts) {
    t.ok(existsSync(join(projectFolder, 'lua', `${script}.lua`)), `lua/${script}.lua`);
  }
});
