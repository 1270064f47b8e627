/**
 * What Redis has to see of a malformed request before it says so and closes: the line that is wrong,
 * up to its end, or so much of it that it is too long. What is behind is kept from Redis, since who
 * writes to a connection that Redis has closed does not get to read Redis's last words.
 */
export class MalformedRequest {
  readonly #lineEnd: number;
  #leftBytes = LINE_LIMIT_BYTES + 1;
  /** Redis looks for the line's end with strchr, which sees none behind a NUL. */
  #mayEnd = true;

  constructor(isInline: boolean) {
    this.#lineEnd = isInline ? LF : CR;
  }

  /** Of bytes [from, to), the next ones of the line that is wrong, those before this go to Redis. */
  take(bytes: Buffer, from: number, to: number): number {
    const part = bytes.subarray(from, Math.min(to, from + this.#leftBytes));
    const end = part.indexOf(this.#lineEnd);
    const nul = part.indexOf(0);
    this.#leftBytes -= part.length;
    if (this.#mayEnd && end >= 0 && (nul < 0 || end < nul)) {
      // Behind a CR one more byte is waited for, whatever it is.
      const wanted = this.#lineEnd === CR ? end + 2 : end + 1;
      this.#leftBytes = Math.max(0, wanted - part.length);
      this.#mayEnd = false;
      return from + Math.min(wanted, part.length);
    }
    if (nul >= 0) this.#mayEnd = false;
    return from + part.length;
  }
}

/** Redis's PROTO_INLINE_MAX_SIZE: a line that is longer is wrong, whatever it says. */
const LINE_LIMIT_BYTES = 64 * 1024;
const CR = 0x0d;
const LF = 0x0a;
