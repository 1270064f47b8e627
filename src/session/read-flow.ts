import type { Socket } from 'node:net';

/** When a client is read, and when it has to wait: what nobody can take yet stays with it. */
export class ReadFlow {
  readonly #socket: Socket;
  readonly #backlogBytes: number;
  #paused = false;
  /** Redis takes no more for now. */
  #upstreamFull = false;

  constructor(socket: Socket, backlogBytes: number) {
    this.#socket = socket;
    this.#backlogBytes = backlogBytes;
  }

  upstreamFull(): void {
    this.#upstreamFull = true;
    this.#pause();
  }

  upstreamDrained(): void {
    this.#upstreamFull = false;
  }

  /**
   * Reads on, or doesn't.
   * @param waitingBytes what was read and waits behind a command that waits; 0 where none does
   */
  adjust(waitingBytes: number): void {
    if (waitingBytes > this.#backlogBytes) this.#pause();
    else if (this.#paused && !this.#upstreamFull) this.#resume();
  }

  #pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#socket.pause();
  }

  #resume(): void {
    this.#paused = false;
    this.#socket.resume();
  }
}
