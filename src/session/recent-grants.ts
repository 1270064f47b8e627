/** Keys that were granted here and are perhaps not in Redis yet; the newest few of one client. */
export class RecentGrants {
  #keys: Set<string> | null = null;

  add(key: string): void {
    this.#keys ??= new Set();
    this.#keys.delete(key);
    this.#keys.add(key);
    if (this.#keys.size <= REMEMBERED_MAX) return;
    const [oldest] = this.#keys;
    if (oldest !== undefined) this.#keys.delete(oldest);
  }

  /** All of them, which are then forgotten: whoever asks sees to it that they reach Redis. */
  take(): string[] {
    const keys = [...(this.#keys ?? [])];
    this.#keys = null;
    return keys;
  }
}

/** WAIT is called soon after the lock is taken: nobody holds more new locks than these by then. */
const REMEMBERED_MAX = 64;
