/**
 * docker/Dockerfile without an engine: each COPY and RUN of its two stages is carried out, as it
 * stands there, in plain folders. What comes out must run.
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { endProcess, spawnOwned } from '../harness/child-processes.js';
import { eventually } from '../harness/lifetime.js';
import { projectFolder } from '../harness/project.js';
import { RedisServer } from '../harness/redis-server.js';

/** Without the hooks that the test runner adds to the environment of every process below it. */
const run: (
  command: string,
  args: readonly string[],
  options: { cwd: string; env?: NodeJS.ProcessEnv; maxBuffer?: number },
) => Promise<{ stdout: string }> = (command, args, options) =>
  promisify(execFile)('/usr/bin/env', ['-u', 'NODE_OPTIONS', command, ...args], options);
const WORKDIR = '/forelock';

type Instruction = readonly [name: string, rest: string];

/** The instructions of each stage, comments left out and continued lines joined. */
async function stages(): Promise<readonly (readonly Instruction[])[]> {
  const text = await readFile(join(projectFolder, 'docker/Dockerfile'), 'utf8');
  const all: Instruction[][] = [];
  for (const line of text.replaceAll('\\\n', ' ').split('\n')) {
    const [, name, rest] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    if (name === undefined || rest === undefined) continue;
    if (name === 'FROM') all.push([]);
    all.at(-1)?.push([name, rest]);
  }
  return all;
}

/** What .dockerignore lets into the build: it names everything else away first. */
async function context(): Promise<(path: string) => boolean> {
  const text = await readFile(join(projectFolder, '.dockerignore'), 'utf8');
  const lines = text.split('\n').filter(line => line !== '' && !line.startsWith('#'));
  if (lines[0] !== '*') throw new Error('.dockerignore is no list of what is let in');
  const allowed = lines.slice(1).map(line => line.replace(/^!/, ''));
  return path => allowed.some(each => path === each || path.startsWith(`${each}/`));
}

/** Carries a stage out in a folder that stands for the image's WORKDIR. */
async function carryOut(
  stage: readonly Instruction[],
  folder: string,
  built: string | null,
  isInContext: (path: string) => boolean,
): Promise<void> {
  for (const [name, rest] of stage) {
    if (name === 'RUN') {
      await run('/bin/sh', ['-c', rest], { cwd: folder, maxBuffer: 16 * 1024 * 1024 });
    }
    if (name !== 'COPY') continue;
    const fromStage = rest.startsWith('--from=build ');
    const words = rest.replace(/^--from=build /, '').split(/\s+/);
    const target = join(folder, words.at(-1) ?? '');
    for (const source of words.slice(0, -1)) {
      const from = fromStage
        ? join(built ?? '', relative(WORKDIR, source))
        : join(projectFolder, source);
      // Docker copies into a folder that is written with a slash, and onto any other name.
      const to = rest.endsWith('/') ? join(target, source.split('/').at(-1) ?? '') : target;
      await mkdir(join(to, '..'), { recursive: true });
      // A whole node_modules is a matter for cp itself: it is ten times as fast.
      if (fromStage) await run('cp', ['-a', from, to], { cwd: folder });
      else {
        const isLetIn = (path: string): boolean =>
          isInContext(relative(projectFolder, path).split(sep).join('/'));
        await cp(from, to, { recursive: true, filter: isLetIn });
      }
      await stat(to);
    }
  }
}

// The packages of the image are installed anew: most of this time is npm's.
t.setTimeout(240_000);

