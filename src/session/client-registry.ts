import type { Session } from './session.js';

/**
 * Every client of this process by its number. Numbers begin far above Redis's own, so that a number
 * is known to be ours or Redis's by looking at it, and stay within what a double holds exactly.
 */
export class ClientRegistry {
  readonly #sessions = new Map<number, Session>();
  readonly #whenEmpty: (() => void)[] = [];
  #next: number;

  constructor() {
    this.#next = FIRST_ID;
  }

  get size(): number {
    return this.#sessions.size;
  }

  add(session: Session): number {
    const id = this.#next++;
    this.#sessions.set(id, session);
    return id;
  }

  remove(id: number): void {
    this.#sessions.delete(id);
    if (this.#sessions.size === 0) for (const then of this.#whenEmpty.splice(0)) then();
  }

  /**
   * Ends each client as soon as it waits for no answer; resolves when none is left. Clients that
   * keep a subscription or a blocking command would wait for ever, and are ended at once.
   */
  finished(): Promise<void> {
    return new Promise(resolve => {
      this.#whenEmpty.push(resolve);
      for (const session of [...this.#sessions.values()]) session.finish();
      if (this.#sessions.size === 0)
        this.#whenEmpty.splice(0).forEach(then => {
          then();
        });
    });
  }

  find(id: number): Session | null {
    return this.#sessions.get(id) ?? null;
  }

  all(): IterableIterator<Session> {
    return this.#sessions.values();
  }
}

const FIRST_ID = 1_000_000_000_000;

export function isOurs(id: number): boolean {
  return id >= FIRST_ID;
}
