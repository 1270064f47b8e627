/** Bytes of requests and replies, for the paths where we are the author of one. */

export type Protocol = 2 | 3;

/** A request as an array of bulk strings; strings are binary (latin1). */
export function encodeCommand(args: readonly (string | number)[]): Buffer {
  let text = `*${args.length}\r\n`;
  for (const arg of args) {
    const word = typeof arg === 'number' ? String(arg) : arg;
    text += `$${word.length}\r\n${word}\r\n`;
  }
  return Buffer.from(text, 'latin1');
}

export const OK_REPLY = Buffer.from('+OK\r\n');
const NULL_BULK = Buffer.from('$-1\r\n');
const NULL_RESP3 = Buffer.from('_\r\n');
const ONE_REPLY = Buffer.from(':1\r\n');
const ZERO_REPLY = Buffer.from(':0\r\n');

/** Redis's 'nothing': a null bulk in RESP2, a null in RESP3. */
export function nullReply(protocol: Protocol): Buffer {
  return protocol === 3 ? NULL_RESP3 : NULL_BULK;
}

export function integerReply(value: number): Buffer {
  if (value === 1) return ONE_REPLY;
  if (value === 0) return ZERO_REPLY;
  return Buffer.from(`:${value}\r\n`);
}

/** An error line; line ends in the text would end it too early, so they become spaces. */
export function errorReply(text: string): Buffer {
  return Buffer.from(`-${text.replace(/[\r\n]+/g, ' ')}\r\n`, 'latin1');
}

export function bulkReply(text: string): Buffer {
  return Buffer.from(`$${text.length}\r\n${text}\r\n`, 'latin1');
}
