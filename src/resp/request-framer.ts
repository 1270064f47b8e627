/**
 * Finds where one request begins and ends in the bytes that a client sent, and where its arguments
 * lie, by the same rules as Redis's own parser (networking.c, processMultibulkBuffer and
 * processInlineBuffer). Nothing is copied and nothing is allocated: one framer serves all sessions,
 * and what it found is valid until its next call.
 */

/** The request is whole: `start`, `end`, `argCount`, `argStart`, `argEnd` tell where. */
export const COMPLETE = 0;
/** More bytes are needed; `neededBytes` is a lower bound for the whole request. */
export const INCOMPLETE = 1;
/** A line of the inline protocol, from `start` to `lineEnd`; `end` is behind its newline. */
export const INLINE = 2;
/** `*0`, `*-1` or an empty line: Redis answers nothing to it. */
export const EMPTY = 3;
/** Redis would answer with a protocol error and close. */
export const MALFORMED = 4;

export type FrameStatus =
  | typeof COMPLETE
  | typeof INCOMPLETE
  | typeof INLINE
  | typeof EMPTY
  | typeof MALFORMED;

/** Redis's PROTO_INLINE_MAX_SIZE: no line may be longer without its end in sight. */
const LINE_LIMIT_BYTES = 64 * 1024;
/** Redis's INT_MAX bound on the number of arguments. */
const ARGUMENTS_MAX = 2 ** 31 - 1;
/** Argument tables above this size are given back after use, so that one giant stays one giant. */
const KEPT_ARGUMENTS = 16 * 1024;

const ASTERISK = 0x2a;
const DOLLAR = 0x24;
const MINUS = 0x2d;
const ZERO = 0x30;
const CR = 0x0d;
const LF = 0x0a;

/** A request of one argument without a byte: *1, $0, and its line end. */
const SHORTEST_BYTES = 10;

/** What Redis takes of a client that has not authenticated (networking.c, authRequired). */
const STRANGER_ARGUMENTS_MAX = 10;
const STRANGER_LENGTH_MAX_BYTES = 16 * 1024;

export class RequestFramer {
  /** The client may have to authenticate first: Redis then takes small requests only. */
  stranger = false;
  start = 0;
  end = 0;
  lineEnd = 0;
  neededBytes = 0;
  /** Of an incomplete request nothing more can be told while there are fewer bytes than this. */
  lookAgainBytes = 0;
  /** Length of the argument that an incomplete request ends within. */
  argumentBytes = 0;
  /** Of a malformed request, and of an inline one: where the line begins that Redis will judge. */
  faultAt = 0;
  argCount = 0;
  argStart = new Int32Array(64);
  argEnd = new Int32Array(64);

  /** Where `readLength` stopped: behind the line's CRLF. */
  #lineStop = 0;

