/**
 * A timer that rings at or after a monotonic moment, never before: Node's own may ring up to a
 * millisecond early, and rings at once where the wait is longer than 24 days.
 */
export class Alarm {
  readonly #atMs: number;
  readonly #due: () => void;
  #timeout: NodeJS.Timeout;

  constructor(atMs: number, due: () => void) {
    this.#atMs = atMs;
    this.#due = due;
    this.#timeout = this.#wait();
  }

  cancel(): void {
    clearTimeout(this.#timeout);
  }

  #wait(): NodeJS.Timeout {
    const leftMs = Math.ceil(this.#atMs - performance.now());
    return setTimeout(() => this.#ring(), Math.min(Math.max(leftMs, 0), LONGEST_WAIT_MS));
  }

  #ring(): void {
    if (performance.now() >= this.#atMs) this.#due();
    else this.#timeout = this.#wait();
  }
}

/** The process's own monotonic clock and timers, as the lock manager and the group want them. */
export const processClock = {
  monotonicMs: (): number => performance.now(),
  setTimer: (atMs: number, due: () => void): Alarm => new Alarm(atMs, due),
  cancelTimer: (handle: unknown): void => {
    if (handle instanceof Alarm) handle.cancel();
  },
};

const LONGEST_WAIT_MS = 2 ** 31 - 1;
