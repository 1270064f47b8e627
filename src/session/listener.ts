import { createServer, type Server, type Socket } from 'node:net';
import type { Gateway } from './gateway.js';
import { lentSocket } from './lent-socket.js';
import { Session } from './session.js';

/** Takes clients' connections on one address. */
export class Listener {
  readonly #gateway: Gateway;
  readonly #server: Server;

  constructor(gateway: Gateway) {
    this.#gateway = gateway;
    const { keepAliveMs } = gateway.options;
    this.#server = createServer(
      {
        // A client may close its side and still read what it asked for.
        allowHalfOpen: true,
        pauseOnConnect: true,
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: keepAliveMs,
      },
      socket => this.#accept(socket),
    );
  }

  /** Resolves with the port that is taken; rejects where the address is not to be had. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port, backlog: this.#gateway.options.acceptBacklogMax }, () => {
        this.#server.off('error', reject);
        this.#server.on('error', error =>
          this.#gateway.log.error({ error: error.message }, 'the listener failed'),
        );
        const address = this.#server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : port);
      });
    });
  }

  /** Takes no new clients. */
  stop(): void {
    this.#server.close();
  }

  #accept(socket: Socket): void {
    const { clients, options, traffic } = this.#gateway;
    if (clients.size >= options.maxClients) {
      traffic.clientsRefused++;
      // Redis's own words.
      socket.on('error', () => undefined);
      socket.end('-ERR max number of clients reached\r\n');
      socket.resume();
      setTimeout(() => socket.destroy(), options.closingPatienceMs).unref();
      return;
    }
    traffic.clientsAccepted++;
    let session: Session | null = null;
    const taken = lentSocket(socket, (bytes, length) => session?.received(bytes, length));
    session = new Session(this.#gateway, taken);
  }
}