  /** Reads the request that begins at `from`; bytes from `to` on don't count. */
  next(bytes: Buffer, from: number, to: number): FrameStatus {
    this.start = from;
    if (this.#isWhole(bytes, from, to)) return COMPLETE;
    this.argCount = 0;
    this.argumentBytes = 0;
    this.lookAgainBytes = to - from + 1;
    if (bytes[from] !== ASTERISK) return this.#inline(bytes, from, to);
    const count = this.#readLength(bytes, from + 1, to);
    if (count === NOT_YET) {
      this.neededBytes = to - from + 1;
      return to - from > LINE_LIMIT_BYTES ? this.#malformed(from) : INCOMPLETE;
    }
    if (count === NOT_A_NUMBER || count > ARGUMENTS_MAX) return this.#malformed(from);
    if (this.stranger && count > STRANGER_ARGUMENTS_MAX) return this.#malformed(from);
    let at = this.#lineStop;
    if (count <= 0) {
      this.end = at;
      return EMPTY;
    }
    for (let index = 0; index < count; index++) {
      if (at >= to) {
        // Each argument still to come takes 5 bytes at least ($0, its line end, its own).
        this.neededBytes = at - from + (count - index) * 5;
        return INCOMPLETE;
      }
      if (bytes[at] !== DOLLAR) return this.#malformed(at);
      const length = this.#readLength(bytes, at + 1, to);
      if (length === NOT_YET) {
        this.neededBytes = to - from + 1 + (count - index - 1) * 5;
        return to - at > LINE_LIMIT_BYTES ? this.#malformed(at) : INCOMPLETE;
      }
      if (length < 0) return this.#malformed(at);
      if (this.stranger && length > STRANGER_LENGTH_MAX_BYTES) return this.#malformed(at);
      const argument = this.#lineStop;
      at = argument + length + 2;
      if (at > to) {
        this.lookAgainBytes = at - from;
        this.argumentBytes = length;
        this.neededBytes = at - from + (count - index - 1) * 5;
        return INCOMPLETE;
      }
      if (index >= this.argStart.length) this.#grow();
      this.argStart[index] = argument;
      this.argEnd[index] = argument + length;
      this.argCount = index + 1;
    }
    this.end = at;
    return COMPLETE;
  }

  /** Gives back tables that one giant request made large. */
  shrink(): void {
    if (this.argStart.length > KEPT_ARGUMENTS) {
      this.argStart = new Int32Array(64);
      this.argEnd = new Int32Array(64);
    }
  }

  /**
   * Hot path: whether a request of a few short arguments begins at `from` and is whole, as nearly
   * all are. Whatever is not so plain is read by the rules above, from its beginning.
   */
  #isWhole(bytes: Buffer, from: number, to: number): boolean {
    if (from + SHORTEST_BYTES > to || bytes[from] !== ASTERISK) return false;
    const count = (bytes[from + 1] as number) - ZERO;
    if (count < 1 || count > 9 || bytes[from + 2] !== CR) return false;
    const { argStart, argEnd } = this;
    let at = from + 4;
    for (let index = 0; index < count; index++) {
      if (at + 6 > to || bytes[at] !== DOLLAR) return false;
      let length = (bytes[at + 1] as number) - ZERO;
      if (length < 0 || length > 9) return false;
      at += 2;
      if (bytes[at] !== CR) {
        const digit = (bytes[at] as number) - ZERO;
        if (length === 0 || digit < 0 || digit > 9) return false;
        length = length * 10 + digit;
        at++;
        if (bytes[at] !== CR) return false;
      }
      argStart[index] = at + 2;
      at += 2 + length;
      argEnd[index] = at;
      at += 2;
      if (at > to) return false;
    }
    this.argCount = count;
    this.end = at;
    return true;
  }

  #malformed(lineAt: number): FrameStatus {
    this.faultAt = lineAt;
    return MALFORMED;
  }

  #inline(bytes: Buffer, from: number, to: number): FrameStatus {
    this.faultAt = from;
    const newline = bytes.indexOf(LF, from);
    if (newline < 0 || newline >= to) {
      this.neededBytes = to - from + 1;
      return to - from > LINE_LIMIT_BYTES ? MALFORMED : INCOMPLETE;
    }
    // Redis looks for the newline with strchr, which a NUL stops: let Redis itself have that.
    if (bytes.subarray(from, newline).includes(0)) return MALFORMED;
    this.end = newline + 1;
    this.lineEnd = newline > from && bytes[newline - 1] === CR ? newline - 1 : newline;
    return this.lineEnd === from ? EMPTY : INLINE;
  }

  /**
   * The number on the line that begins at `at`, strictly as Redis's string2ll reads it: no plus, no
   * leading zero, no spaces. Like Redis it takes any byte after the CR for the LF.
   */
  #readLength(bytes: Buffer, at: number, to: number): number {
    let value = 0;
    let position = at;
    const first = position < to ? bytes[position] : undefined;
    const negative = first === MINUS;
    if (negative) position++;
    const digitsFrom = position;
    while (position < to) {
      const byte = bytes[position] as number;
      const digit = byte - ZERO;
      if (digit >= 0 && digit <= 9) {
        value = value * 10 + digit;
        position++;
        continue;
      }
      if (byte !== CR) {
        // Redis looks for the CR first and judges the line then; until then it waits.
        const end = bytes.indexOf(CR, position);
        return end < 0 || end + 1 >= to ? NOT_YET : NOT_A_NUMBER;
      }
      if (position + 1 >= to) return NOT_YET;
      this.#lineStop = position + 2;
      const digits = position - digitsFrom;
      if (digits === 0 || digits > 15) return NOT_A_NUMBER;
      if (bytes[digitsFrom] === ZERO && (digits > 1 || negative)) return NOT_A_NUMBER;
      return negative ? -value : value;
    }
    return NOT_YET;
  }

  #grow(): void {
    const starts = new Int32Array(this.argStart.length * 2);
    const ends = new Int32Array(this.argEnd.length * 2);
    starts.set(this.argStart);
    ends.set(this.argEnd);
    this.argStart = starts;
    this.argEnd = ends;
  }
}

/** Outside every number that 15 digits can spell. */
const NOT_YET = -1e16;
const NOT_A_NUMBER = -2e16;
