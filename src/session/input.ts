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
  /** Fewer bytes than this are not worth a look. */
  #neededBytes = 0;
  #later: Buffer[] = [];
  #laterBytes = 0;
  /** Pieces from this one on are as they came, and perhaps tiny. */
  #joined = 0;

  get waitingBytes(): number {
    return this.bytes.length - this.at + this.#laterBytes;
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

  add(chunk: Buffer): void {
    if (this.waitingBytes === 0) {
      this.bytes = chunk;
      this.at = 0;
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
    this.bytes = Buffer.concat([this.bytes.subarray(this.at), ...this.#later]);
    this.at = 0;
    this.#dropLater();
  }

  /** Lets go of what is treated, so that an idle client keeps no buffer. */
  letGo(): void {
    if (this.at < this.bytes.length) return;
    this.bytes = NOTHING;
    this.at = 0;
  }

  /** The client is gone. */
  clear(): void {
    this.#dropLater();
    this.bytes = NOTHING;
    this.at = 0;
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
