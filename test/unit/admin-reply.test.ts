import t from 'tap';
import {
  AdminError,
  type AdminReply,
  Double,
  encodeAdminReply,
  mapOf,
} from '../../src/observe/admin-reply.js';

const cases: readonly (readonly [string, AdminReply, resp2: string, resp3: string])[] = [
  ['null', null, '$-1\r\n', '_\r\n'],
  ['true', true, ':1\r\n', '#t\r\n'],
  ['false', false, ':0\r\n', '#f\r\n'],
  ['an integer', -42, ':-42\r\n', ':-42\r\n'],
  ['a fraction', 0.25, '$4\r\n0.25\r\n', ',0.25\r\n'],
  ['a whole double', new Double(1), '$1\r\n1\r\n', ',1\r\n'],
  ['infinity', new Double(Number.NEGATIVE_INFINITY), '$4\r\n-inf\r\n', ',-inf\r\n'],
  ['not a number', Number.NaN, '$3\r\nnan\r\n', ',nan\r\n'],
  ['a text', 'held', '$4\r\nheld\r\n', '$4\r\nheld\r\n'],
  ['an empty text', '', '$0\r\n\r\n', '$0\r\n\r\n'],
  ['an error', new AdminError('ERR no'), '-ERR no\r\n', '-ERR no\r\n'],
  ['an error with line ends', new AdminError('ERR a\r\n+OK'), '-ERR a +OK\r\n', '-ERR a +OK\r\n'],
  ['a list', ['a', 1], '*2\r\n$1\r\na\r\n:1\r\n', '*2\r\n$1\r\na\r\n:1\r\n'],
  ['an empty list', [], '*0\r\n', '*0\r\n'],
  [
    'a map',
    mapOf({ a: 1, b: null }),
    '*4\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n$-1\r\n',
    '%2\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n_\r\n',
  ],
  [
    'maps in a list',
    [mapOf({ a: 1 })],
    '*1\r\n*2\r\n$1\r\na\r\n:1\r\n',
    '*1\r\n%1\r\n$1\r\na\r\n:1\r\n',
  ],
];

for (const [name, reply, resp2, resp3] of cases) {
  t.test(`${name} in RESP2 and RESP3`, async t => {
    t.equal(encodeAdminReply(reply, 2).toString('latin1'), resp2);
    t.equal(encodeAdminReply(reply, 3).toString('latin1'), resp3);
  });
}

t.test('a binary key keeps its bytes, and its length counts bytes', async t => {
  const bytes = Buffer.from([0x6b, 0x00, 0xff, 0xc3, 0xbc]);
  t.same(
    encodeAdminReply(bytes.toString('latin1'), 2),
    Buffer.concat([Buffer.from('$5\r\n'), bytes, Buffer.from('\r\n')]),
  );
});
