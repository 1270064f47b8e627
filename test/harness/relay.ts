import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Lifetime } from './lifetime.js';

interface Link {
  readonly near: Socket;
  readonly far: Socket;
}

/** What the relay does with bytes of one direction before it hands them on; null drops them. */
export type Tamper = (bytes: Buffer) => Buffer | null;

/**
 * A TCP relay that stands where a network would, and fails as one does: cut, silent, slow, refused.
 * Put it between Forelock and Redis, or between a client and Forelock.
 */
export class Relay {
  port = 0;
  /** Connections taken since the start. */
  accepted = 0;
  /** Added to each way, in milliseconds; order within a direction is kept. */
  delayMs = 0;
  /** Called for bytes on their way to the server (`up`) and back (`down`). */
  up: Tamper = bytes => bytes;
  down: Tamper = bytes => bytes;
  readonly #links = new Set<Link>();
  readonly #server: Server;
  #targetPort: number;
  #stalled = false;

  private constructor(targetPort: number) {
    this.#targetPort = targetPort;
    this.#server = createServer(near => this.#join(near));
  }

  static async start(t: Lifetime, targetPort: number): Promise<Relay> {
    const relay = new Relay(targetPort);
    relay.#server.listen(0, '127.0.0.1');
    await once(relay.#server, 'listening');
    relay.port = (relay.#server.address() as AddressInfo).port;
    t.teardown(() => {
      relay.cut();
      relay.#server.close();
    });
    return relay;
  }

  /** New connections go to another server from now on, as when an address moves in a failover. */
  aimAt(port: number): void {
    this.#targetPort = port;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#links.size;
  }

  /** Resets every open connection; new ones are taken unless `refuse` was called. */
  cut(): void {
    for (const { near, far } of this.#links) {
      reset(near);
      reset(far);
    }
    this.#links.clear();
  }

  /** Nobody listens any more: new connections are refused, as by a host without Redis. */
  refuse(): void {
    this.#server.close();
  }

  /** Ends `refuse`: listens on the same port again. */
  async accept(): Promise<void> {
    this.#server.listen(this.port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  /** Nothing passes in either direction, as on a network that swallows packets. */
  stall(): void {
    this.#stalled = true;
    for (const link of this.#links) pauseBoth(link);
  }

  /** Ends `stall`: what was held back goes on. */
  flow(): void {
    this.#stalled = false;
    for (const { near, far } of this.#links) {
      near.resume();
      far.resume();
    }
  }

  #join(near: Socket): void {
    this.accepted++;
    const far = connect({ port: this.#targetPort, host: '127.0.0.1' });
    const link = { near, far };
    this.#links.add(link);
    this.#pass(near, far, bytes => this.up(bytes));
    this.#pass(far, near, bytes => this.down(bytes));
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.setNoDelay(true);
      one.on('error', () => {});
      one.on('end', () => this.#after(() => other.end()));
      one.on('close', () => {
        this.#links.delete(link);
        this.#after(() => other.destroy());
      });
    }
    if (this.#stalled) pauseBoth(link);
  }

  #pass(from: Socket, to: Socket, tamper: Tamper): void {
    from.on('data', bytes => {
      const kept = tamper(bytes);
      if (kept === null) return;
      this.#after(() => {
        if (to.destroyed || to.write(kept) || this.#stalled) return;
        from.pause();
        to.once('drain', () => {
          if (!this.#stalled) from.resume();
        });
      });
    });
  }

  #after(act: () => void): void {
    if (this.delayMs === 0) act();
    else setTimeout(act, this.delayMs);
  }
}

function pauseBoth({ near, far }: Link): void {
  near.pause();
  far.pause();
}

/**
 * A socket whose FIN is on its way can't be reset: libuv refuses, and Node never closes the socket
 * then, so that the process spins when it ends.
 */
function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
