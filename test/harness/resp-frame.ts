/** RESP2 and RESP3 as the tests need them: where a frame ends, and what it says. */

const CR = 13;
const LF = 10;

function lineEnd(bytes: Buffer, at: number): number {
  let cr = bytes.indexOf(CR, at);
  while (cr !== -1 && cr + 1 < bytes.length && bytes[cr + 1] !== LF) {
    cr = bytes.indexOf(CR, cr + 1);
  }
  return cr === -1 || cr + 1 >= bytes.length ? -1 : cr + 2;
}

function headerNumber(bytes: Buffer, at: number, end: number): number {
  const text = bytes.toString('latin1', at + 1, end - 2);
  const number = Number(text);
  if (text === '' || !Number.isInteger(number)) {
    throw new Error(`not a RESP header: ${JSON.stringify(bytes.toString('latin1', at, end))}`);
  }
  return number;
}

/**
 * Offset just behind the reply that begins at `at`. A result beyond `bytes.length` says that the
 * frame is incomplete, and that at least so many bytes are needed. Throws where no reply begins.
 */
export function frameEnd(bytes: Buffer, at: number): number {
  const incomplete = bytes.length + 1;
  if (at >= bytes.length) return incomplete;
  const type = String.fromCharCode(bytes[at] ?? 0);
  const end = lineEnd(bytes, at);
  switch (type) {
    case '+':
    case '-':
    case ':':
    case '_':
    case '#':
    case ',':
    case '(':
      return end === -1 ? incomplete : end;
    case '$':
    case '=':
    case '!': {
      if (end === -1) return incomplete;
      const length = headerNumber(bytes, at, end);
      return length < 0 ? end : end + length + 2;
    }
    case '*':
    case '~':
    case '>':
    case '%':
    case '|': {
      if (end === -1) return incomplete;
      const items = headerNumber(bytes, at, end) * (type === '%' || type === '|' ? 2 : 1);
      let next = end;
      for (let i = 0; i < items; i++) {
        next = frameEnd(bytes, next);
        if (next > bytes.length) return next;
      }
      // An attribute is no reply of its own: it stands before the reply that it describes.
      return type === '|' ? frameEnd(bytes, next) : next;
    }
    default:
      throw new Error(
        `no reply begins with ${JSON.stringify(bytes.toString('latin1', at, at + 60))}`,
      );
  }
}

/** A reply's content; maps are arrays of pairs, errors are `RespError`s. */
export type RespValue = string | number | boolean | null | RespError | RespValue[];

export class RespError extends Error {}

/** Decodes one whole reply given as a binary string. */
export function decode(reply: string): RespValue {
  const bytes = Buffer.from(reply, 'latin1');
  const [value, end] = decodeAt(bytes, 0);
  if (end !== bytes.length) throw new Error(`more than one reply: ${JSON.stringify(reply)}`);
  return value;
}

function decodeAt(bytes: Buffer, at: number): [RespValue, number] {
  const type = String.fromCharCode(bytes[at] ?? 0);
  const end = lineEnd(bytes, at);
  if (end === -1) throw new Error('incomplete reply');
  const text = bytes.toString('latin1', at + 1, end - 2);
  switch (type) {
    case '+':
    case '(':
      return [text, end];
    case '-':
      return [new RespError(text), end];
    case ':':
    case ',':
      return [Number(text.replace('inf', 'Infinity')), end];
    case '_':
      return [null, end];
    case '#':
      return [text === 't', end];
    case '$':
    case '=':
    case '!': {
      const length = Number(text);
      if (length < 0) return [null, end];
      const body = bytes.toString('latin1', end, end + length);
      const next = end + length + 2;
      if (type === '!') return [new RespError(body), next];
      return [type === '=' ? body.slice(4) : body, next];
    }
    default: {
      const length = Number(text);
      if (length < 0) return [null, end];
      const pairs = type === '%' || type === '|';
      const items: RespValue[] = [];
      let next = end;
      for (let i = 0; i < length; i++) {
        const [first, afterFirst] = decodeAt(bytes, next);
        next = afterFirst;
        if (pairs) {
          const [second, afterSecond] = decodeAt(bytes, next);
          next = afterSecond;
          items.push([first, second]);
        } else {
          items.push(first);
        }
      }
      return type === '|' ? decodeAt(bytes, next) : [items, next];
    }
  }
}

/** A command as clients send it; strings are binary (one character, one byte). */
export function encodeCommand(args: readonly (string | number)[]): Buffer {
  let text = `*${args.length}\r\n`;
  for (const arg of args) {
    const bytes = String(arg);
    text += `$${bytes.length}\r\n${bytes}\r\n`;
  }
  return Buffer.from(text, 'latin1');
}

/**
 * The reply's skeleton: types, array lengths and nothing of the content, for replies that no two
 * servers give alike (times, ids, sizes). Errors keep their first word.
 */
export function shapeOf(reply: string): string {
  return reply.startsWith('-')
    ? (reply.split(' ')[0] ?? '')
    : shape(Buffer.from(reply, 'latin1'), 0)[0];
}

function shape(bytes: Buffer, at: number): [string, number] {
  const type = String.fromCharCode(bytes[at] ?? 0);
  const end = lineEnd(bytes, at);
  if (!'*~>%|'.includes(type)) return [type, frameEnd(bytes, at)];
  const length = headerNumber(bytes, at, end);
  const items: string[] = [];
  let next = end;
  for (let i = 0; i < length * (type === '%' || type === '|' ? 2 : 1); i++) {
    const [item, after] = shape(bytes, next);
    items.push(item);
    next = after;
  }
  return [`${type}${length}(${items.join('')})`, next];
}
