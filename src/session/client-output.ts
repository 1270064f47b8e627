import type { Socket } from 'node:net';
import type { Gateway } from './gateway.js';

/** What is on its way to a client, and the bound on what a client may leave unread. */
export class ClientOutput {
  readonly #socket: Socket;
  readonly #gateway: Gateway;
  readonly #clientId: number;

  constructor(socket: Socket, gateway: Gateway, clientId: number) {
    this.#socket = socket;
    this.#gateway = gateway;
    this.#clientId = clientId;
  }

  get writable(): boolean {
    return this.#socket.writable;
  }

  /** Whether the client has left so much unread that it is to be closed; says so in the log. */
  overflows(): boolean {
    const waitingBytes = this.#socket.writableLength;
    const limitBytes = this.#gateway.options.clientOutputLimitBytes;
    if (waitingBytes <= limitBytes) return false;
    this.#gateway.traffic.clientsClosedForOutput++;
    this.#gateway.log.warn(
      { client: this.#clientId, waitingBytes, limitBytes },
      'client closed: it does not read its replies (client-output-limit-bytes)',
    );
    return true;
  }

  /** Hot path. */
  write(bytes: Buffer, from: number, to: number): void {
    const whole = from === 0 && to === bytes.length;
    this.#socket.write(whole ? bytes : bytes.subarray(from, to));
  }

  get waitingBytes(): number {
    return this.#socket.writableLength;
  }

  /** Ends the connection once what was written is with the client. */
  end(): void {
    this.#socket.end();
    // A client that never closes its side must not keep the socket.
    this.#socket.resume();
    const { closingPatienceMs } = this.#gateway.options;
    setTimeout(() => this.#socket.destroy(), closingPatienceMs).unref();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
