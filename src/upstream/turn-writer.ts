/**
 * Gathers what many clients send while the event loop's turn lasts, to write it at once: Redis
 * then pays for one read, not for one a client. Hot path: bytes are copied into a block, and
 * nothing is allocated until it is full.
 */

/** A request above this size gets a buffer of its own, so that blocks are not left half empty. */
const BLOCK_SHARE_BYTES = 16 * 1024;

export class TurnWriter {
  readonly #blockBytes: number;
  readonly #put: (bytes: Buffer) => void;
  #block: Buffer = NO_BLOCK;
  /** [written, filled) of the block is still to be written. */
  #written = 0;
  #filled = 0;
  #flushing = false;
  #writesThisTurn = 0;
  /**
   * Hardly anybody writes: what is written is not held back for others, whom nobody has seen lately.
   * A lone client would pay for each command with one more look at all sockets.
   */
  #quiet = true;

  /** @param put takes buffers in their order, and keeps each as it is until it is sent */
  constructor(blockBytes: number, put: (bytes: Buffer) => void) {
    this.#blockBytes = blockBytes;
    this.#put = put;
  }

  /**
   * Bytes [from, to), which are copied.
   * @param first nothing written before is still under way
   */
  write(bytes: Buffer, from: number, to: number, first: boolean): void {
    const length = to - from;
    if (length > BLOCK_SHARE_BYTES || length > this.#blockBytes) {
      this.flush();
      this.#put(Buffer.from(bytes.subarray(from, to)));
      return;
    }
    if (this.#filled + length > this.#block.length) {
      this.flush();
      // Bytes that were put may still be waiting in the socket: a block is never used twice.
      this.#block = Buffer.allocUnsafe(this.#blockBytes);
      this.#written = 0;
      this.#filled = 0;
    }
    bytes.copy(this.#block, this.#filled, from, to);
    this.#filled += length;
    if (first && this.#quiet) {
      this.flush();
      return;
    }
    this.#writesThisTurn++;
    if (!this.#flushing) {
      this.#flushing = true;
      setImmediate(this.#flushTurn);
    }
  }

  flush(): void {
    if (this.#written === this.#filled) return;
    const bytes = this.#block.subarray(this.#written, this.#filled);
    this.#written = this.#filled;
    this.#put(bytes);
  }

  /** Runs once per turn, when every client that had something has been read. */
  readonly #flushTurn = (): void => {
    this.#flushing = false;
    this.#quiet = this.#writesThisTurn <= 1;
    this.#writesThisTurn = 0;
    this.flush();
  };
}

const NO_BLOCK = Buffer.alloc(0);
