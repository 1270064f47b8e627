/** What a key holds: a string, a list, a hash or a sorted set. */
export type Value = string | string[] | Map<string, string> | SortedSet;

/** Members with their scores; members are ordered where they are listed. */
export class SortedSet {
  readonly scores: Map<string, number>;

  constructor(scores: Iterable<readonly [string, number]> = []) {
    this.scores = new Map(scores);
  }

  /** By score, and where that is equal by the bytes of the member. */
  ordered(): [string, number][] {
    return [...this.scores].sort(
      ([one, low], [other, high]) => low - high || (one < other ? -1 : 1),
    );
  }
}

export interface Entry {
  readonly value: Value;
  /** By the server's clock; Infinity without TTL. */
  readonly expiresAtMs: number;
}

/** What became of one key: what stands there now, or null where nothing does. */
export interface Effect {
  readonly database: number;
  readonly key: string;
  readonly entry: Entry | null;
}

export type KeyChanged = (database: number, key: string, expired: boolean) => void;

/** The databases of one server, with their TTLs. */
export class Keyspace {
  private readonly databases: Map<string, Entry>[] = [];
  /** A replica waits for its master to delete a key that has expired, and only hides it. */
  deletesExpired = true;

  constructor(
    private readonly nowMs: () => number,
    private readonly changed: KeyChanged,
  ) {}

  find(database: number, key: string): Entry | undefined {
    const keys = this.databases[database];
    const entry = keys?.get(key);
    if (entry === undefined || entry.expiresAtMs >= this.nowMs()) return entry;
    if (this.deletesExpired) {
      keys?.delete(key);
      this.changed(database, key, true);
    }
    return undefined;
  }

  put(database: number, key: string, value: Value, expiresAtMs: number): void {
    this.of(database).set(key, { value, expiresAtMs });
    this.changed(database, key, false);
  }

  /** The value was changed in place; one that became empty goes. */
  modified(database: number, key: string, isEmpty: boolean): void {
    if (isEmpty) this.databases[database]?.delete(key);
    this.changed(database, key, false);
  }

  /** Whether there was anything. */
  remove(database: number, key: string): boolean {
    if (this.find(database, key) === undefined) return false;
    this.databases[database]?.delete(key);
    this.changed(database, key, false);
    return true;
  }

  /** Without a word for each key. */
  clear(database?: number): void {
    if (database === undefined) this.databases.length = 0;
    else this.databases[database]?.clear();
  }

  /** The names of what has not expired, in the order in which they were written first. */
  keys(database: number): string[] {
    const nowMs = this.nowMs();
    const names: string[] = [];
    for (const [key, { expiresAtMs }] of this.databases[database] ?? []) {
      if (expiresAtMs >= nowMs) names.push(key);
    }
    return names;
  }

  /** What has expired and was not deleted yet. */
  expired(): { database: number; key: string }[] {
    const nowMs = this.nowMs();
    return this.databases.flatMap((keys, database) =>
      [...keys]
        .filter(([, { expiresAtMs }]) => expiresAtMs < nowMs)
        .map(([key]) => ({ database, key })),
    );
  }

  /** What stands there for a copy, expired or not. */
  effect(database: number, key: string): Effect {
    const entry = this.databases[database]?.get(key);
    return {
      database,
      key,
      entry: entry === undefined ? null : { ...entry, value: copyOf(entry.value) },
    };
  }

  apply({ database, key, entry }: Effect): void {
    if (entry === null) this.databases[database]?.delete(key);
    else this.of(database).set(key, { ...entry, value: copyOf(entry.value) });
  }

  /** Becomes an exact copy. */
  copy(other: Keyspace): void {
    this.clear();
    other.databases.forEach((keys, database) => {
      for (const key of keys.keys()) this.apply(other.effect(database, key));
    });
  }

  private of(database: number): Map<string, Entry> {
    let keys = this.databases[database];
    if (keys === undefined) {
      while (this.databases.length <= database) this.databases.push(new Map());
      keys = this.databases[database] ?? new Map<string, Entry>();
    }
    return keys;
  }
}

function copyOf(value: Value): Value {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return [...value];
  return value instanceof Map ? new Map(value) : new SortedSet(value.scores);
}
