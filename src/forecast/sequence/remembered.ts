import { ByKey } from '../by-key.js';

/** Something that is remembered by database and key, while it is used. */
interface Marked {
  readonly database: number;
  readonly key: string;
  /** Uses that count against forgetting. */
  marks: number;
}

/** So many rounds does one that is used often outlive those that are used once. */
const MARKS_MAX = 3;

/**
 * A bounded table that forgets what is used least and longest ago, by the clock algorithm: a hand goes
 * round and takes a mark from each, or the place of one that has none. What comes by once, a million
 * random keys too, has no mark and makes room before what is used again. A use costs no more than
 * counting.
 */
export class Remembered<T extends Marked> {
  private readonly byKey = new ByKey<T>();
  private readonly ring: T[] = [];
  private hand = 0;

  constructor(
    private readonly most: number,
    private readonly forgotten: (record: T) => void,
  ) {}

  get size(): number {
    return this.ring.length;
  }

  get(database: number, key: string): T | undefined {
    return this.byKey.get(database, key);
  }

  used(record: T): void {
    if (record.marks < MARKS_MAX) record.marks++;
  }

  /** Only for a key that it does not have. */
  add(record: T): void {
    this.byKey.add(record);
    if (this.ring.length < this.most) {
      this.ring.push(record);
      return;
    }
    for (;;) {
      const at = this.hand;
      this.hand = (at + 1) % this.ring.length;
      const old = this.ring[at];
      if (old !== undefined && old.marks > 0) {
        old.marks--;
        continue;
      }
      this.ring[at] = record;
      if (old !== undefined) {
        this.byKey.delete(old);
        this.forgotten(old);
      }
      return;
    }
  }
}
