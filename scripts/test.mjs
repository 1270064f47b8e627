/**
 * npm test: installs what is missing, builds, lints, type-checks and runs all tests. Its last line
 * is `N passed, N failed`: each test counts, and so do lint and the two compilations.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { countTests } from './count-tests.mjs';
import {
  bin,
  build,
  buildTests,
  installPackages,
  installRedis,
  isOnPath,
  lint,
  prepareTap,
  root,
  StepFailed,
  say,
} from './steps.mjs';

let passed = 0;
let failed = 0;

/** Whether it succeeded; either way it counts. */
function check(step) {
  try {
    step();
    passed++;
    return true;
  } catch (failure) {
    failed++;
    console.log(failure instanceof StepFailed ? failure.message : failure);
    return false;
  }
}

function prepare() {
  installPackages();
  installRedis();
  if (!isOnPath('redis-server')) {
    throw new StepFailed('the tests need a redis-server on the PATH: apt-get install redis-server');
  }
  prepareTap();
}

/** Arguments are passed on to tap: names of compiled test files, say. */
function runTap(results) {
  say('running the tests (tap)');
  const args = ['run', `--output-file=${results}`, ...process.argv.slice(2)];
  const tap = spawn(bin('tap'), args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  return new Promise(resolve => {
    tap.on('error', () => resolve(1));
    tap.on('close', code => resolve(code ?? 1));
  });
}

async function tests() {
  const folder = mkdtempSync(join(tmpdir(), 'forelock-tap-'));
  const results = join(folder, 'results.tap');
  try {
    const code = await runTap(results);
    const counted = countTests(readFileSync(results, 'utf8'));
    passed += counted.passed;
    failed += counted.failed;
    if (counted.skipped > 0) console.log(`${counted.skipped} skipped`);
    for (const name of counted.failures) console.log(`failed: ${name}`);
    // tap knows of a failure that is no test's: a run cut short, say.
    if (code !== 0 && counted.failed === 0) failed++;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

try {
  prepare();
  check(build);
  check(lint);
  if (check(buildTests)) await tests();
} catch (failure) {
  failed++;
  console.log(failure instanceof StepFailed ? failure.message : failure);
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
