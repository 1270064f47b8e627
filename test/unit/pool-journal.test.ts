import t from 'tap';
import { type JournalOwner, JournalWriter, leftMs, readJournal } from '../../src/pool/journal.js';

const OWNER: JournalOwner = { boot: 'boot-1', proxy: 'p1', upstream: 'unix:/täst/ø' };

const KEY = 'lock:\xff\x00{a}';
const VALUE = 'value \x00\xfe\n';

function write(fill: (writer: JournalWriter) => void): Uint8Array {
  const writer = new JournalWriter(OWNER);
  fill(writer);
  return writer.take().slice();
}

/** Two delegations live, one of them held; one over. */
const some = (writer: JournalWriter): void => {
  writer.delegated(1, 0, KEY, 'forelock:p1:e:1');
  writer.delegated(2, 3, 'other', 'forelock:p1:e:2');
  writer.granted(1, 'first', 1000, 5, 6);
  writer.released(1);
  writer.granted(1, VALUE, 30_000, 100.5, 1_700_000_000_000);
  writer.delegated(3, 0, 'third', 'forelock:p1:e:3');
  writer.granted(3, 'v', 10, 1, 2);
  writer.ended(3);
};

t.test(
  'what was written is read: the delegations that did not end, and who holds them',
  async t => {
    const reading = readJournal(write(some), OWNER);
    t.strictSame(reading, {
      kind: 'proof',
      tornBytes: 0,
      delegations: [
        {
          delegation: 1,
          database: 0,
          key: KEY,
          token: 'forelock:p1:e:1',
          grant: {
            value: VALUE,
            at: { monotonicMs: 100.5, wallMs: 1_700_000_000_000 },
            ttlMs: 30_000,
          },
        },
        { delegation: 2, database: 3, key: 'other', token: 'forelock:p1:e:2', grant: null },
      ],
    });
  },
);

t.test('records go on from what was taken before, whatever their size', async t => {
  const writer = new JournalWriter(OWNER);
  const parts = [writer.take().slice()];
  for (let delegation = 1; delegation <= 50; delegation++) {
    writer.delegated(delegation, 0, 'k'.repeat(delegation * 1500), `forelock:p1:e:${delegation}`);
    if (delegation % 7 === 0) parts.push(writer.take().slice());
  }
  t.equal(writer.empty, false);
  parts.push(writer.take().slice());
  t.equal(writer.empty, true);
  const reading = readJournal(Buffer.concat(parts), OWNER);
  t.equal(reading.kind === 'proof' && reading.delegations.length, 50);
  t.equal(reading.kind === 'proof' && reading.delegations[49]?.key.length, 75_000);
});

t.test('cut off at any byte, it proves what was complete', async t => {
  const bytes = write(some);
  const lineEnd = bytes.indexOf(0x0a) + 1;
  const kinds = new Set<string>();
  for (let length = 0; length < bytes.length; length++) {
    const reading = readJournal(bytes.subarray(0, length), OWNER);
    kinds.add(reading.kind);
    if (length < lineEnd) t.equal(reading.kind, 'refused', `${length} bytes`);
    else if (reading.kind !== 'proof') t.fail(`${length} bytes: ${reading.reason}`);
    else if (length > lineEnd && reading.tornBytes > 0) {
      t.equal(readJournal(bytes.subarray(0, length - reading.tornBytes), OWNER).kind, 'proof');
    }
  }
  t.strictSame([...kinds].sort(), ['proof', 'refused']);
});

t.test('a byte that is changed anywhere but in the last record is seen', async t => {
  const whole = write(some);
  const last = write(writer => {
    some(writer);
    writer.ended(2);
  });
  for (let at = 0; at < whole.length; at++) {
    for (const change of [0x01, 0x80, 0xff]) {
      const changed = last.slice();
      changed[at] = (changed[at] ?? 0) ^ change;
      const reading = readJournal(changed, OWNER);
      if (reading.kind !== 'refused') t.fail(`byte ${at} ^ ${change} was not noticed`);
    }
  }
  t.pass();
});

t.test('records that are missing, repeated or of another journal are seen', async t => {
  const writer = new JournalWriter(OWNER);
  const records = [writer.take().slice()];
  for (let delegation = 1; delegation <= 4; delegation++) {
    writer.delegated(delegation, 0, 'key', `forelock:p1:e:${delegation}`);
    records.push(writer.take().slice());
  }
  const kindOf = (...order: number[]): string =>
    readJournal(Buffer.concat(order.map(index => records[index] ?? new Uint8Array())), OWNER).kind;
  t.equal(kindOf(0, 1, 2, 3, 4), 'proof');
  t.equal(kindOf(0, 2, 3, 4), 'refused');
  t.equal(kindOf(0, 1, 3, 2, 4), 'refused');
  t.equal(kindOf(0, 1, 1, 2, 3, 4), 'refused');
  const other = new JournalWriter({ ...OWNER, boot: 'boot-2' });
  const head = other.take().slice();
  t.equal(
    readJournal(Buffer.concat([head, ...records.slice(1)]), { ...OWNER, boot: 'boot-2' }).kind,
    'refused',
  );
});

t.test('a journal that is not of this owner proves nothing, and says why', async t => {
  const bytes = write(some);
  const line = Buffer.from(bytes).toString('latin1');
  const cases: readonly (readonly [Uint8Array, JournalOwner, RegExp, boolean])[] = [
    [bytes, { ...OWNER, boot: 'boot-2' }, /^the machine was booted since$/, false],
    [bytes, { ...OWNER, boot: '' }, /^this system does not tell when it was booted$/, false],
    [bytes, { ...OWNER, proxy: 'p2' }, /^it is of another proxy$/, true],
    [
      bytes,
      { ...OWNER, upstream: 'redis://b' },
      /^it is of another upstream, unix:\/täst\/ø$/,
      true,
    ],
    [new Uint8Array(), OWNER, /^it could not be written, and is empty$/, false],
    [Buffer.from('{"a":1}\n'), OWNER, /^it is no journal of Forelock$/, true],
    [Buffer.from('null\n'), OWNER, /^it is no journal of Forelock$/, true],
    [
      Buffer.from(line.replace('"version":1', '"version":9'), 'latin1'),
      OWNER,
      /^it has version 9, this Forelock reads 1$/,
      true,
    ],
  ];
  for (const [journal, owner, reason, damaged] of cases) {
    const reading = readJournal(journal, owner);
    if (reading.kind !== 'refused') t.fail(String(reason));
    else {
      t.match(reading.reason, reason);
      t.equal(reading.damaged, damaged, reading.reason);
    }
  }
});

t.test('what is left of a TTL is what the slower clock says, and never more than all', async t => {
  const grant = { value: 'v', at: { monotonicMs: 1000, wallMs: 50_000 }, ttlMs: 10_000 };
  const left = (monotonicMs: number, wallMs: number): number =>
    leftMs(grant, { monotonicMs, wallMs });
  t.equal(left(4000, 53_000), 7000);
  t.equal(left(4000, 50_500), 9500, 'the wall clock was set back');
  t.equal(left(1500, 90_000), 9500, 'the wall clock was set ahead');
  t.equal(left(4000, 20_000), 10_000, 'the wall clock was set back by far');
  t.ok(left(20_000, 70_000) < 0, 'over');
});
