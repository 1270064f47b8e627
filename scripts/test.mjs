/**
 * npm test: installs what is missing, builds, lints, type-checks and runs all tests. Its last line
 * is `N passed, N failed`: each test counts, and so do lint and the two compilations.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { TapReader } from './read-tap.mjs';
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

/** Arguments are passed on to tap: names of compiled test files, say. Resolves with tap's code. */
function runTap(reader) {
  say('running the tests (tap)');
  const args = ['run', '--reporter=tap', ...process.argv.slice(2)];
  const tap = spawn(bin('tap'), args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  createInterface({ input: tap.stdout }).on('line', line => reader.line(line));
  return new Promise(resolve => {
    tap.on('error', () => resolve(1));
    tap.on('close', code => resolve(code ?? 1));
  });
}

async function tests() {
  const reader = new TapReader(text => console.log(text));
  const code = await runTap(reader);
  passed += reader.passed;
  failed += reader.failed;
  if (reader.skipped > 0) console.log(`${reader.skipped} skipped`);
  for (const name of reader.failures) console.log(`failed: ${name}`);
  // tap knows of a failure that is no test's: a run cut short, say.
  if (code !== 0 && reader.failed === 0) failed++;
  // No test at all is no success.
  if (reader.passed === 0) failed++;
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
