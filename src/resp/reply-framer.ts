/**
 * Finds where replies end in the bytes that Redis sent, RESP2 and RESP3 alike. It can stop at any
 * byte and go on with the next chunk, so a reply of any size is followed without being held.
 */

const CR_LF_BYTES = 2;
const CR = 0x0d;
const LF = 0x0a;
const PLUS = 0x2b; // +
const COLON = 0x3a; // :
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;

const BULK = 0x24; // $
const ARRAY = 0x2a; // *
const MAP = 0x25; // %
const SET = 0x7e; // ~
const PUSH = 0x3e; // >
const ATTRIBUTE = 0x7c; // |
const VERBATIM = 0x3d; // =
const BULK_ERROR = 0x21; // !

/** What `endOfPlain` says of a reply that it does not read. */
const NOT_PLAIN = -1;

export class ReplyFramer {
  /** Elements still to come of the reply under way; 0 between replies. */
  #open = 0;
  /** Bytes still to skip of the string under way, its line end included. */
  #skipBytes = 0;
  /** Type byte of the line under way, 0 if the next byte is one. */
  #type = 0;
  #value = 0;
  #negative = false;
  /** Whether the reply last begun is a RESP3 push, which answers nothing. */
  isPush = false;

  /** Whether a reply has begun and not ended. */
  get midReply(): boolean {
    return this.#open > 0;
  }

  /** How many replies the last `scanReplies` found the end of; pushes are none. */
  ended = 0;
  /** How much `scanReplies` has read of the reply that it stopped within. */
  unfinishedBytes = 0;

  /**
   * Reads on in bytes [from, to) until `wanted` replies have ended, or no more is there; returns the
   * position behind what was read.
   */
  scanReplies(bytes: Buffer, from: number, to: number, wanted: number): number {
    let at = from;
    let ended = 0;
    while (ended < wanted && at < to) {
      const plainEnd = this.#open === 0 ? endOfPlain(bytes, at, to) : NOT_PLAIN;
      if (plainEnd !== NOT_PLAIN) {
        at = plainEnd;
        ended++;
        continue;
      }
      const end = this.scan(bytes, at, to);
      this.unfinishedBytes = end < 0 ? this.unfinishedBytes + to - at : 0;
      at = end < 0 ? to : end;
      if (end >= 0 && !this.isPush) ended++;
    }
    this.ended = ended;
    return at;
  }

  /** Position behind the next reply's end in bytes [from, to), or -1 when it isn't there yet. */
  scan(bytes: Buffer, from: number, to: number): number {
    let at = from;
    for (;;) {
      if (this.#skipBytes > 0) {
        const here = to - at;
        if (here < this.#skipBytes) {
          this.#skipBytes -= here;
          return -1;
        }
        at += this.#skipBytes;
        this.#skipBytes = 0;
        this.#open--;
        if (this.#open === 0) return at;
      }
      if (this.#type === 0) {
        if (at >= to) return -1;
        const type = bytes[at++] as number;
        this.#type = type;
        this.#value = 0;
        this.#negative = false;
        if (this.#open === 0) {
          this.#open = 1;
          this.isPush = type === PUSH;
        }
      }
      at = this.#readLine(bytes, at, to);
      if (at < 0) return -1;
      this.#endLine();
      if (this.#open === 0) return at;
    }
  }

  /** Position behind the LF of the line under way, or -1; digits are gathered on the way. */
  #readLine(bytes: Buffer, from: number, to: number): number {
    let at = from;
    let value = this.#value;
    while (at < to) {
      const byte = bytes[at++] as number;
      if (byte >= ZERO && byte <= NINE) {
        value = value * 10 + (byte - ZERO);
      } else if (byte === LF) {
        this.#value = value;
        return at;
      } else if (byte === MINUS) {
        this.#negative = true;
      }
    }
    this.#value = value;
    return -1;
  }

  #endLine(): void {
    const type = this.#type;
    this.#type = 0;
    if (type === BULK || type === VERBATIM || type === BULK_ERROR) {
      if (this.#negative) this.#open--;
      else this.#skipBytes = this.#value + CR_LF_BYTES;
    } else if (type === ARRAY || type === SET || type === PUSH) {
      this.#open += (this.#negative ? 0 : this.#value) - 1;
    } else if (type === MAP) {
      this.#open += 2 * this.#value - 1;
    } else if (type === ATTRIBUTE) {
      // An attribute goes before a reply and is none itself.
      this.#open += 2 * this.#value;
    } else {
      this.#open--;
    }
  }
}

/**
 * Hot path: position behind a status, an integer, or a string of less than 100 bytes, where it begins
 * at `from` and is whole.
 */
function endOfPlain(bytes: Buffer, from: number, to: number): number {
  const type = bytes[from];
  if (type === PLUS || type === COLON) {
    for (let at = from + 1; at < to; at++) {
      if (bytes[at] === LF) return at + 1;
    }
    return NOT_PLAIN;
  }
  if (type !== BULK || from + 5 > to) return NOT_PLAIN;
  let length = (bytes[from + 1] as number) - ZERO;
  if (length < 0 || length > 9) return NOT_PLAIN;
  let at = from + 2;
  if (bytes[at] !== CR) {
    const digit = (bytes[at] as number) - ZERO;
    if (digit < 0 || digit > 9) return NOT_PLAIN;
    length = length * 10 + digit;
    at++;
    if (bytes[at] !== CR) return NOT_PLAIN;
  }
  const end = at + CR_LF_BYTES + length + CR_LF_BYTES;
  return end <= to ? end : NOT_PLAIN;
}
