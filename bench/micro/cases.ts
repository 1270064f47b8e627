import { SequenceModel } from '../../src/forecast/sequence/sequence-model.js';
import { CommandTable } from '../../src/intent/command-table.js';
import type { Intent } from '../../src/intent/intent.js';
import { parseRequest } from '../../src/intent/parse-request.js';
import { ScriptKnowledge } from '../../src/intent/scripts.js';
import type { Verdict } from '../../src/locks/contract.js';
import { LockManager } from '../../src/locks/manager.js';
import { lockDefaults } from '../../src/locks/options.js';
import { ReplyFramer } from '../../src/resp/reply-framer.js';
import { COMPLETE, RequestFramer } from '../../src/resp/request-framer.js';
import { Input } from '../../src/session/input.js';
import { type LockKeys, PlainRun } from '../../src/session/plain-run.js';
import { acquire, release, TestRequest } from '../../test/simulation/lock-requests.js';
import { TestWorld } from '../../test/simulation/test-world.js';
import { encodeCommand } from '../resp-connection.js';

export interface MicroCase {
  readonly name: string;
  /** Does the work once, and throws where it comes out wrong: wrong work is fast for nothing. */
  operation(): void;
}

const value = '5b6e1f6c-8f0a-4a57-9c1e-0d6f5a3b7c21';
const releaseSha = 'b70c2384248f88e6b75b9f89241a180f856ad852';

export function microCases(): readonly MicroCase[] {
  return [
    frameRequest('frame a request: GET', encodeCommand('GET', 'user:1042'), 2),
    frameRequest('frame a request: SET NX PX', acquireCommand(), 6),
    plainRun('a run of 16 GETs', null),
    plainRun('a run of 16 GETs, where there are locks', { lists: (_, key) => held.has(key) }),
    frameReply('frame a reply: +OK', Buffer.from('+OK\r\n')),
    frameReply('frame a reply: a value of 1 KiB', bulkReply(1024)),
    frameReply('frame a reply: 100 values', arrayReply(100)),
    frameReplies('16 replies of +OK', Buffer.from('+OK\r\n'.repeat(16)), 16),
    parse('parse a request: SET NX PX', acquireCommand(), 6),
    parse('parse a request: EVALSHA release', releaseCommand(), 5),
    recognise('recognise: SET NX PX', acquireCommand(), 'acquire'),
    recognise('recognise: EVALSHA release', releaseCommand(), 'release'),
    recognise('recognise: GET is no lock command', encodeCommand('GET', 'user:1042'), null),
    localGrant(),
    sequence('a request learnt, and what follows foretold: known locks', order => order % 100),
    sequence('a request learnt, and what follows foretold: new orders', order => order),
  ];
}

function acquireCommand(): Buffer {
  return encodeCommand('SET', 'order:1042', value, 'NX', 'PX', '10000');
}

function releaseCommand(): Buffer {
  return encodeCommand('EVALSHA', releaseSha, '1', 'order:1042', value);
}

function bulkReply(lengthBytes: number): Buffer {
  return Buffer.from(`$${lengthBytes}\r\n${'v'.repeat(lengthBytes)}\r\n`);
}

function arrayReply(count: number): Buffer {
  return Buffer.from(`*${count}\r\n${'$3\r\nxxx\r\n'.repeat(count)}`);
}

function frameRequest(name: string, bytes: Buffer, argCount: number): MicroCase {
  const framer = new RequestFramer();
  return {
    name,
    operation() {
      const status = framer.next(bytes, 0, bytes.length);
      check(status === COMPLETE && framer.argCount === argCount, name);
    },
  };
}

/** What a client with a pipeline of 16 sends at once. */
function plainRun(name: string, locks: LockKeys | null): MicroCase {
  const table = new CommandTable([['get', 2, ['readonly', 'fast'], 1, 1, 1]]);
  const framer = new RequestFramer();
  const input = new Input();
  const bytes = Buffer.concat(Array(16).fill(encodeCommand('GET', 'user:1042')));
  return {
    name,
    operation() {
      input.lend(bytes, bytes.length);
      framer.next(bytes, 0, bytes.length);
      check(new PlainRun().joinAll(input, framer, table, locks, 0) === 16, name);
    },
  };
}

const held: ReadonlySet<string> = new Set(['order:1042', 'order:1043']);

function frameReplies(name: string, bytes: Buffer, count: number): MicroCase {
  const framer = new ReplyFramer();
  return {
    name,
    operation() {
      framer.scanReplies(bytes, 0, bytes.length, count);
      check(framer.ended === count, name);
    },
  };
}

function frameReply(name: string, bytes: Buffer): MicroCase {
  const framer = new ReplyFramer();
  return {
    name,
    operation: () => check(framer.scan(bytes, 0, bytes.length) === bytes.length, name),
  };
}

function parse(name: string, bytes: Buffer, argCount: number): MicroCase {
  return { name, operation: () => check(parseRequest(bytes)?.length === argCount, name) };
}

function recognise(name: string, bytes: Buffer, kind: Intent['kind'] | null): MicroCase {
  const scripts = new ScriptKnowledge();
  const args = parseRequest(bytes) ?? [];
  return {
    name,
    operation: () => check((scripts.intentOf(args)?.kind ?? null) === kind, name),
  };
}

/** Time stands still, so the lease lasts and no timer comes due. */
function localGrant(): MicroCase {
  const name = 'grant and release from memory';
  const world = new TestWorld();
  const silent = () => {};
  const manager = new LockManager(
    { ...lockDefaults, delegate: ['*'] },
    world,
    {
      requested: silent,
      granted: silent,
      refused: silent,
      released: silent,
      reservationEnded: silent,
    },
    { retainUntilMs: (_database, _key, nowMs) => nowMs + 1_000 },
    'bench',
    'epoch',
  );
  const toAcquire = new TestRequest(acquire('order:1042', value), 1, world.nowMs);
  const toRelease = new TestRequest(release('order:1042', value), 1, world.nowMs);
  return {
    name,
    operation() {
      decide(toAcquire, 'granted');
      decide(toRelease, 'released');
    },
  };
  /** Redis is asked for the delegation, and again when its block of fence numbers is used up. */
  function decide(request: TestRequest, expected: Verdict): void {
    let verdict = manager.decide(request);
    if (verdict === null) {
      world.answerAll();
      verdict = request.verdicts.pop() ?? null;
    }
    check(verdict === expected, name);
  }
}

/** Orders of three steps, one after another, each by one of 16 clients. */
function sequence(name: string, orderAt: (count: number) => number): MicroCase {
  const steps = ['reserve', 'pay', 'ship'];
  const model = new SequenceModel();
  let requests = 0;
  return {
    name,
    operation() {
      const count = Math.floor(requests / 3);
      const key = `order:${100_000 + orderAt(count)}:${steps[requests % 3]}`;
      model.requested(0, key, count % 16, requests * 20);
      requests++;
      check(requests < 100 || requests % 3 === 0 || model.sizes.expected > 0, name);
    },
  };
}

function check(right: boolean, name: string): void {
  if (!right) throw new Error(`${name}: a wrong result`);
}
