/**
 * Follows one request too large to be held, chunk by chunk, to find where it ends. It only counts:
 * Redis judges what is in it.
 */
export class RequestSkimmer {
  /** Arguments still to come; -1 while the first line is not read. */
  #argsLeft = -1;
  #skipBytes = 0;
  #inLine = false;
  #number = 0;

  /** Position behind the request's end, or -1 when it goes on behind `to`. */
  skim(bytes: Buffer, from: number, to: number): number {
    let at = from;
    for (;;) {
      if (this.#skipBytes > 0) {
        const here = Math.min(this.#skipBytes, to - at);
        this.#skipBytes -= here;
        at += here;
        if (this.#skipBytes > 0) return -1;
        if (this.#argsLeft === 0) return at;
      }
      if (at >= to) return -1;
      if (!this.#inLine) {
        // The type byte: '*' first, '$' before each argument.
        at++;
        this.#inLine = true;
        this.#number = 0;
        continue;
      }
      const byte = bytes[at++] as number;
      if (byte >= 0x30 && byte <= 0x39) this.#number = this.#number * 10 + (byte - 0x30);
      if (byte !== 0x0a) continue;
      this.#inLine = false;
      if (this.#argsLeft < 0) {
        this.#argsLeft = this.#number;
      } else {
        this.#argsLeft--;
        this.#skipBytes = this.#number + 2;
      }
    }
  }
}
