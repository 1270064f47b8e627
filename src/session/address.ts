import type { Socket } from 'node:net';

/** A socket's two ends as Redis writes them: `127.0.0.1:6379`, `[::1]:6379`. */
export function remoteAddress(socket: Socket): string {
  return addressOf(socket.remoteAddress, socket.remotePort);
}

export function localAddress(socket: Socket): string {
  return addressOf(socket.localAddress, socket.localPort);
}

function addressOf(address: string | undefined, port: number | undefined): string {
  if (address === undefined) return '?:0';
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
