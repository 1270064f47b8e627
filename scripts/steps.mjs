/**
 * The steps that the scripts of this folder are made of. Each says in one line what it does, and
 * nothing more unless it fails. Plain Node: they run before anything is installed.
 */
import { spawnSync } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** A step that failed; what it printed has been shown. */
export class StepFailed extends Error {}

export function say(text) {
  console.log(`• ${text}`);
}

/** Runs a command in the root folder; its output appears only if it fails. */
function quietly(command, args, env = {}) {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status === 0) return;
  process.stdout.write(`${stdout ?? ''}${stderr ?? ''}`);
  const why = error === undefined ? `ended with ${status}` : error.message;
  throw new StepFailed(`${command} ${args.join(' ')}: ${why}`);
}

/** A program that a package of node_modules brings. */
export function bin(name) {
  return join(root, 'node_modules', '.bin', name);
}

/** Packages that this lock file asks for and node_modules does not hold in that version. */
function packagesMissing() {
  const installedList = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installedList)) return true;
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const installed = JSON.parse(readFileSync(installedList, 'utf8')).packages;
  return Object.entries(wanted).some(
    ([path, { version, optional }]) =>
      path !== '' && !optional && installed[path]?.version !== version,
  );
}

export function installPackages() {
  if (!packagesMissing()) return;
  say('installing the packages of package-lock.json (npm ci)');
  // Named, since an environment with NODE_ENV=production would leave the compiler out.
  quietly('npm', ['ci', '--include=dev', '--no-audit', '--no-fund']);
}

/** tap composes itself of its plugins, once for each choice of them. */
export function prepareTap() {
  const built = join(root, '.tap', 'plugins', 'package.json');
  const choice = join(root, '.taprc');
  if (existsSync(built) && statSync(built).mtimeMs >= statSync(choice).mtimeMs) return;
  say('preparing the test runner (tap build)');
  quietly(bin('tap'), ['build']);
}

export function isOnPath(program) {
  return (process.env.PATH ?? '').split(delimiter).some(folder => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return folder !== '';
    } catch {
      return false;
    }
  });
}

/** Leaves a missing redis-server missing where it can't install it: forelock itself says what to do. */
export function installRedis() {
  if (isOnPath('redis-server')) return;
  if (process.getuid?.() !== 0 || !isOnPath('apt-get')) return;
  say('installing redis-server (apt-get)');
  const install = ['install', '--yes', '--no-install-recommends', 'redis-server'];
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  try {
    quietly('apt-get', ['update'], env);
    quietly('apt-get', install, env);
  } catch (failure) {
    console.log(failure.message);
  }
}

/** dist/main.js, the package's `forelock` command. */
export function build() {
  say('building dist/ (tsc)');
  // A file whose source is gone must not stay: it would still be found by an import.
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  quietly(bin('tsc'), ['-p', 'tsconfig.json']);
  chmodSync(join(root, 'dist', 'main.js'), 0o755);
}

/** build/: sources, tests and benchmarks, all type-checked. */
export function buildTests() {
  say('type-checking and compiling sources, tests and benchmarks into build/ (tsc)');
  rmSync(join(root, 'build'), { recursive: true, force: true });
  quietly(bin('tsc'), ['-p', 'tsconfig.test.json']);
}

export function lint() {
  say('linting (biome)');
  quietly(bin('biome'), ['check', '--error-on-warnings', '.']);
}

/** Runs the steps of a script; one that fails ends it with code 1 and its reason. */
export function steps(...all) {
  try {
    for (const step of all) step();
  } catch (failure) {
    if (!(failure instanceof StepFailed)) throw failure;
    console.error(failure.message);
    process.exit(1);
  }
}
