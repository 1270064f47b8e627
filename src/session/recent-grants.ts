/** Keys of one database. */
export interface GrantedKeys {
  readonly database: number;
  readonly keys: readonly string[];
}

/** Keys that were granted here and are perhaps not in Redis yet; the newest few of one client. */
export class RecentGrants {
  /** By database: a client may SELECT another one before it asks for its locks to be safe. */
  #keys: Map<number, Set<string>> | null = null;

  /** @param max databases that are remembered, and keys of each: WAIT is called soon after a grant */
  add(database: number, key: string, max: number): void {
    this.#keys ??= new Map();
    let keys = this.#keys.get(database);
    if (keys === undefined) {
      keys = new Set();
      this.#keys.set(database, keys);
      if (this.#keys.size > max) dropOldest(this.#keys);
    }
    keys.delete(key);
    keys.add(key);
    if (keys.size > max) dropOldest(keys);
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

function dropOldest<T>(remembered: { keys(): Iterator<T>; delete(oldest: T): unknown }): void {
  const { done, value } = remembered.keys().next();
  if (done !== true) remembered.delete(value);
}
