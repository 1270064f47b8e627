import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { endProcess, hasExited, spawnOwned } from '../harness/child-processes.js';
import { Forelock } from '../harness/forelock.js';
import { freePort } from '../harness/free-port.js';
import { eventually, type Lifetime } from '../harness/lifetime.js';
import { RedisServer } from '../harness/redis-server.js';
import { RespClient } from '../harness/resp-client.js';

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));
const FREE = ['--listen', '127.0.0.1:0', '--http', '127.0.0.1:0'];

interface Run {
  readonly child: ChildProcess;
  stdout: string;
  stderr: string;
}

/** Starts the command with these arguments; SIGKILL at the end of the test if it still runs. */
function run(t: Lifetime, args: readonly string[], env: Record<string, string> = {}): Run {
  const child = spawnOwned(process.execPath, [MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const run: Run = { child, stdout: '', stderr: '' };
  child.stdout?.on('data', (text: Buffer) => {
    run.stdout += text.toString();
  });
  child.stderr?.on('data', (text: Buffer) => {
    run.stderr += text.toString();
  });
  t.teardown(() => endProcess(child, 'SIGKILL'));
  return run;
}

async function ended({ child }: Run): Promise<number | null> {
  if (!hasExited(child)) await once(child, 'close');
  return child.exitCode;
}

/** A Forelock with a private Redis, once it listens: its port, and its Redis's socket. */
async function withPrivateRedis(
  t: Lifetime,
  env: Record<string, string> = {},
): Promise<{ readonly forelock: Run; readonly port: number; readonly socketPath: string }> {
  const forelock = run(t, FREE, env);
  const text = await eventually(
    'it listens',
    () => {
      if (hasExited(forelock.child)) throw new Error(forelock.stderr);
      return forelock.stdout.includes('redis-cli') ? forelock.stdout : null;
    },
    { withinMs: 15_000 },
  );
  const port = Number(/"listen":"127\.0\.0\.1:(\d+)"/.exec(text)?.[1]);
  const socketPath = /"upstream":"unix:([^"]+)"/.exec(text)?.[1] ?? '';
  return { forelock, port, socketPath };
}

async function temporaryFolder(t: Lifetime): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'forelock-test-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

t.test('--version, --help and --check say what they are asked for and exit with 0', async t => {
  const version = run(t, ['--version']);
  t.equal(await ended(version), 0);
  t.match(version.stdout, /^forelock \d+\.\d+\.\d+\n$/);
  const help = run(t, ['--help']);
  t.equal(await ended(help), 0);
  t.match(help.stdout, /^ {2}--listen <host:port>$/m);
  const check = run(t, ['--check', '--upstream', 'redis://nobody.invalid']);
  t.equal(await ended(check), 0);
  t.equal(check.stdout, 'forelock: all settings are valid\n');
});

t.test('a wrong value stops the start with code 1, before anything is started', async t => {
  const wrong = run(t, [...FREE, '--mode', 'fast', '--upstream', 'redis://:hunter2@h:x'], {
    FORELOCK_BREATH_MS: 'long',
  });
  t.equal(await ended(wrong), 1);
  t.equal(wrong.stdout, '');
  t.match(wrong.stderr, '--mode (flag) is "fast"; allowed is observe, shadow, reserve');
  t.match(wrong.stderr, 'FORELOCK_BREATH_MS (environment) is "long"; allowed is ');
  t.notMatch(wrong.stderr, 'hunter2');
});

t.test('with a configuration file', async t => {
  const folder = await temporaryFolder(t);
  const file = join(folder, 'forelock.json');
  await writeFile(file, JSON.stringify({ mode: 'observe', 'drain-time': 3 }));
  const wrong = run(t, ['--config', file]);
  t.equal(await ended(wrong), 1);
  t.match(wrong.stderr, `"drain-time" in ${file} is not a setting`);
  await writeFile(file, JSON.stringify({ mode: 'observe' }));
  const valid = run(t, ['--config', file, '--check']);
  t.equal(await ended(valid), 0);
});

t.test('a taken port stops the start, naming setting and address', async t => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.teardown(() => taken.close());
  const address = taken.address();
  const port = typeof address === 'object' ? address?.port : 0;
  for (const [flag, other] of [
    ['--listen', '--http'],
    ['--http', '--listen'],
  ] as const) {
    const args = [`${flag}=127.0.0.1:${port}`, `${other}=127.0.0.1:0`];
    const stopped = run(t, [...args, '--upstream', 'redis://127.0.0.1:1']);
    t.equal(await ended(stopped), 1, flag);
    t.equal(
      stopped.stderr,
      `forelock: ${flag} 127.0.0.1:${port}: the address is taken (EADDRINUSE)\n`,
    );
  }
});

