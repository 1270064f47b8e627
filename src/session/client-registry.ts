import type { Session } from './session.js';

/**
 * Every client of this process by its number. Numbers begin far above Redis's own, so that a number
 * is known to be ours or Redis's by looking at it, and stay within what a double holds exactly.
 */
export class ClientRegistry {
  readonly #sessions = new Map<number, Session>();
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
