import fc from 'fast-check';
import t from 'tap';
import { encodeCommand } from '../../src/resp/encode.js';
import { splitInline } from '../../src/resp/inline.js';
import {
  COMPLETE,
  EMPTY,
  INCOMPLETE,
  INLINE,
  MALFORMED,
  RequestFramer,
} from '../../src/resp/request-framer.js';
import { RequestSkimmer } from '../../src/resp/request-skimmer.js';

function frame(text: string) {
  const framer = new RequestFramer();
  const bytes = Buffer.from(text, 'latin1');
  return { framer, status: framer.next(bytes, 0, bytes.length) };
}

/** What Redis would read: its own parser's rules, networking.c of 7.0. */
const SINGLE_FRAMES: readonly (readonly [name: string, text: string, status: number])[] = [
  ['a command', '*1\r\n$4\r\nPING\r\n', COMPLETE],
  ['an empty argument', '*2\r\n$4\r\nECHO\r\n$0\r\n\r\n', COMPLETE],
  ['any two bytes behind an argument', '*1\r\n$4\r\nPINGxy', COMPLETE],
  ['no arguments', '*0\r\n', EMPTY],
  ['a null array', '*-1\r\n', EMPTY],
  ['an empty line', '\r\n', EMPTY],
  ['a bare newline', '\n', EMPTY],
  ['an inline command', 'PING\r\n', INLINE],
  ['an inline command without its CR', 'PING\n', INLINE],
  ['the start of an inline command', 'PIN', INCOMPLETE],
  ['the start of a count', '*1', INCOMPLETE],
  ['a count without its LF', '*1\r', INCOMPLETE],
  ['a count alone', '*1\r\n', INCOMPLETE],
  ['half an argument', '*1\r\n$4\r\nPI', INCOMPLETE],
  ['an argument without its end', '*1\r\n$4\r\nPING\r', INCOMPLETE],
  ['a count that is no number', '*x\r\n', MALFORMED],
  ['a count with a plus', '*+1\r\n', MALFORMED],
  ['a count with a leading zero', '*01\r\n', MALFORMED],
  ['a count of minus zero', '*-0\r\n', MALFORMED],
  ['an empty count', '*\r\n', MALFORMED],
  ['a count above INT_MAX', '*2147483648\r\n', MALFORMED],
  ['an argument that is no bulk string', '*1\r\n:4\r\n', MALFORMED],
  ['a negative length', '*1\r\n$-1\r\n', MALFORMED],
  ['a length that is no number', '*1\r\n$4x\r\n', MALFORMED],
  ['a line above 64 KB without an end', 'x'.repeat(65 * 1024), MALFORMED],
  ['a count above 64 KB without an end', `*${'1'.repeat(65 * 1024)}`, MALFORMED],
  ['a NUL in an inline command', 'PI\0NG\r\n', MALFORMED],
];

t.test('reads a frame as Redis does', async t => {
  for (const [name, text, status] of SINGLE_FRAMES) t.equal(frame(text).status, status, name);
});

t.test('tells where the arguments are', async t => {
  const { framer } = frame('*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\na\r\nbc\r\nrest');
  t.equal(framer.argCount, 3);
  t.equal(framer.argStart[2], 24);
  t.equal(framer.argEnd[2], 29);
  t.equal(framer.end, 31);
});

t.test('says at least how long an unfinished request is', async t => {
  const { framer } = frame('*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000\r\nab');
  t.ok(framer.neededBytes >= 1020, `${framer.neededBytes}`);
  t.ok(framer.neededBytes <= 1032, `${framer.neededBytes}`);
});

t.test('a request is the same however its bytes are cut', async () => {
  const word = fc.uint8Array({ maxLength: 20 }).map(bytes => Buffer.from(bytes).toString('latin1'));
  const words = fc.array(word, { minLength: 1, maxLength: 80 });
  fc.assert(
    fc.property(words, args => {
      const bytes = encodeCommand(args);
      const framer = new RequestFramer();
      for (let to = 1; to < bytes.length; to++) {
        if (framer.next(bytes, 0, to) !== INCOMPLETE) return false;
        if (framer.neededBytes > bytes.length || framer.neededBytes <= to) return false;
      }
      if (framer.next(bytes, 0, bytes.length) !== COMPLETE) return false;
      return args.every(
        (arg, at) => bytes.toString('latin1', framer.argStart[at], framer.argEnd[at]) === arg,
      );
    }),
    { numRuns: 50 },
  );
});

