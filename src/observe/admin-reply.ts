import type { Protocol } from '../resp/encode.js';

/**
 * What a FORELOCK command answers, in either protocol. Strings are binary (latin1), as keys are.
 * A whole `number` is an integer; a Double keeps its type where its value is whole.
 */
export type AdminReply =
  | null
  | boolean
  | number
  | string
  | Double
  | AdminError
  | readonly AdminReply[]
  | ReadonlyMap<string, AdminReply>;

export class Double {
  constructor(readonly value: number) {}
}

/** An error reply, its code included: `NOPERM …`. Only as a whole answer, never inside one. */
export class AdminError {
  constructor(readonly text: string) {}
}

export function mapOf(entries: Readonly<Record<string, AdminReply>>): AdminReply {
  return new Map(Object.entries(entries));
}

/** RESP3 with its types; RESP2 with maps as flat arrays, as Redis itself answers HGETALL. */
export function encodeAdminReply(reply: AdminReply, protocol: Protocol): Buffer {
  return Buffer.from(encode(reply, protocol), 'latin1');
}

function encode(reply: AdminReply, protocol: Protocol): string {
  if (reply === null) return protocol === 3 ? '_\r\n' : '$-1\r\n';
  if (typeof reply === 'string') return bulk(reply);
  if (typeof reply === 'boolean') {
    if (protocol === 3) return reply ? '#t\r\n' : '#f\r\n';
    return reply ? ':1\r\n' : ':0\r\n';
  }
  if (typeof reply === 'number') {
    return Number.isSafeInteger(reply) ? `:${reply}\r\n` : double(reply, protocol);
  }
  if (reply instanceof Double) return double(reply.value, protocol);
  // A line end would end the error too early.
  if (reply instanceof AdminError) return `-${reply.text.replace(/[\r\n]+/g, ' ')}\r\n`;
  let text: string;
  if (isMap(reply)) {
    text = protocol === 3 ? `%${reply.size}\r\n` : `*${reply.size * 2}\r\n`;
    for (const [name, value] of reply) text += bulk(name) + encode(value, protocol);
    return text;
  }
  text = `*${reply.length}\r\n`;
  for (const value of reply) text += encode(value, protocol);
  return text;
}

function isMap(
  reply: readonly AdminReply[] | ReadonlyMap<string, AdminReply>,
): reply is ReadonlyMap<string, AdminReply> {
  return reply instanceof Map;
}

function bulk(text: string): string {
  return `$${text.length}\r\n${text}\r\n`;
}

/** Redis's own words for what is no finite number. */
function double(value: number, protocol: Protocol): string {
  const text = Number.isNaN(value)
    ? 'nan'
    : Number.isFinite(value)
      ? String(value)
      : value > 0
        ? 'inf'
        : '-inf';
  return protocol === 3 ? `,${text}\r\n` : bulk(text);
}

/** Four digits: enough to act upon, short enough to read. */
export function ratio(value: number): Double {
  return new Double(Number(value.toFixed(4)));
}
