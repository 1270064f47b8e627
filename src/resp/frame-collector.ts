import type { ReplyFramer } from './reply-framer.js';

/** Gathers the chunks of a reply until it is whole, for those who must look inside it. */
export class FrameCollector {
  #pieces: Buffer[] = [];

  /** The frame that `framer` goes on with at `from`, and its end; null until its last byte is here. */
  collect(framer: ReplyFramer, chunk: Buffer, from: number): { frame: Buffer; end: number } | null {
    const end = framer.scan(chunk, from, chunk.length);
    const piece = chunk.subarray(from, end < 0 ? chunk.length : end);
    if (end < 0) {
      this.#pieces.push(piece);
      return null;
    }
    const frame = this.#pieces.length === 0 ? piece : Buffer.concat([...this.#pieces, piece]);
    this.#pieces = [];
    return { frame, end };
  }
}
