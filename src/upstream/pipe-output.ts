import type { Socket } from 'node:net';
import { DirectWriter } from '../resp/direct-writer.js';
import type { PipeClient } from './pipe-client.js';
import { TurnWriter } from './turn-writer.js';

/** What goes down a pipe, from when it is asked for: it waits until the connection takes it. */
export class PipeOutput {
  readonly #flowWindowBytes: number;
  readonly #turn: TurnWriter;
  /** Null until the connection is in its state. */
  #direct: DirectWriter | null = null;
  /** Whole buffers that wait for the connection, oldest first. */
  #unsent: Buffer[] = [];
  #unsentBytes = 0;
  #waitingForDrain = new Set<PipeClient>();

  constructor(blockBytes: number, flowWindowBytes: number) {
    this.#flowWindowBytes = flowWindowBytes;
    this.#turn = new TurnWriter(blockBytes, {
      put: bytes => this.#put(bytes),
      putLent: (bytes, from, to) => this.#putLent(bytes, from, to),
    });
  }

  get waitingBytes(): number {
    return this.#unsentBytes + (this.#direct?.waitingBytes ?? 0);
  }

  /**
   * Bytes [from, to), which are copied; written at the end of the event loop's turn.
   * @param first nothing written before is still under way
   */
  write(bytes: Buffer, from: number, to: number, first: boolean): void {
    this.#turn.write(bytes, from, to, first);
  }

  flush(): void {
    this.#turn.flush();
  }

  /** Whether it takes no more for now; `pipeDrained` tells the client when it does. */
  congested(client: PipeClient): boolean {
    if (this.waitingBytes <= this.#flowWindowBytes) return false;
    this.#waitingForDrain.add(client);
    return true;
  }

  /** The connection is in its state. */
  sendTo(socket: Socket): void {
    this.#direct = new DirectWriter(socket, () => this.release());
    socket.on('drain', () => this.release());
    for (const bytes of this.#unsent.splice(0)) this.#direct.writeBytes(bytes);
    this.#unsentBytes = 0;
    if (this.#direct.waitingBytes <= this.#flowWindowBytes) this.release();
  }

  /** Those who waited may go on. */
  release(): void {
    const waiting = [...this.#waitingForDrain];
    this.#waitingForDrain.clear();
    for (const client of waiting) client.pipeDrained();
  }

  /** @returns whether the bytes are sent, so that they may change */
  #put(bytes: Buffer): boolean {
    if (this.#direct !== null) return this.#direct.writeBytes(bytes);
    this.#unsent.push(bytes);
    this.#unsentBytes += bytes.length;
    return false;
  }

  #putLent(bytes: Buffer, from: number, to: number): void {
    if (this.#direct !== null) this.#direct.writeLent(bytes, from, to);
    else this.#put(Buffer.from(bytes.subarray(from, to)));
  }
}
