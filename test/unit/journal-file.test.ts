import {
  closeSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { JournalFile, type WriteBytes } from '../../src/fleet/journal-file.js';
import type { JournalOwner } from '../../src/pool/journal.js';

/** The journal as a file: written before anybody hears, small, and never less than the truth. */

const OWNER: JournalOwner = { boot: 'boot-1', proxy: 'p1', upstream: 'redis://a' };

class Notes {
  readonly lines: string[] = [];
  info(_facts: object, message: string): void {
    this.lines.push(message);
  }
  warn(_facts: object, message: string): void {
    this.lines.push(message);
  }
  error(_facts: object, message: string): void {
    this.lines.push(message);
  }
}

interface Opening {
  readonly owner?: JournalOwner;
  readonly maxBytes?: number;
  readonly notes?: Notes;
  readonly write?: WriteBytes;
}

function open(path: string, { owner, maxBytes, notes, write }: Opening = {}): JournalFile {
  const options = { journalMaxBytes: maxBytes ?? 1_000_000, journalRetryMs: 20 };
  return new JournalFile(path, owner ?? OWNER, options, notes ?? new Notes(), write);
}

const inMs = (ms: number): number => performance.now() + ms;

/** Who has what, after a restart. */
const proof = (path: string): readonly string[] =>
  open(path).proven.map(({ key, holder }) => `${key}: ${holder?.value ?? 'nobody'}`);

t.test('what was told is proven at the next start, with what is left of the TTL', async t => {
  const path = `${t.testdir()}/journal`;
  const journal = open(path);
  t.strictSame(journal.proven, []);
  const held = journal.delegated(0, 'held', 'forelock:p1:e:1');
  const idle = journal.delegated(3, 'idle', 'forelock:p1:e:2');
  const over = journal.delegated(0, 'over', 'forelock:p1:e:3');
  journal.granted(held, 'me', inMs(10_000));
  journal.granted(idle, 'you', inMs(10_000));
  journal.released(idle);
  journal.ended(over);
  journal.writeNow();
  await sleep(50);
  const { proven } = open(path);
  t.match(proven, [
    {
      delegation: held,
      database: 0,
      key: 'held',
      token: 'forelock:p1:e:1',
      holder: { value: 'me' },
    },
    { delegation: idle, database: 3, key: 'idle', token: 'forelock:p1:e:2', holder: null },
  ]);
  const leftMs = (proven[0]?.holder?.endsAtMs ?? 0) - performance.now();
  t.ok(leftMs < 9960 && leftMs > 9000, `${leftMs} ms`);
});

t.test('a second crash loses nothing, until what was recovered is over', async t => {
  const path = `${t.testdir()}/journal`;
  const first = open(path);
  const number = first.delegated(0, 'lock', 'forelock:p1:e:1');
  first.granted(number, 'me', inMs(10_000));
  first.writeNow();
  t.strictSame(proof(path), ['lock: me']);
  const third = open(path);
  t.not(third.delegated(0, 'other', 'forelock:p1:f:1'), number, 'its number is not given again');
  third.writeNow();
  t.strictSame(proof(path), ['lock: me', 'other: nobody']);
  const fourth = open(path);
  fourth.ended(number);
  fourth.writeNow();
  t.strictSame(proof(path), ['other: nobody']);
});

t.test('what waits is let go at the end of the turn, when all of it is in the file', async t => {
  const path = `${t.testdir()}/journal`;
  let writes = 0;
  const journal = open(path, {
    write: (...call) => {
      writes++;
      return writeSync(...call);
    },
  });
  writes = 0;
  const seen: boolean[] = [];
  const one = journal.delegated(0, 'one', 'forelock:p1:e:1');
  t.equal(journal.unwritten, true);
  journal.hold({ letGo: () => seen.push(readFileSync(path, 'latin1').includes('value of two')) });
  const two = journal.delegated(0, 'two', 'forelock:p1:e:2');
  journal.granted(one, 'value of one', inMs(1000));
  journal.granted(two, 'value of two', inMs(1000));
  t.strictSame(seen, [], 'not before');
  await new Promise(setImmediate);
  t.strictSame(seen, [true]);
  t.equal(journal.unwritten, false);
  t.equal(writes, 1, 'all in one');
  await new Promise(setImmediate);
  t.strictSame(seen, [true], 'once');
});

t.test('it is written anew when it has grown, and loses nothing by that', async t => {
  const path = `${t.testdir()}/journal`;
  const maxBytes = 4096;
  const journal = open(path, { maxBytes });
  const held = journal.delegated(0, 'held', 'forelock:p1:e:0');
  journal.granted(held, 'me', inMs(60_000));
  const busy = journal.delegated(0, 'busy', 'forelock:p1:e:1');
  for (let round = 0; round < 500; round++) {
    journal.granted(busy, `value ${round}`, inMs(1000));
    journal.writeNow();
    journal.released(busy);
    const ended = journal.delegated(0, `key ${round}`, `forelock:p1:e:${round + 2}`);
    journal.ended(ended);
    journal.writeNow();
    const bytes = readFileSync(path).length;
    if (bytes > maxBytes + 200) t.fail(`${bytes} bytes`);
  }
  t.strictSame(proof(path), ['held: me', 'busy: nobody']);
});

t.test('a disk that takes little at a time', async t => {
  const path = `${t.testdir()}/journal`;
  const write: WriteBytes = (file, bytes, from, length) =>
    writeSync(file, bytes, from, Math.min(length, 3));
  const journal = open(path, { write });
  journal.granted(journal.delegated(0, 'lock', 'forelock:p1:e:1'), 'me', inMs(1000));
  journal.writeNow();
  t.strictSame(proof(path), ['lock: me']);
});

t.test('on a full disk it proves nothing, rather than what is not true any more', async t => {
  const path = `${t.testdir()}/journal`;
  const notes = new Notes();
  let isFull = false;
  const write: WriteBytes = (file, bytes, from, length) => {
    if (!isFull) return writeSync(file, bytes, from, length);
    // Half of it fits.
    if (length > 20) return writeSync(file, bytes, from, 10);
    throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
  };
  const journal = open(path, { write, notes });
  const number = journal.delegated(0, 'lock', 'forelock:p1:e:1');
  journal.granted(number, 'first', inMs(10_000));
  journal.writeNow();
  isFull = true;
  let isLetGo = false;
  journal.released(number);
  journal.granted(number, 'second', inMs(10_000));
  journal.hold({ letGo: () => (isLetGo = true) });
  journal.writeNow();
  t.equal(isLetGo, true, 'clients are answered all the same');
  t.equal(readFileSync(path).length, 0);
  t.match(notes.lines, [/^the journal can not be written/]);
  journal.released(number);
  journal.writeNow();
  t.equal(readFileSync(path).length, 0, 'still');
  journal.granted(number, 'third', inMs(10_000));
  isFull = false;
  await sleep(30);
  journal.granted(number, 'third', inMs(9000));
  journal.writeNow();
  t.match(notes.lines, [/can not be written/, /written again/]);
  t.strictSame(proof(path), ['lock: third']);
});

t.test('where the file can not even be emptied, nobody is answered any more', async t => {
  const path = `${t.testdir()}/journal`;
  const journal = open(path);
  journal.delegated(0, 'lock', 'forelock:p1:e:1');
  const file = readdirSync('/proc/self/fd').find(name => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`) === path;
    } catch {
      return false;
    }
  });
  closeSync(Number(file));
  journal.hold({ letGo: () => t.fail('let go') });
  t.throws(() => journal.writeNow(), /EBADF/);
  t.throws(() => journal.writeNow(), /EBADF/, 'nor where the first one was caught');
  t.equal(journal.unwritten, true);
  // The process would be over; this one goes on.
  journal.unwritten = false;
});

t.test('the last record cut off: nobody was told of it, and the rest counts', async t => {
  const path = `${t.testdir()}/journal`;
  const journal = open(path);
  const number = journal.delegated(0, 'lock', 'forelock:p1:e:1');
  journal.granted(number, 'me', inMs(10_000));
  journal.writeNow();
  const whole = readFileSync(path);
  journal.released(number);
  journal.writeNow();
  const longer = readFileSync(path);
  for (let length = whole.length; length < longer.length; length++) {
    writeFileSync(path, longer.subarray(0, length));
    const notes = new Notes();
    const { proven } = open(path, { notes });
    t.equal(proven[0]?.holder?.value, 'me', `${length} bytes`);
    if (length > whole.length) t.match(notes.lines, [/last record of the journal is torn/]);
  }
});

/** What is done to a good journal, and what the next start says. */
const REFUSED: Record<string, { owner?: JournalOwner; damage?: true; says: RegExp }> = {
  'is damaged': { damage: true, says: /^the journal is refused: it is damaged at byte \d+;/ },
  "is another proxy's": {
    owner: { ...OWNER, proxy: 'p2' },
    says: /^the journal is refused: it is of another proxy;/,
  },
  'is of another Redis': {
    owner: { ...OWNER, upstream: 'redis://b' },
    says: /^the journal is refused: it is of another upstream, redis:\/\/a;/,
  },
};

for (const [what, { owner, damage, says }] of Object.entries(REFUSED)) {
  t.test(`a journal that ${what} proves nothing, and is kept`, async t => {
    const path = `${t.testdir()}/journal`;
    const journal = open(path);
    journal.delegated(0, 'the first', 'forelock:p1:e:1');
    journal.delegated(0, 'the last', 'forelock:p1:e:2');
    journal.writeNow();
    const bytes = readFileSync(path);
    if (damage) bytes[bytes.indexOf('the first')] = 0x4c;
    writeFileSync(path, bytes);
    const notes = new Notes();
    t.strictSame(open(path, { notes, ...(owner && { owner }) }).proven, []);
    t.match(notes.lines, [says]);
    t.same(readFileSync(`${path}.refused`), bytes);
  });
}

t.test(
  'after the machine was started anew a journal proves nothing, which is no fault',
  async t => {
    const path = `${t.testdir()}/journal`;
    const journal = open(path);
    journal.delegated(0, 'lock', 'forelock:p1:e:1');
    journal.writeNow();
    const notes = new Notes();
    t.strictSame(open(path, { notes, owner: { ...OWNER, boot: 'boot-2' } }).proven, []);
    t.match(notes.lines, [/^the journal proves nothing: the machine was booted since; leases/]);
    t.strictSame(readdirSync(t.testdirName), ['journal']);
  },
);

t.test('once closed it takes nothing any more', async t => {
  const path = `${t.testdir()}/journal`;
  const journal = open(path);
  const number = journal.delegated(0, 'lock', 'forelock:p1:e:1');
  journal.close();
  t.strictSame(proof(path), ['lock: nobody']);
  journal.ended(number);
  await new Promise(setImmediate);
  journal.close();
});
