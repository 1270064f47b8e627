import t from 'tap';
import { parseRequest } from '../../src/intent/parse-request.js';

const text = (frame: string) =>
  parseRequest(Buffer.from(frame, 'latin1'))?.map(part => part.toString('latin1')) ?? null;

t.test('one request becomes its arguments, byte for byte', async t => {
  t.same(text('*2\r\n$3\r\nGET\r\n$1\r\nk\r\n'), ['GET', 'k']);
  t.same(text('*2\r\n$0\r\n\r\n$4\r\n\r\n\xff\x00\r\n'), ['', '\r\n\xff\x00']);
});

t.test('what is no whole request is null, and the next request is not disturbed', async t => {
  for (const frame of [
    '*2\r\n$3\r\nGET\r\n$1\r\n',
    '*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*1\r\n',
    '*1\r\n$-1\r\n',
    '*0\r\n',
    '*-1\r\n',
    '+OK\r\n',
    ':1\r\n',
    '*1\r\n:1\r\n',
    'GET k\r\n',
    '*1\r\n$3\r\nGET\r\n*1\r\n$3\r\nGET\r\n',
    '',
  ]) {
    t.equal(text(frame), null, JSON.stringify(frame));
    t.same(text('*1\r\n$4\r\nPING\r\n'), ['PING']);
  }
});
