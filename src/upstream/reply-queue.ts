import type { PipeClient, ReplyReader } from './pipe-client.js';

/**
 * Who waits for the replies of a pipe, in the order of the commands. A ring of parallel arrays, so
 * that a command under way costs no object; neighbours of the same client share an entry.
 */
export class ReplyQueue {
  #clients: (PipeClient | null)[] = new Array(64).fill(null);
  #readers: (ReplyReader | null)[] = new Array(64).fill(null);
  #replies = new Int32Array(64);
  #sentAtMs = new Float64Array(64);
  #head = 0;
  #count = 0;

  get empty(): boolean {
    return this.#count === 0;
  }

  push(client: PipeClient, replies: number, nowMs: number): void {
    if (this.#count > 0) {
      const last = (this.#head + this.#count - 1) & (this.#clients.length - 1);
      // Only what was sent together shares an entry, so that an entry's age is its commands' age.
      const together = nowMs - (this.#sentAtMs[last] as number) < 1;
      if (together && this.#clients[last] === client && this.#readers[last] === null) {
        this.#replies[last] = (this.#replies[last] as number) + replies;
        return;
      }
    }
    this.#append(client, null, replies, nowMs);
  }

  pushRead(client: PipeClient, reader: ReplyReader, nowMs: number): void {
    this.#append(client, reader, 1, nowMs);
  }

  client(): PipeClient {
    const client = this.#clients[this.#head];
    if (client === null || client === undefined) throw new Error('the reply queue is empty');
    return client;
  }

  reader(): ReplyReader | null {
    return this.#readers[this.#head] ?? null;
  }

  replies(): number {
    return this.#replies[this.#head] as number;
  }

  /** When the first command of the oldest entry was sent, monotonic; Infinity if none waits. */
  oldestSentAtMs(): number {
    return this.#count === 0 ? Number.POSITIVE_INFINITY : (this.#sentAtMs[this.#head] as number);
  }

  /** The client at the head got `replies` of its answers. */
  answered(replies: number): void {
    const left = (this.#replies[this.#head] as number) - replies;
    if (left < 0) throw new Error('more replies than commands');
    this.#replies[this.#head] = left;
    if (left === 0) this.#drop();
  }

  /** Empties the queue; each client is told once, each reader on its own. */
  drain(lost: (client: PipeClient, reader: ReplyReader | null) => void): void {
    const told = new Set<PipeClient>();
    this.drainEach((client, _replies, reader) => {
      if (reader === null && told.has(client)) return;
      told.add(client);
      lost(client, reader);
    });
  }

  drainEach(
    visit: (client: PipeClient, replies: number, reader: ReplyReader | null) => void,
  ): void {
    while (this.#count > 0) {
      const client = this.client();
      const reader = this.reader();
      const replies = this.replies();
      this.#drop();
      visit(client, replies, reader);
    }
  }

  #append(client: PipeClient, reader: ReplyReader | null, replies: number, nowMs: number): void {
    if (this.#count === this.#clients.length) this.#grow();
    const at = (this.#head + this.#count) & (this.#clients.length - 1);
    this.#clients[at] = client;
    this.#readers[at] = reader;
    this.#replies[at] = replies;
    this.#sentAtMs[at] = nowMs;
    this.#count++;
  }

  #drop(): void {
    this.#clients[this.#head] = null;
    this.#readers[this.#head] = null;
    this.#head = (this.#head + 1) & (this.#clients.length - 1);
    this.#count--;
  }

  #grow(): void {
    const size = this.#clients.length;
    const order = Array.from({ length: size }, (_, index) => (this.#head + index) & (size - 1));
    const blank = new Array(size).fill(null);
    this.#clients = [...order.map(at => this.#clients[at] ?? null), ...blank];
    this.#readers = [...order.map(at => this.#readers[at] ?? null), ...blank];
    const replies = new Int32Array(size * 2);
    const sentAtMs = new Float64Array(size * 2);
    for (const [index, at] of order.entries()) {
      replies[index] = this.#replies[at] as number;
      sentAtMs[index] = this.#sentAtMs[at] as number;
    }
    this.#replies = replies;
    this.#sentAtMs = sentAtMs;
    this.#head = 0;
  }
}
