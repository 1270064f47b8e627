import type { ReplyFramer } from './reply-framer.js';

/** Gathers the chunks of a reply until it is whole, for those who must look inside it. */
export class FrameCollector {
  #pieces: Buffer[] = [];

  /**
   * The frame that `framer` goes on with in bytes [from, to), and its end; null until its last byte
   * is here. What is given is a copy: the bytes may be lent.
   */
  collect(
    framer: ReplyFramer,
    bytes: Buffer,
    from: number,
    to: number,
  ): { frame: Buffer; end: number } | null {
    const end = framer.scan(bytes, from, to);
    const piece = bytes.subarray(from, end < 0 ? to : end);
    if (end < 0) {
      this.#pieces.push(Buffer.from(piece));
      return null;
    }
    const frame = Buffer.concat([...this.#pieces, piece]);
    this.#pieces = [];
    return { frame, end };
  }
}
