/** What happens at times of its own, between the events of a trace. */
export interface Timed {
  /** When it is next; infinite where it is not. */
  readonly nextMs: number;
  /** What is due then; moves `nextMs`, or is done with one of several at that time. */
  run(): void;
}

/** Simulated time: runs what is due, in order of time, and at the same time in the order of the list. */
export class Timeline {
  constructor(private readonly parts: readonly Timed[]) {}

  /** All that is due up to then, and then. */
  advance(toMs: number): void {
    for (;;) {
      let next: Timed | null = null;
      let nextMs = Number.POSITIVE_INFINITY;
      for (const part of this.parts) {
        if (part.nextMs < nextMs) {
          next = part;
          nextMs = part.nextMs;
        }
      }
      if (next === null || nextMs > toMs) return;
      next.run();
    }
  }
}

interface Entry<Item> {
  readonly atMs: number;
  /** What was put in first comes first. */
  readonly order: number;
  readonly item: Item;
}

/** Things by time, the earliest first: a binary heap. */
export class TimeQueue<Item> {
  private readonly entries: Entry<Item>[] = [];
  private added = 0;

  /** Infinite where nothing is in it. */
  get nextMs(): number {
    return this.entries[0]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  add(atMs: number, item: Item): void {
    const { entries } = this;
    const entry = { atMs, order: this.added++, item };
    let at = entries.length;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const other = entries[above];
      if (other === undefined || isBefore(other, entry)) break;
      entries[at] = other;
      at = above;
    }
    entries[at] = entry;
  }

  take(): Item | null {
    const { entries } = this;
    const first = entries[0];
    const last = entries.pop();
    if (first === undefined || last === undefined) return null;
    if (entries.length > 0) this.sink(last);
    return first.item;
  }

  private sink(entry: Entry<Item>): void {
    const { entries } = this;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      const left = entries[below];
      if (left === undefined) break;
      const right = entries[below + 1];
      const least = right !== undefined && isBefore(right, left) ? right : left;
      if (least === right) below++;
      if (isBefore(entry, least)) break;
      entries[at] = least;
      at = below;
    }
    entries[at] = entry;
  }
}

function isBefore(one: Entry<unknown>, other: Entry<unknown>): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}
