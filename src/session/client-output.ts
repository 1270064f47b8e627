import type { Socket } from 'node:net';
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
  #held = false;

  constructor(socket: Socket, gateway: Gateway, clientId: number) {
    this.#socket = socket;
    this.#gateway = gateway;
    this.#clientId = clientId;
    this.#journal = gateway.journal;
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

  /** Bytes that stay as they are. */
  write(bytes: Buffer): void {
    if (this.#journal?.unwritten === true) this.#hold(this.#journal);
    this.#socket.write(bytes);
  }

  /**
   * Bytes [from, to), which are lent, and so copied. Hot path: a short reply goes as a string, which
   * Node writes without an object for its bytes, and the shortest one, OK, is not even copied.
   */
  writeLent(bytes: Buffer, from: number, to: number): void {
    if (this.#journal?.unwritten === true) this.#hold(this.#journal);
    const length = to - from;
    if (length > SHORT_REPLY_BYTES) this.#socket.write(Buffer.from(bytes.subarray(from, to)));
    else if (isOk(bytes, from, length)) this.#socket.write(OK, 'latin1');
    else this.#socket.write(bytes.toString('latin1', from, to), 'latin1');
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
    return this.#socket.writableLength;
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

/** All of it is looked at: a script may say +ON, and a part of any value may begin as OK does. */
function isOk(bytes: Buffer, from: number, length: number): boolean {
  return (
    length === OK.length &&
    bytes[from] === PLUS &&
    bytes[from + 1] === CAPITAL_O &&
    bytes[from + 2] === CAPITAL_K &&
    bytes[from + 3] === CR &&
    bytes[from + 4] === LF
  );
}

const OK = '+OK\r\n';
const PLUS = 0x2b;
const CAPITAL_O = 0x4f;
const CAPITAL_K = 0x4b;
const CR = 0x0d;
const LF = 0x0a;
/** Up to here a string is cheaper than a buffer. */
const SHORT_REPLY_BYTES = 1024;
