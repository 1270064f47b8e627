/**
 * Gathers what many clients send while the event loop's turn lasts, to write it at once: Redis
 * then pays for one read, not for one a client. Hot path: bytes are copied into a block, and
 * nothing is allocated until it is full.
 */

/** A request above this size gets a buffer of its own, so that blocks are not left half empty. */
const BLOCK_SHARE_BYTES = 16 * 1024;
/** So many are rather lent than written from the block. */
const FEW_BYTES = 1024;

/** Where it is written to, in its order. */
export interface Down {
  /**
   * Bytes that stay as they are until they are sent; true: they are, and may change.
   */
  put(bytes: Buffer): boolean;
  /** A few bytes [from, to), which are lent: who needs them longer copies them. */
  putLent(bytes: Buffer, from: number, to: number): void;
}

export class TurnWriter {
  readonly #blockBytes: number;
  readonly #down: Down;
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

  constructor(blockBytes: number, down: Down) {
    this.#blockBytes = blockBytes;
    this.#down = down;
  }

  /**
   * Bytes [from, to), which are copied.
   * @param first nothing written before is still under way
   */
  write(bytes: Buffer, from: number, to: number, first: boolean): void {
    const length = to - from;
    if (first && this.#quiet && length <= FEW_BYTES && this.#written === this.#filled) {
      this.#down.putLent(bytes, from, to);
      return;
    }
    if (length > BLOCK_SHARE_BYTES || length > this.#blockBytes) {
      this.flush();
      this.#down.put(Buffer.from(bytes.subarray(from, to)));
      return;
    }
    if (this.#filled + length > this.#block.length) this.#newBlock();
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
    const from = this.#written;
    const to = this.#filled;
    if (from === to) return;
    this.#written = to;
    if (to - from <= FEW_BYTES) this.#down.putLent(this.#block, from, to);
    else if (!this.#down.put(this.#block.subarray(from, to))) return;
    // Nothing of it is needed any more: the block begins anew.
    if (from === 0) this.#written = this.#filled = 0;
  }

  #newBlock(): void {
    this.flush();
    if (this.#filled === 0 && this.#block !== NO_BLOCK) return;
    // Bytes that were put still wait in the socket: they stay as they are.
    this.#block = Buffer.allocUnsafe(this.#blockBytes);
    this.#written = 0;
    this.#filled = 0;
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
