/** Records by database and key, without a joined key string to be built at every look. */
export class ByKey<T extends { readonly database: number; readonly key: string }> {
  private readonly databases = new Map<number, Map<string, T>>();
  size = 0;

  get(database: number, key: string): T | undefined {
    return this.databases.get(database)?.get(key);
  }

  add(record: T): void {
    let keys = this.databases.get(record.database);
    if (keys === undefined) {
      keys = new Map();
      this.databases.set(record.database, keys);
    }
    if (!keys.has(record.key)) this.size++;
    keys.set(record.key, record);
  }

  delete(record: T): void {
    if (this.databases.get(record.database)?.delete(record.key) === true) this.size--;
  }

  *values(): Generator<T> {
    for (const keys of this.databases.values()) yield* keys.values();
  }

  /**
   * Makes room by one: of a few of the oldest records the one that `ageMs` calls oldest. A few,
   * since a look at all of them would make each insertion into a full table as slow as the table
   * is long; those that stay go to the end of the line.
   */
  evict(ageMs: (record: T) => number): void {
    let looked = 0;
    let oldest: T | null = null;
    for (const record of this.values()) {
      if (oldest === null || ageMs(record) > ageMs(oldest)) oldest = record;
      if (++looked >= LOOKED_AT) break;
      const keys = this.databases.get(record.database);
      keys?.delete(record.key);
      keys?.set(record.key, record);
    }
    if (oldest !== null) this.delete(oldest);
  }
}

const LOOKED_AT = 16;
