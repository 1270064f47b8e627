/**
 * Replies as Redis gives them, with strings as bytes (latin1): a bulk string is a string, an integer
 * a number, null both the null bulk string and the null array.
 */
export type Reply = string | number | null | Status | ErrorReply | readonly Reply[];

/** A simple string, as +OK. */
export class Status {
  constructor(readonly text: string) {}
}

/** An error, without its leading minus. */
export class ErrorReply {
  constructor(readonly message: string) {}
}

export const OK = new Status('OK');

export const WRONG_TYPE = new ErrorReply(
  'WRONGTYPE Operation against a key holding the wrong kind of value',
);
export const NOT_AN_INTEGER = new ErrorReply('ERR value is not an integer or out of range');
export const NOT_A_FLOAT = new ErrorReply('ERR value is not a valid float');
export const SYNTAX_ERROR = new ErrorReply('ERR syntax error');

/** As a client library hands it on: a simple string is a string like any other. */
export type PlainReply = string | number | null | ErrorReply | readonly PlainReply[];

export function plain(reply: Reply): PlainReply {
  if (reply instanceof Status) return reply.text;
  if (Array.isArray(reply)) return reply.map(plain);
  return reply as PlainReply;
}
