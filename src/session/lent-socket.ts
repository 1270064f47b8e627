import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net';
import { type LentReader, readsLent } from '../resp/lent-bytes.js';

/**
 * Node lets only those who open a connection choose how it is read, not those who accept one. So the
 * accepted connection is taken over by a socket of our own that reads lent bytes.
 */

/** What Node's own sockets have; not part of its documented interface, so it may be missing. */
interface WithHandle {
  _handle?: object | null;
}

/**
 * @param accepted from a server with `pauseOnConnect`, so that nothing of it has been read
 * @returns the socket to be used in its stead: `accepted` itself where Node does not let it go
 */
export function lentSocket(accepted: Socket, read: LentReader): Socket {
  const owner: Socket & WithHandle = accepted;
  const handle = owner._handle;
  if (typeof handle !== 'object' || handle === null) return readOrdinarily(accepted, read);
  const options: SocketConstructorOpts & { handle: object; onread: OnReadOpts } = {
    handle,
    allowHalfOpen: true,
    readable: true,
    writable: true,
    onread: readsLent(read),
  };
  const socket = new Socket(options);
  // Without its connection it is only an object that the server counts: its end is told to the server.
  owner._handle = null;
  accepted.destroy();
  socket.resume();
  return socket;
}

function readOrdinarily(socket: Socket, read: LentReader): Socket {
  socket.on('data', bytes => read(bytes, bytes.length));
  socket.resume();
  return socket;
}
