/** Keys of one database. */
export interface GrantedKeys {
  readonly database: number;
  readonly keys: readonly string[];
}

/** Keys that were granted here and are perhaps not in Redis yet; the newest few of one client. */
export class RecentGrants {
  /** By database: a client may SELECT another one before it asks for its locks to be safe. */
  #keys: Map<number, Set<string>> | null = null;

  add(database: number, key: string): void {
    this.#keys ??= new Map();
    let keys = this.#keys.get(database);
    if (keys === undefined) {
      keys = new Set();
      this.#keys.set(database, keys);
      if (this.#keys.size > REMEMBERED_MAX) dropOldest(this.#keys);
    }
    keys.delete(key);
    keys.add(key);
    if (keys.size > REMEMBERED_MAX) dropOldest(keys);
  }

  /** All of them, which are then forgotten: whoever asks sees to it that they reach Redis. */
  take(): GrantedKeys[] {
    const taken = [...(this.#keys ?? [])].map(([database, keys]) => ({
      database,
      keys: [...keys],
    }));
    this.#keys = null;
    return taken;
  }
}

/** WAIT is called soon after the lock is taken: nobody holds more new locks than these by then. */
const REMEMBERED_MAX = 64;

function dropOldest<T>(remembered: { keys(): Iterator<T>; delete(oldest: T): unknown }): void {
  const { done, value } = remembered.keys().next();
  if (done !== true) remembered.delete(value);
}
