import type { LockOptions } from './options.js';

/**
 * Keys on their way to become lock keys, each with the value that took it. SET NX EX is also used
 * to fill caches, to deduplicate and to probe a server: only a grant *and* its release by compare
 * make a lock. Bounded, the oldest makes room.
 */
export class Sightings {
  private readonly byDatabase = new Map<number, Map<string, string>>();
  private size = 0;

  constructor(private readonly options: LockOptions) {}

  granted(database: number, key: string, value: string): void {
    let values = this.byDatabase.get(database);
    if (values === undefined) {
      values = new Map();
      this.byDatabase.set(database, values);
    }
    if (!values.delete(key)) {
      if (this.size >= this.options.lockKeysMax) this.dropOldest();
      this.size++;
    }
    values.set(key, value);
  }

  /** Whether this release ends a grant that was seen; the sighting is used up by it. */
  released(database: number, key: string, value: string): boolean {
    const values = this.byDatabase.get(database);
    const granted = values?.get(key);
    if (values === undefined || granted === undefined) return false;
    values.delete(key);
    this.size--;
    return granted === value;
  }

  has(database: number, key: string): boolean {
    return this.byDatabase.get(database)?.has(key) === true;
  }

  any(database: number): boolean {
    return (this.byDatabase.get(database)?.size ?? 0) > 0;
  }

  databases(): Iterable<number> {
    return this.byDatabase.keys();
  }

  /** Somebody does more with the key than to lock it. */
  touched(database: number, key: string): boolean {
    const dropped = this.byDatabase.get(database)?.delete(key) === true;
    if (dropped) this.size--;
    return dropped;
  }

  private dropOldest(): void {
    for (const values of this.byDatabase.values()) {
      for (const key of values.keys()) {
        values.delete(key);
        this.size--;
        return;
      }
    }
  }
}
