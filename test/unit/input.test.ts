import t from 'tap';
import { INCOMPLETE, RequestFramer } from '../../src/resp/request-framer.js';
import { Input } from '../../src/session/input.js';

/** What a client sent and waits: every byte in its order, however it came. */

const taken = (input: Input): string => {
  input.gather();
  return input.bytes.toString('latin1', input.at);
};

t.test('pieces are joined in their order', async t => {
  for (const size of [1, 2, 63, 64, 65, 1000]) {
    const input = new Input();
    const bytes = Buffer.from(Array.from({ length: 20_000 }, (_, index) => index % 251));
    for (let at = 0; at < bytes.length; at += size) input.add(bytes.subarray(at, at + size));
    t.equal(input.waitingBytes, bytes.length);
    t.equal(taken(input), bytes.toString('latin1'), `pieces of ${size}`);
  }
});

t.test('what is treated is gone, and the rest stays in front', async t => {
  const input = new Input();
  input.add(Buffer.from('abc'));
  input.at = 2;
  input.add(Buffer.from('def'));
  t.equal(input.waitingBytes, 4);
  t.equal(taken(input), 'cdef');
  input.at = input.bytes.length;
  input.letGo();
  t.equal(input.waitingBytes, 0);
  input.add(Buffer.from('ghi'));
  t.equal(taken(input), 'ghi');
});

t.test('it is worth a look when a request can be whole, and after each look', async t => {
  const framer = new RequestFramer();
  const waitFor = (input: Input, ...pieces: string[]): boolean[] =>
    pieces.map(piece => {
      input.add(Buffer.from(piece));
      const { ready } = input;
      if (!ready) return false;
      input.gather();
      t.equal(framer.next(input.bytes, input.at, input.bytes.length), INCOMPLETE);
      input.wait(framer);
      return true;
    });
  t.same(
    waitFor(new Input(), '*2\r\n', '$3\r\nG', 'E', 'T\r', '\n', '$', '1', '\r\n'),
    [true, true, false, false, true, true, true, true],
    'a header may be wrong at each byte, a string not',
  );
  const many = `*3001\r\n${'$1\r\na\r\n'.repeat(2000)}`;
  t.same(
    waitFor(new Input(), many, '$', '1', '\r', '\n', 'a\r\n'.padEnd(5004, '$1\r\na\r\n')),
    [true, false, false, false, false, true],
    'many arguments are not read anew with each byte',
  );
});

t.test('a request in many pieces is not copied with each of them', async t => {
  const input = new Input();
  const piece = Buffer.alloc(64 * 1024);
  const beganMs = performance.now();
  // A gigabyte in all: copied with each piece it would be eight terabytes.
  for (let count = 0; count < 16_384; count++) input.add(piece.subarray());
  t.ok(performance.now() - beganMs < 20_000);
  t.equal(input.waitingBytes, 1024 ** 3);
  input.clear();
  t.equal(input.waitingBytes, 0);
});

t.test('of lent bytes, what is not treated is kept when they are taken back', async t => {
  const lent = Buffer.from('abcdef..');
  const input = new Input();
  input.lend(lent, 6);
  input.at = 2;
  const frame = input.frame(4);
  input.at = 4;
  input.keep();
  lent.fill('x');
  t.equal(frame.toString(), 'cd', 'a frame is the taker’s own');
  t.equal(taken(input), 'ef', 'and so is the rest');
  input.add(Buffer.from('gh'));
  t.equal(taken(input), 'efgh');
});

t.test('of lent bytes that are treated, nothing is kept', async t => {
  const input = new Input();
  input.lend(Buffer.from('abc'), 3);
  input.at = 3;
  input.letGo();
  input.keep();
  t.equal(input.waitingBytes, 0);
  t.equal(input.bytes.length, 0);
});
