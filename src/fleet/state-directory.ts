import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { dirname, join } from 'node:path';

/**
 * What outlives the process, in a directory that one process has at a time: the name of this
 * Forelock, and its journals.
 *
 * The directory is held by a socket in it, on which its process listens. A file with a process id
 * would not do: ids repeat across containers that share a volume, while whoever sees the directory can
 * knock at the socket, and nobody answers for a process that was killed.
 */
export interface StateDirectory {
  readonly path: string;
  /** Of this Forelock, the same at every start with this directory; 16 hexadecimal digits. */
  readonly id: string;
  journalPath(listener: number): string;
  networkPath(listener: number): string;
  /** Another process may have the directory from now on. */
  leave(): void;
}

/**
 * Makes the directory where there is none. `answerWaitMs`: how long another process that has it may
 * take to say who it is. Throws an error that says why, where another process has
 * it, or it can't be used.
 */
export async function openStateDirectory(
  path: string,
  answerWaitMs: number,
): Promise<StateDirectory> {
  makeDirectory(path);
  const guard = await hold(path, answerWaitMs);
  try {
    const id = readId(path) ?? newId(path);
    return {
      path,
      id,
      journalPath: listener => join(path, `journal-${listener}`),
      networkPath: listener => join(path, `network-${listener}`),
      leave: () => void guard.close(),
    };
  } catch (error) {
    guard.close();
    throw error;
  }
}

/**
 * With the directories above it. Not by the `recursive` of mkdirSync: where the parent is there and
 * takes no directory (/proc), that never returns.
 */
function makeDirectory(path: string): void {
  if (existsSync(path) && statSync(path).isDirectory()) return;
  const parent = dirname(path);
  if (!existsSync(parent)) makeDirectory(parent);
  mkdirSync(path, { mode: 0o700 });
}

/**
 * Who this proxy is in tokens, companions and the list of the fleet's members: for membership, too.
 * The same after a restart where there is a state directory; no two listeners share one.
 */
export function proxyIdOf(directory: StateDirectory | null, listener: number): string {
  if (directory === null) return randomName();
  return listener === 0 ? directory.id : `${directory.id}-${listener}`;
}

/** A name that is never used twice: of a process, or of its start. */
export function randomName(): string {
  return randomBytes(8).toString('hex');
}

/** Of this machine since it was started; '' where the system does not tell. */
export function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return '';
  }
}

const GUARD = /^guard-[0-9a-f]{8}$/;
/** What fits into the address of a unix socket everywhere (104 bytes on BSD, 108 on Linux). */
const SOCKET_PATH_MAX_BYTES = 103;

/**
 * Listens on a socket of its own, and only then looks at those of others. So of two that start at the
 * same moment at least one sees the other; should both, neither starts.
 */
async function hold(path: string, answerWaitMs: number): Promise<Server> {
  const own = `guard-${randomBytes(4).toString('hex')}`;
  const ownPath = join(path, own);
  if (Buffer.byteLength(ownPath) > SOCKET_PATH_MAX_BYTES) {
    throw new Error(`the path is too long for a socket in it (${SOCKET_PATH_MAX_BYTES} bytes)`);
  }
  const server = createServer(socket => {
    socket.on('error', () => undefined);
    socket.end(`${process.pid}`);
  });
  server.unref();
  await listening(server, ownPath);
  try {
    const others = readdirSync(path).filter(name => GUARD.test(name) && name !== own);
    for (const name of others) {
      const holder = await holderOf(join(path, name), answerWaitMs);
      if (holder !== null) throw new Error(`another Forelock has it (${holder})`);
    }
    for (const name of others) rmSync(join(path, name), { force: true });
  } catch (error) {
    server.close();
    throw error;
  }
  return server;
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
}

/**
 * Who listens there; null: nobody any more. A process that is stopped is known by its socket all the
 * same, but tells nothing.
 */
function holderOf(path: string, answerWaitMs: number): Promise<string | null> {
  return new Promise(resolve => {
    const socket = connect(path);
    let told = '';
    const silent = 'a process that does not answer';
    socket.setTimeout(answerWaitMs, () => {
      resolve(silent);
      socket.destroy();
    });
    socket.on('data', bytes => {
      told += bytes.toString('latin1');
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const gone = error.code === 'ECONNREFUSED' || error.code === 'ENOENT';
      resolve(gone ? null : silent);
    });
    socket.on('close', () => resolve(told === '' ? silent : `process ${told}`));
  });
}

const ID_FILE = 'proxy-id';
const ID = /^[0-9a-f]{16}$/;

function readId(path: string): string | null {
  let text: string;
  try {
    text = readFileSync(join(path, ID_FILE), 'latin1').trim();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
  if (ID.test(text)) return text;
  throw new Error(`the file ${ID_FILE} in it holds no name of a Forelock: remove it`);
}

/** Written aside, then moved: a start that is cut short leaves no half of a name. */
function newId(path: string): string {
  const id = randomName();
  const aside = join(path, `${ID_FILE}.new`);
  writeFileSync(aside, `${id}\n`, { mode: 0o600 });
  renameSync(aside, join(path, ID_FILE));
  return id;
}
