import type { RequestFramer } from '../resp/request-framer.js';

/**
 * Bytes that a client has sent and that are not yet treated. What comes while the front waits is
 * kept as it came, and joined once: a request that arrives in many pieces costs no more than its
 * bytes.
 */
export class Input {
  /** The front; what came later is not in it before `gather`. */
  bytes: Buffer = NOTHING;
  /** The next command begins here. */
  at = 0;
  /** The front ends here. */
  end = 0;
  /** The front is lent (see `LentReader`): `keep` has to be called before it is taken back. */
  #lent = false;
  /** Fewer bytes than this are not worth a look. */
  #neededBytes = 0;
  #later: Buffer[] = [];
  #laterBytes = 0;
  /** Pieces from this one on are as they came, and perhaps tiny. */
  #joined = 0;

  get waitingBytes(): number {
    return this.end - this.at + this.#laterBytes;
  }

  /** Whether it is worth a look. */
  get ready(): boolean {
    return this.waitingBytes >= this.#neededBytes;
  }

  /** The request at the front, which `framer` has just read, is not whole. */
  wait({ argCount, lookAgainBytes, neededBytes }: RequestFramer): void {
    // Reading it anew costs as much as it has arguments: of many, one that is wrong can wait.
    this.#neededBytes = argCount > ARGUMENTS_READ_ANEW ? neededBytes : lookAgainBytes;
  }

  /** Hot path: bytes [0, length) that are lent, where nothing waits. Nothing is allocated. */
  lend(bytes: Buffer, length: number): void {
    this.bytes = bytes;
    this.at = 0;
    this.end = length;
    this.#lent = true;
  }

  /** The lent bytes go back: what is not treated yet is copied. */
  keep(): void {
    if (!this.#lent) return;
    this.#lent = false;
    if (this.at < this.end) this.#front(Buffer.from(this.bytes.subarray(this.at, this.end)));
    else this.#front(NOTHING);
  }

  /** The bytes up to `end`, for those who may keep them. */
  frame(end: number): Buffer {
    const frame = this.bytes.subarray(this.at, end);
    return this.#lent ? Buffer.from(frame) : frame;
  }

  add(chunk: Buffer): void {
    if (this.waitingBytes === 0) {
      this.#front(chunk);
      return;
    }
    this.#later.push(chunk);
    this.#laterBytes += chunk.length;
    // A piece of one byte takes a hundred to be kept.
    if (this.#later.length - this.#joined < PIECES_APART_MAX) return;
    this.#later.push(Buffer.concat(this.#later.splice(this.#joined)));
    this.#joined = this.#later.length;
  }

  /** Joins all that came. */
  gather(): void {
    this.#neededBytes = 0;
    if (this.#later.length === 0) return;
    this.#front(Buffer.concat([this.bytes.subarray(this.at, this.end), ...this.#later]));
    this.#lent = false;
    this.#dropLater();
  }

  /** Lets go of what is treated, so that an idle client keeps no buffer. */
  letGo(): void {
    if (this.at === this.end) this.#front(NOTHING);
  }

  /** The client is gone. */
  clear(): void {
    this.#dropLater();
    this.#front(NOTHING);
  }

  #front(bytes: Buffer): void {
    this.bytes = bytes;
    this.at = 0;
    this.end = bytes.length;
  }

  #dropLater(): void {
    this.#later = [];
    this.#laterBytes = 0;
    this.#joined = 0;
  }
}

const NOTHING = Buffer.alloc(0);
const PIECES_APART_MAX = 64;
const ARGUMENTS_READ_ANEW = 1024;
