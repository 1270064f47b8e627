import type { LockOptions } from './options.js';

/** A grant that was seen of a key that is no lock key yet. */
export interface Sighting {
  readonly value: string;
  readonly ttlMs: number;
  readonly clientId: number;
  readonly requestedAtMs: number;
  /** Since then every command is looked at for whether it touches the key. */
  readonly sinceMs: number;
}

/**
 * Keys on their way to become lock keys, each with the grant that was seen last. SET NX EX is also used
 * to fill caches, to deduplicate and to probe a server: only a grant *and* its release by compare
 * make a lock. Bounded, the oldest makes room.
 */
export class Sightings {
  private readonly byDatabase = new Map<number, Map<string, Sighting>>();
  private size = 0;

  constructor(private readonly options: LockOptions) {}

  granted(database: number, key: string, sighting: Sighting): void {
    let sightings = this.byDatabase.get(database);
    if (sightings === undefined) {
      sightings = new Map();
      this.byDatabase.set(database, sightings);
    }
    if (!sightings.delete(key)) {
      if (this.size >= this.options.lockKeysMax) this.dropOldest();
      this.size++;
    }
    sightings.set(key, sighting);
  }

  /** The grant that was seen and that this release ends, else null; it is used up by it. */
  released(database: number, key: string, value: string): Sighting | null {
    const sightings = this.byDatabase.get(database);
    const granted = sightings?.get(key);
    if (sightings === undefined || granted === undefined) return null;
    sightings.delete(key);
    this.size--;
    return granted.value === value ? granted : null;
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
