import type { Socket } from 'node:net';
import { DirectWriter } from '../resp/direct-writer.js';
import type { Gateway, HeldBack, WrittenFirst } from './gateway.js';

/**
 * What is on its way to a client, and the bound on what a client may leave unread. Where grants are
 * written down first, replies wait for that: all of them, so that they keep their order.
 */
export class ClientOutput implements HeldBack {
  readonly #socket: Socket;
  readonly #gateway: Gateway;
  readonly #clientId: number;
  readonly #journal: WrittenFirst | null;
  readonly #direct: DirectWriter;
  #held = false;

  /** @param drained called when what had to wait is sent */
  constructor(socket: Socket, gateway: Gateway, clientId: number, drained: () => void) {
    this.#socket = socket;
    this.#direct = new DirectWriter(socket, drained);
    socket.on('drain', drained);
    this.#gateway = gateway;
    this.#clientId = clientId;
    this.#journal = gateway.journal;
  }

  get writable(): boolean {
    return this.#socket.writable;
  }

  /** Whether the client has left so much unread that it is to be closed; says so in the log. */
  overflows(): boolean {
    const { waitingBytes } = this.#direct;
    const limitBytes = this.#gateway.options.clientOutputLimitBytes;
    if (waitingBytes <= limitBytes) return false;
    this.#gateway.traffic.clientsClosedForOutput++;
    this.#gateway.log.warn(
      { client: this.#clientId, waitingBytes, limitBytes },
      'client closed: it does not read its replies (client-output-limit-bytes)',
    );
    return true;
  }

  /** Bytes that stay as they are. */
  write(bytes: Buffer): void {
    if (this.#journal?.unwritten === true) this.#hold(this.#journal);
    this.#direct.writeBytes(bytes);
  }

  /** Bytes [from, to), which are lent. */
  writeLent(bytes: Buffer, from: number, to: number): void {
    if (this.#journal?.unwritten === true) this.#hold(this.#journal);
    this.#direct.writeLent(bytes, from, to);
  }

  #hold(journal: WrittenFirst): void {
    if (this.#held) return;
    this.#held = true;
    this.#socket.cork();
    journal.hold(this);
  }

  letGo(): void {
    this.#held = false;
    this.#socket.uncork();
  }

  get waitingBytes(): number {
    return this.#direct.waitingBytes;
  }

  /** Ends the connection once what was written is with the client. */
  end(): void {
    // The end of a socket lets out what it holds.
    if (this.#held) this.#journal?.writeNow();
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
