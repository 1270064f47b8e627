import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * A port that was free a moment ago, for programs that cannot take port 0 themselves
 * (redis-server reads it as "no TCP"). Whoever uses it must be ready to lose the race and retry.
 *
 * It lies below those that the kernel gives away by itself, so that a server which a test stops and
 * starts again does not find its port with a client or a server of another test meanwhile.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (KERNELS_FIRST - FIRST));
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  server.listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}

const FIRST = 10_000;
/** Where net.ipv4.ip_local_port_range begins by default. */
const KERNELS_FIRST = 32_768;
