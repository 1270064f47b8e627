/** Those who wait for one event of the upstream, each for a bounded time. */
export class Waiters {
  readonly #waitMs: number;
  readonly #waiting = new Map<(came: boolean) => void, NodeJS.Timeout>();

  constructor(waitMs: number) {
    this.#waitMs = waitMs;
  }

  get none(): boolean {
    return this.#waiting.size === 0;
  }

  /** Calls back once: with true when the event comes, with false when the time is over. */
  add(waiter: (came: boolean) => void): void {
    const timer = setTimeout(() => {
      this.#waiting.delete(waiter);
      waiter(false);
    }, this.#waitMs);
    this.#waiting.set(waiter, timer);
  }

  /** The event came. */
  release(): void {
    this.#end(true);
  }

  close(): void {
    this.#end(false);
  }

  #end(came: boolean): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const [waiter, timer] of waiting) {
      clearTimeout(timer);
      waiter(came);
    }
  }
}
