import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A redis-server of Forelock's own: it keeps nothing on disk, and ends when Forelock ends. */
export interface PrivateRedis {
  /** Its unix socket: no port that another program could have taken, no access for other users. */
  readonly socketPath: string;
  /** Resolves when it has ended, with its last words: nobody but us may end it, so that is a fault. */
  readonly ended: Promise<string>;
  stop(): Promise<void>;
}

/**
 * It outlives us by nothing, however we end: the shell holds the reading end of a pipe whose only
 * writing end is ours. A clean end, a crash or kill -9 all close it; `cat` then returns, and
 * redis-server is told to end. The shell removes the folder last.
 */
const WATCHED_SERVER = `
folder=$1; shift
exec 3<&0
redis-server "$@" 3<&- </dev/null &
server=$!
(cat <&3 >/dev/null; kill -TERM $server 2>/dev/null) >/dev/null 2>&1 &
watcher=$!
exec 3<&-
wait $server
code=$?
kill $watcher 2>/dev/null
rm -rf "$folder"
exit $code
`;

const ASK_EVERY_MS = 20;
const LAST_WORDS_LENGTH = 2000;
const NOT_FOUND = 127;

/** How long it may take; the names are the settings' own. */
export interface PrivateRedisOptions {
  readonly privateRedisStartMs: number;
  /** Before it is killed. */
  readonly privateRedisStopMs: number;
}

/** Throws an Error whose message tells a user what to do. */
export async function startPrivateRedis({
  privateRedisStartMs,
  privateRedisStopMs,
}: PrivateRedisOptions): Promise<PrivateRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'forelock-redis-'));
  const socketPath = join(folder, 'redis.sock');
  const settings = {
    port: '0',
    unixsocket: socketPath,
    unixsocketperm: '700',
    dir: folder,
    save: '',
    appendonly: 'no',
    loglevel: 'warning',
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  // In a session of its own: Ctrl-C in a terminal must not end Redis before we have drained.
  const shell = spawn('/bin/sh', ['-c', WATCHED_SERVER, 'forelock-redis', folder, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  const ended = lastWords(shell);
  const server: PrivateRedis = {
    socketPath,
    ended,
    stop: () => stop(shell, ended, folder, privateRedisStopMs),
  };
  try {
    await ready(shell, socketPath, ended, privateRedisStartMs);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

function lastWords(shell: ChildProcess): Promise<string> {
  let words = '';
  const note = (text: Buffer): void => {
    words = (words + text.toString()).slice(-LAST_WORDS_LENGTH);
  };
  shell.stdout?.on('data', note);
  shell.stderr?.on('data', note);
  // Its end may come before we have closed the pipe: that is no fault of ours.
  shell.stdin?.on('error', () => {});
  return new Promise(resolve => {
    shell.on('error', error => resolve(String(error)));
    shell.on('close', () => resolve(words.trim()));
  });
}

async function ready(
  shell: ChildProcess,
  socketPath: string,
  ended: Promise<string>,
  withinMs: number,
): Promise<void> {
  let words: string | null = null;
  void ended.then(last => {
    words = last;
  });
  const untilMs = performance.now() + withinMs;
  while (!(await answers(socketPath))) {
    if (words !== null) throw new Error(reasonOfEnd(shell.exitCode, words));
    if (performance.now() > untilMs) {
      throw new Error(`the private redis-server did not answer within ${withinMs} ms`);
    }
    await new Promise(resolve => setTimeout(resolve, ASK_EVERY_MS));
  }
}

function reasonOfEnd(code: number | null, words: string): string {
  if (code !== NOT_FOUND) return `the private redis-server ended (code ${code}): ${words}`;
  return (
    'no --upstream is given, and no redis-server is on the PATH to start a private one. ' +
    'Name yours (--upstream redis://host:6379) or install one: ' +
    'apt-get install redis-server (Debian, Ubuntu), brew install redis (macOS)'
  );
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(socketPath);
    socket.on('connect', () => socket.write('PING\r\n'));
    socket.once('data', reply => {
      socket.destroy();
      resolve(reply.toString('latin1').startsWith('+PONG'));
    });
    socket.on('error', () => resolve(false));
    socket.on('close', () => resolve(false));
  });
}

async function stop(
  shell: ChildProcess,
  ended: Promise<string>,
  folder: string,
  withinMs: number,
): Promise<void> {
  shell.stdin?.end();
  const timer = setTimeout(() => killGroup(shell), withinMs);
  await ended;
  clearTimeout(timer);
  // The shell has done so, unless it was killed itself.
  await rm(folder, { recursive: true, force: true });
}

/** The shell leads a process group of its own, so this ends redis-server as well. */
function killGroup({ pid }: ChildProcess): void {
  if (pid !== undefined) process.kill(-pid, 'SIGKILL');
}
