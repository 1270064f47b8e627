import { parseRequest } from '../../src/intent/parse-request.js';
import { ReplyFramer } from '../../src/resp/reply-framer.js';
import { COMPLETE, RequestFramer } from '../../src/resp/request-framer.js';
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
    frameReply('frame a reply: +OK', Buffer.from('+OK\r\n')),
    frameReply('frame a reply: a value of 1 KiB', bulkReply(1024)),
    frameReply('frame a reply: 100 values', arrayReply(100)),
    parse('parse a request: SET NX PX', acquireCommand(), 6),
    parse('parse a request: EVALSHA release', releaseCommand(), 5),
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

function check(right: boolean, name: string): void {
  if (!right) throw new Error(`${name}: a wrong result`);
}
