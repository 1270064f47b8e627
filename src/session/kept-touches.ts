import type { LockDesk, Touch } from '../locks/contract.js';

/**
 * The touches that last until a transaction, a WATCH or a connection is over. One that touches
 * nothing new is ended at once: a client may repeat itself for as long as it likes.
 */
export class KeptTouches {
  readonly #desk: Pick<LockDesk, 'touchEnded'>;
  #touches: Touch[] = [];
  /** Database and key, or the database alone where any key is touched. */
  readonly #touched = new Set<string>();

  constructor(desk: Pick<LockDesk, 'touchEnded'>) {
    this.#desk = desk;
  }

  keep(touch: Touch): void {
    const { database, keys } = touch;
    const names = keys === null ? [`${database}`] : keys.map(key => `${database} ${key}`);
    if (names.every(name => this.#touched.has(name))) {
      this.#desk.touchEnded(touch);
      return;
    }
    for (const name of names) this.#touched.add(name);
    this.#touches.push(touch);
  }

  end(): void {
    const touches = this.#touches;
    if (touches.length === 0) return;
    this.#touches = [];
    this.#touched.clear();
    for (const touch of touches) this.#desk.touchEnded(touch);
  }
}
