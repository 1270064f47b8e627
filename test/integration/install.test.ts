/** npm start and npm test on a machine without redis-server: apt-get is asked for it. */
import { execFile } from 'node:child_process';
import { access, chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import type { Lifetime } from '../harness/lifetime.js';
import { projectFolder } from '../harness/project.js';

const STEPS = join(projectFolder, 'scripts/steps.mjs');
const isRoot = process.getuid?.() === 0;

interface Machine {
  /** The only folder on its PATH. */
  readonly bin: string;
  /** Runs the step; gives what it printed. */
  install(): Promise<string>;
  /** The calls of apt-get, one a line. */
  calls(): Promise<string>;
}

/** A machine on which apt-get does what `script` says. */
async function machine(t: Lifetime, script: string | null): Promise<Machine> {
  const bin = await mkdtemp(join(tmpdir(), 'forelock-test-bin-'));
  t.teardown(() => rm(bin, { recursive: true, force: true }));
  const add = async (name: string, text: string): Promise<void> => {
    await writeFile(join(bin, name), `#!/bin/sh\n${text}\n`);
    await chmod(join(bin, name), 0o755);
  };
  const log = join(bin, 'calls');
  if (script !== null) await add('apt-get', `echo "$DEBIAN_FRONTEND: $*" >> ${log}\n${script}`);
  const act = `const steps = await import(${JSON.stringify(STEPS)}); steps.installRedis();`;
  return {
    bin,
    install: async () => {
      const { stdout } = await promisify(execFile)(
        process.execPath,
        ['--input-type=module', '-e', act],
        { env: { PATH: bin } },
      );
      return stdout;
    },
    calls: () => readFile(log, 'utf8').catch(() => ''),
  };
}

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

t.test('it is installed', { skip: !isRoot && 'only root may' }, async t => {
  const put = 'f=$(/usr/bin/dirname "$0")/redis-server; : > "$f"; /bin/chmod 755 "$f"';
  const { bin, install, calls } = await machine(t, `case "$1" in install) ${put};; esac`);
  t.match(await install(), /installing redis-server \(apt-get\)/);
  t.equal(
    await calls(),
    'noninteractive: update\n' +
      'noninteractive: install --yes --no-install-recommends redis-server\n',
  );
  t.ok(await isThere(join(bin, 'redis-server')));
  t.equal(await install(), '', 'once it is there, nothing is done');
  t.equal((await calls()).split('\n').length, 3);
});

t.test(
  'what apt-get says is shown where it fails',
  { skip: !isRoot && 'only root may' },
  async t => {
    const { install, calls } = await machine(t, 'echo "no network" >&2; exit 100');
    t.match(await install(), /no network[\s\S]*apt-get update: ended with 100/);
    t.equal(await calls(), 'noninteractive: update\n', 'and nothing more is tried');
  },
);

t.test('without apt-get it is left to the user', async t => {
  const { install } = await machine(t, null);
  t.equal(await install(), '', 'Forelock itself says what to do');
});
