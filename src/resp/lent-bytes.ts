import type { OnReadOpts } from 'node:net';

/**
 * Bytes that a socket has read are lent: they lie in one buffer that all sockets read into, and are
 * the next reader's once the call that brought them returns. Node would else allocate 64 KB for each
 * read and wrap every piece in an object, which costs a small command as much as all of our work
 * on it. A read is dealt with before the next one is made, so one buffer is enough.
 */

/** Takes bytes [0, length); what it keeps of them it copies. */
export type LentReader = (bytes: Buffer, length: number) => void;

/** The size of a read that libuv suggests itself. */
const READ_BYTES = 64 * 1024;

const readBuffer = Buffer.allocUnsafeSlow(READ_BYTES);

/** The option of a socket that reads so. */
export function readsLent(read: LentReader): OnReadOpts {
  return {
    buffer: readBuffer,
    callback: length => {
      read(readBuffer, length);
      return true;
    },
  };
}
