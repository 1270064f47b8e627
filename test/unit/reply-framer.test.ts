import fc from 'fast-check';
import t from 'tap';
import { encodeReply, parseReply, replyValue } from '../../src/resp/parse-reply.js';
import { ReplyFramer } from '../../src/resp/reply-framer.js';

/** One reply of every type of RESP2 and RESP3, and the ways in which they nest. */
const REPLIES: readonly (readonly [name: string, text: string])[] = [
  ['a status', '+OK\r\n'],
  ['an error', '-ERR 12 is wrong\r\n'],
  ['an integer', ':-12\r\n'],
  ['a string', '$5\r\nhe\r\nl\r\n'],
  ['an empty string', '$0\r\n\r\n'],
  ['a null string', '$-1\r\n'],
  ['an array', '*2\r\n$1\r\na\r\n:2\r\n'],
  ['an empty array', '*0\r\n'],
  ['a null array', '*-1\r\n'],
  ['nested arrays', '*2\r\n*2\r\n+a\r\n*0\r\n*1\r\n$-1\r\n'],
  ['a map', '%2\r\n+a\r\n:1\r\n+b\r\n*2\r\n:1\r\n:2\r\n'],
  ['an empty map', '%0\r\n'],
  ['a set', '~2\r\n+a\r\n+b\r\n'],
  ['a null', '_\r\n'],
  ['a double', ',-1.5e10\r\n'],
  ['infinity', ',inf\r\n'],
  ['a boolean', '#t\r\n'],
  ['a big number', '(12345678901234567890\r\n'],
  ['a verbatim string', '=7\r\ntxt:abc\r\n'],
  ['a bulk error', '!5\r\nERR x\r\n'],
];

t.test('finds the end of every type of reply, however it is cut', async t => {
  for (const [name, text] of REPLIES) {
    const bytes = Buffer.from(`${text}+next\r\n`, 'latin1');
    for (let cut = 0; cut <= text.length; cut++) {
      const framer = new ReplyFramer();
      let end = framer.scan(bytes, 0, cut);
      if (end < 0) end = framer.scan(bytes, cut, bytes.length);
      if (end !== text.length) t.equal(end, text.length, `${name} cut at ${cut}`);
    }
    t.pass(name);
  }
});

t.test('tells pushes from replies', async t => {
  const framer = new ReplyFramer();
  const bytes = Buffer.from('>2\r\n+message\r\n+x\r\n:1\r\n');
  t.equal(framer.scan(bytes, 0, bytes.length), 18);
  t.equal(framer.isPush, true);
  t.equal(framer.scan(bytes, 18, bytes.length), bytes.length);
  t.equal(framer.isPush, false);
});

t.test('an attribute belongs to the reply that follows it', async t => {
  const bytes = Buffer.from('|1\r\n+ttl\r\n:3\r\n*2\r\n|1\r\n+a\r\n+b\r\n:1\r\n:2\r\n');
  t.equal(new ReplyFramer().scan(bytes, 0, bytes.length), bytes.length);
});

t.test('knows whether it stands within a reply', async t => {
  const framer = new ReplyFramer();
  framer.scan(Buffer.from('$10\r\nabc'), 0, 8);
  t.equal(framer.midReply, true);
  framer.scan(Buffer.from('defghij\r\n'), 0, 9);
  t.equal(framer.midReply, false);
});

t.test('a reply that is parsed and encoded again is the same bytes', async t => {
  for (const [name, text] of REPLIES) {
    t.equal(encodeReply(parseReply(Buffer.from(text, 'latin1'))).toString('latin1'), text, name);
  }
});

t.test('any split of any mix of replies gives the same ends', async () => {
  const mix = fc.array(fc.constantFrom(...REPLIES.map(([, text]) => text)), { minLength: 1 });
  fc.assert(
    fc.property(mix, fc.array(fc.nat(40), { minLength: 1 }), (texts, cuts) => {
      const bytes = Buffer.from(texts.join(''), 'latin1');
      const ends: number[] = [];
      const framer = new ReplyFramer();
      let at = 0;
      let turn = 0;
      while (at < bytes.length) {
        const to = Math.min(bytes.length, at + 1 + (cuts[turn++ % cuts.length] ?? 0));
        while (at < to) {
          const end = framer.scan(bytes, at, to);
          if (end < 0) {
            at = to;
          } else {
            ends.push(end);
            at = end;
          }
        }
      }
      let sum = 0;
      const wanted = texts.map(text => {
        sum += text.length;
        return sum;
      });
      return JSON.stringify(ends) === JSON.stringify(wanted);
    }),
    { numRuns: 300 },
  );
});

t.test('many replies are read on as one by one, and no further than they are wanted', async () => {
  const push = '>2\r\n+message\r\n+x\r\n';
  const longer = '$101\r\n'.concat('v'.repeat(101), '\r\n');
  const twoDigits = '$12\r\n+OK\r\n$3\r\n:1\r\n\r\n';
  const pieces = [...REPLIES.map(([, text]) => text), push, longer, twoDigits];
  const piece = fc.oneof(fc.constantFrom(...pieces), fc.constantFrom('+OK\r\n', '$3\r\nabc\r\n'));
  fc.assert(
    fc.property(
      fc.array(piece, { minLength: 1, maxLength: 12 }),
      fc.array(fc.nat(30), { minLength: 1 }),
      fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1 }),
      (texts, cuts, wants) => {
        const bytes = Buffer.from(texts.join(''), 'latin1');
        const many = new ReplyFramer();
        const single = new ReplyFramer();
        let at = 0;
        for (let turn = 0; at < bytes.length; turn++) {
          const to = Math.min(bytes.length, at + 1 + (cuts[turn % cuts.length] ?? 0));
          const wanted = wants[turn % wants.length] ?? 1;
          let expected = at;
          let ended = 0;
          while (expected < to && ended < wanted) {
            const end = single.scan(bytes, expected, to);
            expected = end < 0 ? to : end;
            if (end >= 0 && !single.isPush) ended++;
          }
          if (many.scanReplies(bytes, at, to, wanted) !== expected) return false;
          if (many.ended !== ended || many.midReply !== single.midReply) return false;
          at = expected;
        }
        return true;
      },
    ),
    { numRuns: 1000 },
  );
});

t.test('tells how much has come of a reply that is not whole', async t => {
  const framer = new ReplyFramer();
  const bytes = Buffer.from('+OK\r\n$200\r\n'.concat('v'.repeat(200), '\r\n:1\r\n'));
  t.equal(framer.scanReplies(bytes, 0, 20, 9), 20);
  t.same([framer.ended, framer.unfinishedBytes], [1, 15]);
  t.equal(framer.scanReplies(bytes, 20, 50, 9), 50);
  t.same([framer.ended, framer.unfinishedBytes], [0, 45]);
  t.equal(framer.scanReplies(bytes, 50, bytes.length, 9), bytes.length);
  t.same([framer.ended, framer.unfinishedBytes], [2, 0]);
});

t.test('values: maps are flat, booleans are numbers, errors throw', async t => {
  const value = (text: string) => replyValue(parseReply(Buffer.from(text)));
  t.strictSame(value('%1\r\n+a\r\n*2\r\n:1\r\n_\r\n'), ['a', [1, null]]);
  t.strictSame(value('*2\r\n#t\r\n,1.5\r\n'), [1, 1.5]);
  t.throws(() => value('-ERR no\r\n'), /ERR no/);
});
