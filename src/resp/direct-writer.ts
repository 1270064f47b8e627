import type { Socket } from 'node:net';
import { getSystemErrorName } from 'node:util';

/**
 * Writes to a socket past Node's streams. The kernel nearly always takes all of it at once, and then
 * a stream's books (an object for each write, its callback, a tick behind it) cost a small reply
 * more than all of our work on it. What the kernel doesn't take at once, libuv keeps and sends in
 * order, as it does for the stream; until it is sent, what comes behind it goes by the stream.
 */
export class DirectWriter {
  readonly #socket: Socket & WithHandle;
  readonly #drained: () => void;
  /** What was written directly and is not with the kernel yet. */
  #directBytes = 0;
  /** The socket's handle, and the same where it may be written to directly. */
  #owned: object | null = null;
  #handle: Handle | null = null;

  /** @param drained called once a direct write that had to wait is sent, or lost */
  constructor(socket: Socket, drained: () => void) {
    this.#socket = socket;
    this.#drained = drained;
  }

  /** What is not with the kernel yet: the other side doesn't read, or there is no connection. */
  get waitingBytes(): number {
    return this.#socket.writableLength + this.#directBytes;
  }

  /** Bytes [from, to), which are lent: they are copied where they can't be sent at once. */
  writeLent(bytes: Buffer, from: number, to: number): void {
    const length = to - from;
    if (length > SHORT_BYTES) this.writeBytes(Buffer.from(bytes.subarray(from, to)));
    else if (isOk(bytes, from, length)) this.#writeText(OK);
    else this.#writeText(bytes.toString('latin1', from, to));
  }

  /**
   * @param bytes stay as they are until they are sent
   * @returns whether they are, so that they may change
   */
  writeBytes(bytes: Buffer): boolean {
    const handle = this.#freeHandle();
    const request = spareRequest;
    if (handle === null || request === null) {
      this.#socket.write(bytes);
      return false;
    }
    return this.#written(handle, handle.writeBuffer(request, bytes), request, bytes);
  }

  /** Short text of bytes, which Node writes without an object for them. */
  #writeText(text: string): void {
    const handle = this.#freeHandle();
    const request = spareRequest;
    if (handle !== null && request !== null) {
      this.#written(handle, handle.writeLatin1String(request, text), request, null);
      return;
    }
    if (handle !== null && !hasLearnt) learnRequest(handle);
    this.#socket.write(text, 'latin1');
  }

  /** Null where the stream has something to send first, or can't be passed by. */
  #freeHandle(): Handle | null {
    const socket = this.#socket;
    if (this.#directBytes > 0 || socket.writableLength > 0) return null;
    if (socket.connecting || socket.writableCorked > 0 || socket.writableEnded) return null;
    // A socket that is closed has none any more.
    if (socket._handle !== this.#owned) {
      this.#owned = socket._handle ?? null;
      this.#handle = plainHandle(socket);
    }
    return this.#handle;
  }

  #written(handle: Handle, error: number, request: WriteRequest, bytes: Buffer | null): boolean {
    if (error !== 0) {
      this.#fail(error);
      return true;
    }
    if (request.getAsyncId() === UNUSED) return true;
    // It is libuv's until it is over, even where the kernel has taken all of it meanwhile.
    spareRequest = new (request.constructor as RequestConstructor)();
    const waitingBytes = handle.writeQueueSize;
    this.#directBytes += waitingBytes;
    request.bytes = bytes;
    request.oncomplete = (status: number) => {
      request.bytes = null;
      this.#directBytes -= waitingBytes;
      if (status < 0) this.#fail(status);
      this.#drained();
    };
    return false;
  }

  #fail(error: number): void {
    const reason = new Error(`write ${getSystemErrorName(error)}`);
    if (!this.#socket.destroyed) this.#socket.destroy(reason);
  }
}

/** Up to here a string is cheaper than a buffer. */
const SHORT_BYTES = 1024;

const OK = '+OK\r\n';
const PLUS = 0x2b;
const CAPITAL_O = 0x4f;
const CAPITAL_K = 0x4b;
const CR = 0x0d;
const LF = 0x0a;

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

/** What Node's own sockets have; not part of its documented interface, so it may be missing. */
interface WithHandle {
  _handle?: object | null;
}

interface Handle {
  writeLatin1String(request: WriteRequest, text: string): number;
  writeBuffer(request: WriteRequest, bytes: Buffer): number;
  /** What the kernel has not taken yet. */
  readonly writeQueueSize: number;
}

/** What libuv needs of a write that has to wait; one that hasn't leaves it unused. */
interface WriteRequest {
  getAsyncId(): number;
  /** @param status negative: an error's number */
  oncomplete?: (status: number) => void;
  /** Not to be collected while they are being sent. */
  bytes?: Buffer | null;
}

const UNUSED = -1;

type RequestConstructor = new () => WriteRequest;

/** One for all sockets; null until a stream's write has shown how to make one. */
let spareRequest: WriteRequest | null = null;
let hasLearnt = false;

/** Node gives the class of requests to nobody, but its streams hand one of them to the handle. */
function learnRequest(handle: Handle): void {
  hasLearnt = true;
  const write = handle.writeLatin1String;
  handle.writeLatin1String = (request, text) => {
    handle.writeLatin1String = write;
    const Request = request.constructor as RequestConstructor;
    if (Request.name === 'WriteWrap') spareRequest = unused(new Request());
    return write.call(handle, request, text);
  };
}

function unused(request: WriteRequest): WriteRequest | null {
  return request.getAsyncId?.() === UNUSED ? request : null;
}

/** Plain sockets alone: what TLS has taken is not with the kernel yet. */
const PLAIN_HANDLES: ReadonlySet<string> = new Set(['TCP', 'Pipe']);

function plainHandle({ _handle: handle }: WithHandle): Handle | null {
  if (typeof handle !== 'object' || handle === null) return null;
  const { writeLatin1String, writeBuffer, writeQueueSize } = handle as Partial<Handle>;
  const isWhole =
    typeof writeLatin1String === 'function' &&
    typeof writeBuffer === 'function' &&
    typeof writeQueueSize === 'number';
  return isWhole && PLAIN_HANDLES.has(handle.constructor.name) ? (handle as Handle) : null;
}
