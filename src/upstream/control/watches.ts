import type { ControlConnection } from './control-connection.js';

/**
 * Keys of which Redis is to tell when they change: client-side caching. Each connection tracks what it
 * reads where it says so before (OPTIN), since the scripts on it read many keys that nobody waits for;
 * what Redis has to tell it sends to the one connection that is subscribed to it.
 */
export class Watches {
  readonly #tracking = new Set<ControlConnection>();
  /** Of the connection that is told; 0: there is none. */
  #clientId = 0;

  /** Whether anything is heard of what changes. */
  get heard(): boolean {
    return this.#tracking.size > 0;
  }

  /** That connection is told from now on; 0: none is. */
  telling(clientId: number, connections: Iterable<ControlConnection>): void {
    this.#clientId = clientId;
    this.#tracking.clear();
    if (clientId === 0) return;
    for (const connection of connections) if (connection.isReady) this.track(connection);
  }

  /** The connection is there, perhaps anew. */
  track(connection: ControlConnection): void {
    this.#tracking.delete(connection);
    if (this.#clientId === 0) return;
    const redirect = String(this.#clientId);
    connection.send(['CLIENT', 'TRACKING', 'ON', 'REDIRECT', redirect, 'OPTIN'], answer => {
      if (answer.kind === 'reply') this.#tracking.add(connection);
    });
  }

  lost(connection: ControlConnection): void {
    this.#tracking.delete(connection);
  }

  /** Looks at a key, whose next change is told then. `seen`: null where there is no string in it. */
  watch(connection: ControlConnection, key: string, seen: (value: string | null) => void): void {
    if (!this.#tracking.has(connection)) return;
    let watched = false;
    connection.send(['CLIENT', 'CACHING', 'YES'], answer => {
      watched = answer.kind === 'reply';
    });
    connection.send(['GET', key], answer => {
      if (!watched) return;
      if (answer.kind === 'reply') seen(typeof answer.value === 'string' ? answer.value : null);
      else if (answer.kind === 'error') seen(null);
    });
  }
}