t.test('port 0 takes free ports, and the log names them and a line to try', async t => {
  const redis = await RedisServer.start(t);
  const forelock = await Forelock.start(t, { upstream: redis.url });
  t.not(forelock.port, 0);
  t.match(forelock.log, [
    {
      level: 'info',
      listen: `127.0.0.1:${forelock.port}`,
      http: `127.0.0.1:${forelock.httpPort}`,
      upstream: redis.url,
      msg: `listening on 127.0.0.1:${forelock.port} for Redis clients; HTTP on 127.0.0.1:${forelock.httpPort}`,
    },
  ]);
  await eventually('the line', () => forelock.log.length > 1);
  t.match(forelock.log[1], { msg: `try: redis-cli -p ${forelock.port}` });
  t.same(forelock.noise, []);
  t.match(await forelock.http('/healthz'), { status: 200 });
});

t.test('the log never names the password of the upstream', async t => {
  const redis = await RedisServer.start(t, { requirepass: 'hunter2' });
  const forelock = await Forelock.start(t, { upstream: redis.url });
  await forelock.stop();
  t.notMatch(forelock.output(), 'hunter2');
});

t.test('an upstream that cannot be reached does not stop the start: /readyz is 503', async t => {
  const forelock = await Forelock.start(t, { upstream: `redis://127.0.0.1:${await freePort()}` });
  t.match(await forelock.http('/healthz'), { status: 200 });
  t.match(await forelock.http('/readyz'), { status: 503, body: 'upstream unreachable\n' });
});

t.test('/readyz is 200 once Redis answers, 503 when it is gone, and 200 again', async t => {
  const redis = await RedisServer.start(t);
  const forelock = await Forelock.start(t, { upstream: redis.url });
  const ready = async (): Promise<number> => (await forelock.http('/readyz')).status;
  await eventually('ready', async () => (await ready()) === 200);
  await redis.kill();
  await eventually('not ready', async () => (await ready()) === 503);
  await redis.restart();
  await eventually('ready again', async () => (await ready()) === 200);
});

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  t.test(`${signal} drains and exits with 0`, async t => {
    const redis = await RedisServer.start(t);
    const forelock = await Forelock.start(t, { upstream: redis.url });
    process.kill(forelock.pid, signal);
    await forelock.ended();
    t.equal(forelock.exitCode, 0);
    await eventually('it said so', () => forelock.log.some(line => line.msg === 'ended'));
    t.match(
      forelock.log.find(line => line.signal === signal),
      { level: 'info', msg: /^draining/ },
    );
  });
}

t.test('with no upstream it starts a private redis-server, says so, and serves', async t => {
  const { forelock, port, socketPath } = await withPrivateRedis(t);
  t.match(forelock.stdout, 'private redis-server');
  t.match(forelock.stdout, 'keeps nothing on disk and stops with Forelock');
  const client = await RespClient.connect(t, port);
  t.equal(await client.call('SET', 'k', 'v'), '+OK\r\n');
  t.match(await client.call('CONFIG', 'GET', 'save'), /save\r\n\$0\r\n/);
  t.match(await client.call('CONFIG', 'GET', 'appendonly'), /\r\nno\r\n/);
  t.match(await client.call('CONFIG', 'GET', 'port'), /\r\nport\r\n\$1\r\n0\r\n/);
  forelock.child.kill('SIGTERM');
  t.equal(await ended(forelock), 0);
  t.notOk(existsSync(socketPath), 'Redis has ended, its folder is gone');
});

t.test('the private redis-server ends even with kill -9 of Forelock', async t => {
  const { forelock, socketPath } = await withPrivateRedis(t);
  t.ok(existsSync(socketPath));
  forelock.child.kill('SIGKILL');
  await eventually('Redis has ended', () => !existsSync(socketPath));
});

t.test('Forelock ends with code 1 when its private redis-server is gone', async t => {
  const { forelock, port } = await withPrivateRedis(t);
  const client = await RespClient.connect(t, port);
  await client.call('SHUTDOWN', 'NOSAVE').catch(() => {});
  t.equal(await ended(forelock), 1);
  t.match(forelock.stdout, 'the private redis-server has ended');
});

t.test('without a redis-server on the PATH the start says how to get one', async t => {
  const folder = await temporaryFolder(t);
  await mkdir(join(folder, 'bin'));
  // A PATH on which all is found that the start needs, but for redis-server.
  for (const program of ['cat', 'rm', 'kill']) {
    for (const place of ['/bin', '/usr/bin']) {
      const path = join(place, program);
      const link = join(folder, 'bin', program);
      if (existsSync(path) && !existsSync(link)) await symlink(path, link);
    }
  }
  const stopped = run(t, FREE, { PATH: join(folder, 'bin'), TMPDIR: folder });
  t.equal(await ended(stopped), 1);
  t.match(stopped.stderr, /^forelock: .*no redis-server is on the PATH/);
  t.match(stopped.stderr, '--upstream redis://host:6379');
  t.match(stopped.stderr, 'apt-get install redis-server');
});

t.test('a taken port leaves no private redis-server behind', async t => {
  const folder = await temporaryFolder(t);
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.teardown(() => taken.close());
  const address = taken.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const stopped = run(t, ['--listen', `127.0.0.1:${port}`], { TMPDIR: folder });
  t.equal(await ended(stopped), 1);
  await eventually('its folder is gone', async () => (await readdir(folder)).length === 0);
});