t.test('the image builds, and what it holds runs', { timeout: 240_000 }, async t => {
  const [buildStage = [], finalStage = []] = await stages();
  const isInContext = await context();
  const folder = await mkdtemp(join(tmpdir(), 'forelock-image-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const built = join(folder, 'build');
  const image = join(folder, 'image');
  await mkdir(built);
  await mkdir(image);
  await carryOut(buildStage, built, null, isInContext);
  await carryOut(finalStage, image, built, isInContext);

  await t.test('it has no compiler and no test library', async t => {
    for (const name of ['typescript', 'tap', '@biomejs/biome']) {
      await t.rejects(stat(join(image, 'node_modules', name)), name);
    }
  });

  await t.test('its entry point is the command', async t => {
    const [, entry = ''] = finalStage.find(([name]) => name === 'ENTRYPOINT') ?? [];
    const [program = '', ...args] = JSON.parse(entry) as string[];
    const { stdout } = await run(program, [...args, '--version'], { cwd: image });
    t.match(stdout, /^forelock \d/);
  });

  await t.test('it serves, and its health check knows whether it lives', async t => {
    const redis = await RedisServer.start(t);
    const env = {
      ...process.env,
      NODE_ENV: 'production',
      FORELOCK_UPSTREAM: redis.url,
      FORELOCK_LISTEN: '127.0.0.1:0',
      FORELOCK_HTTP: '127.0.0.1:0',
    };
    const forelock = spawnOwned(process.execPath, ['dist/main.js'], {
      cwd: image,
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.teardown(() => endProcess(forelock, 'SIGKILL'));
    let log = '';
    forelock.stdout?.on('data', (text: Buffer) => {
      log += text.toString();
    });
    const http = await eventually('it listens', () => /"http":"([^"]+)"/.exec(log)?.[1], {
      withinMs: 15_000,
    });
    const [, check = ''] = finalStage.find(([name]) => name === 'HEALTHCHECK') ?? [];
    const [program = '', ...args] = JSON.parse(check.slice(check.indexOf('['))) as string[];
    const healthy = (): Promise<boolean> =>
      run(program, args, { cwd: image, env: { ...env, FORELOCK_HTTP: http } }).then(
        () => true,
        () => false,
      );
    t.equal(await healthy(), true);
    await endProcess(forelock, 'SIGTERM', 15_000);
    t.equal(forelock.exitCode, 0);
    t.equal(await healthy(), false);
  });
});

t.test('the image does not run as root, and builds in two stages', async t => {
  const [buildStage = [], finalStage = [], ...more] = await stages();
  t.equal(more.length, 0);
  t.match(buildStage[0]?.[1], / AS build$/);
  t.same(
    finalStage.filter(([name]) => name === 'USER').map(([, user]) => user),
    ['node'],
  );
  t.same(
    finalStage.filter(([name]) => name === 'RUN'),
    [],
  );
});

t.test('the example application locks through whatever it is pointed at', async t => {
  const redis = await RedisServer.start(t);
  const { stdout } = await run(process.execPath, ['docker/example/app.mjs'], {
    cwd: projectFolder,
    env: { ...process.env, REDIS_URL: redis.url, CYCLES: '3' },
  });
  t.match(stdout, /^3 locks, acquire p50 \d+\.\d\d ms$/m);
  const client = await redis.connect(t);
  t.equal(await client.call('EXISTS', 'example:lock'), ':0\r\n');
});

t.test('the compose file names what exists', async t => {
  const text = await readFile(join(projectFolder, 'docker/compose.yaml'), 'utf8');
  for (const [, path] of text.matchAll(/^\s+(?:dockerfile|build): (.+)$/gm)) {
    const from = path === 'example' ? join('docker', path, 'Dockerfile') : String(path);
    await t.resolves(stat(join(projectFolder, from)), from);
  }
  // The application reaches Forelock on loopback only where the two share a network namespace.
  t.match(text, /network_mode: "service:forelock"/);
  t.match(text, /REDIS_URL: redis:\/\/127\.0\.0\.1:7379/);
  const example = JSON.parse(
    await readFile(join(projectFolder, 'docker/example/package.json'), 'utf8'),
  ) as { dependencies: Record<string, string> };
  const ours = JSON.parse(await readFile(join(projectFolder, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  t.equal(example.dependencies.ioredis, ours.dependencies.ioredis);
});