/** The same rules in other words; null: not whole, or no request of arguments. */
function argumentsOf(text: string): readonly string[] | null {
  const count = /^\*([1-9]\d{0,8})\r[\s\S]/.exec(text);
  if (count === null) return null;
  const args: string[] = [];
  let rest = text.slice(count[0].length);
  while (args.length < Number(count[1])) {
    const head = /^\$(0|[1-9]\d{0,8})\r[\s\S]/.exec(rest);
    if (head === null) return null;
    const length = Number(head[1]);
    if (rest.length < head[0].length + length + 2) return null;
    args.push(rest.slice(head[0].length, head[0].length + length));
    rest = rest.slice(head[0].length + length + 2);
  }
  return args;
}

t.test('a request with any of its bytes changed is whole where the rules say so', async () => {
  const word = fc.string({
    unit: fc.constantFrom('a', '0', '1', '$', '*', '\r', '\n'),
    maxLength: 12,
  });
  const words = fc.array(
    fc.oneof(word, fc.constant('v'.repeat(99)), fc.constant('v'.repeat(100))),
    {
      minLength: 1,
      maxLength: 11,
    },
  );
  const changed = fc.constantFrom('', '0', '1', '9', '-', '\r', '\n', '$', '*', ':', '/', '\xff');
  const changes = fc.array(fc.tuple(fc.nat(), changed), { maxLength: 2 });
  const framer = new RequestFramer();
  fc.assert(
    fc.property(words, changes, fc.nat(3), (args, made, before) => {
      let text = encodeCommand(args).toString('latin1');
      for (const [seed, other] of made) {
        // Where lines begin is where most of the rules are.
        const at = seed % 2 === 0 ? seed % 9 : seed % text.length;
        text = text.slice(0, at) + other + text.slice(at + 1);
      }
      const bytes = Buffer.from(`${'*'.repeat(before)}${text}$1\r\n1\r\n`, 'latin1');
      const to = before + text.length;
      const status = framer.next(bytes, before, to);
      const expected = argumentsOf(text);
      if (expected === null) return status !== COMPLETE;
      if (status !== COMPLETE || framer.argCount !== expected.length) return false;
      return expected.every(
        (arg, at) => bytes.toString('latin1', framer.argStart[at], framer.argEnd[at]) === arg,
      );
    }),
    { numRuns: 20_000 },
  );
});

t.test('random bytes never throw and never read past their end', async () => {
  const framer = new RequestFramer();
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), random => {
      const bytes = Buffer.from(random);
      const status = framer.next(bytes, 0, bytes.length);
      return status === INCOMPLETE || status === MALFORMED || framer.end <= bytes.length;
    }),
    { numRuns: 5000 },
  );
});

t.test('a request too large to hold is followed to its end, however it is cut', async t => {
  const bytes = Buffer.concat([encodeCommand(['SET', 'k', 'v'.repeat(300), '']), Buffer.from('*')]);
  for (let cut = 1; cut < bytes.length; cut++) {
    const skimmer = new RequestSkimmer();
    let end = skimmer.skim(bytes, 0, cut);
    if (end < 0) end = skimmer.skim(bytes, cut, bytes.length);
    t.equal(end, bytes.length - 1, `cut at ${cut}`);
  }
});

const INLINE_WORDS: readonly (readonly [string, readonly string[] | null])[] = [
  ['set k v', ['set', 'k', 'v']],
  ['  set   k\tv ', ['set', 'k', 'v']],
  ['set k "a b"', ['set', 'k', 'a b']],
  ['set k "\\x41\\n\\t\\"\\q"', ['set', 'k', 'A\n\t"q']],
  ["set k 'it\\'s \\n'", ['set', 'k', "it's \\n"]],
  ['set k ""', ['set', 'k', '']],
  ['set k a"b"', ['set', 'k', 'ab']],
  ['set k "a"b', null],
  ['\x0bset\x0bk \x0cv', ['set\x0bk', 'v']],
  ['set k "a', null],
  ["set k 'a", null],
  ['', []],
];

t.test('splits inline commands as Redis does', async t => {
  for (const [line, words] of INLINE_WORDS) t.strictSame(splitInline(line), words, line);
});
