/** Bytes that a client has sent and that are not yet treated. */
export class Input {
  bytes: Buffer = NOTHING;
  /** The next command begins here. */
  at = 0;

  get waitingBytes(): number {
    return this.bytes.length - this.at;
  }

  add(chunk: Buffer): void {
    this.bytes =
      this.at < this.bytes.length ? Buffer.concat([this.bytes.subarray(this.at), chunk]) : chunk;
    this.at = 0;
  }

  /** What stands before `end` is replaced by `request`. */
  replaceFirst(request: Buffer, end: number): void {
    this.bytes = Buffer.concat([request, this.bytes.subarray(end)]);
    this.at = 0;
  }

  /** Lets go of what is treated, so that an idle client keeps no buffer. */
  letGo(): void {
    if (this.at < this.bytes.length) return;
    this.bytes = NOTHING;
    this.at = 0;
  }
}

const NOTHING = Buffer.alloc(0);
