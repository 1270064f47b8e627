/** Sizes of a ring, in events: it moves to the next when it is full, and stays at the last. */
const ROOMS = [4, 16, 64] as const;
export const EVENTS_MAX = 64;
const FIRST_ROWS = 64;

/** How a request was answered. */
export const outcomes = { unknown: 0, granted: 1, refused: 2 } as const;
export type Outcome = keyof typeof outcomes;

/** Bytes of one event: gap, hold, client, bin, outcome. */
export const EVENT_BYTES = 3 * 4 + 2;

/** Rings of one size, side by side: an array for each column, not for each ring. */
class Shelf {
  gapsMs: Float32Array;
  holdsMs: Float32Array;
  clients: Uint32Array;
  bins: Uint8Array;
  outcomes: Uint8Array;
  private rows = 0;
  private readonly free: number[] = [];

  constructor(readonly room: number) {
    const events = FIRST_ROWS * room;
    this.gapsMs = new Float32Array(events);
    this.holdsMs = new Float32Array(events);
    this.clients = new Uint32Array(events);
    this.bins = new Uint8Array(events);
    this.outcomes = new Uint8Array(events);
  }

  take(): number {
    const row = this.free.pop();
    if (row !== undefined) return row;
    if ((this.rows + 1) * this.room > this.gapsMs.length) this.grow();
    return this.rows++;
  }

  give(row: number): void {
    this.free.push(row);
  }

  private grow(): void {
    const events = this.gapsMs.length * 2;
    this.gapsMs = larger(this.gapsMs, new Float32Array(events));
    this.holdsMs = larger(this.holdsMs, new Float32Array(events));
    this.clients = larger(this.clients, new Uint32Array(events));
    this.bins = larger(this.bins, new Uint8Array(events));
    this.outcomes = larger(this.outcomes, new Uint8Array(events));
  }

  get bytes(): number {
    return this.gapsMs.length * EVENT_BYTES;
  }
}

function larger<T extends Float32Array | Uint32Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

const NONE = -1;

/**
 * The latest events of each key, in order, bounded: the oldest is overwritten. Keys are numbers here,
 * the slots of their records. Allocates nothing but when all together need more room.
 */
export class EventRings {
  private readonly shelves = ROOMS.map(room => new Shelf(room));
  private rows = new Int32Array(FIRST_ROWS).fill(NONE);
  private sizes = new Uint8Array(FIRST_ROWS);
  private nexts = new Uint8Array(FIRST_ROWS);
  private lengths = new Uint8Array(FIRST_ROWS);

  length(slot: number): number {
    return slot < this.lengths.length ? (this.lengths[slot] as number) : 0;
  }

  /**
   * A request: the gap before it in ms with its bin, and what came of the request before, for how long of
   * the gap the lock was held (NaN: to its end, as far as is known) and its outcome.
   */
  add(
    slot: number,
    gapMs: number,
    bin: number,
    holdMs: number,
    client: number,
    outcome: number,
  ): void {
    const shelf = this.roomFor(slot);
    const next = this.nexts[slot] as number;
    const at = (this.rows[slot] as number) * shelf.room + next;
    shelf.gapsMs[at] = gapMs;
    shelf.bins[at] = bin;
    shelf.clients[at] = client;
    shelf.holdsMs[at] = holdMs;
    shelf.outcomes[at] = outcome;
    this.nexts[slot] = next + 1 === shelf.room && shelf.room === EVENTS_MAX ? 0 : next + 1;
    if ((this.lengths[slot] as number) < EVENTS_MAX)
      this.lengths[slot] = (this.lengths[slot] as number) + 1;
  }

  /** Copies gaps, their bins and the holds in them out, the newest first; returns how many there are. */
  read(slot: number, gapsMs: Float32Array, bins: Uint8Array, holdsMs: Float32Array): number {
    const length = this.length(slot);
    if (length === 0) return 0;
    const shelf = this.shelfOf(slot);
    const from = (this.rows[slot] as number) * shelf.room;
    let at = this.nexts[slot] as number;
    for (let age = 0; age < length; age++) {
      at = at === 0 ? shelf.room - 1 : at - 1;
      gapsMs[age] = shelf.gapsMs[from + at] as number;
      bins[age] = shelf.bins[from + at] as number;
      holdsMs[age] = shelf.holdsMs[from + at] as number;
    }
    return length;
  }

  /** The whole of an event, for people and for what is written down; age 0 is the latest. */
  event(slot: number, age: number): EventRecord | null {
    if (age >= this.length(slot)) return null;
    const shelf = this.shelfOf(slot);
    const place = ((this.nexts[slot] as number) - 1 - age + 2 * shelf.room) % shelf.room;
    const at = (this.rows[slot] as number) * shelf.room + place;
    const code = shelf.outcomes[at];
    return {
      gapMs: shelf.gapsMs[at] as number,
      client: shelf.clients[at] as number,
      holdMs: shelf.holdsMs[at] as number,
      outcome:
        code === outcomes.granted ? 'granted' : code === outcomes.refused ? 'refused' : 'unknown',
    };
  }

  /** Another key will have this slot. */
  clear(slot: number): void {
    if (slot >= this.rows.length || this.rows[slot] === NONE) return;
    this.shelfOf(slot).give(this.rows[slot] as number);
    this.rows[slot] = NONE;
    this.sizes[slot] = 0;
    this.nexts[slot] = 0;
    this.lengths[slot] = 0;
  }

  get bytes(): number {
    return this.shelves.reduce((sum, shelf) => sum + shelf.bytes, 0);
  }

  private shelfOf(slot: number): Shelf {
    return this.shelves[this.sizes[slot] as number] as Shelf;
  }

  /** The shelf on which this key's ring has room for one more event. */
  private roomFor(slot: number): Shelf {
    if (slot >= this.rows.length) this.grow(slot);
    const shelf = this.shelfOf(slot);
    if (this.rows[slot] === NONE) {
      this.rows[slot] = shelf.take();
      return shelf;
    }
    if ((this.nexts[slot] as number) < shelf.room) return shelf;
    const wider = this.shelves[(this.sizes[slot] as number) + 1] as Shelf;
    const row = this.rows[slot] as number;
    const to = wider.take();
    copy(shelf, row, wider, to);
    shelf.give(row);
    this.rows[slot] = to;
    this.sizes[slot] = (this.sizes[slot] as number) + 1;
    return wider;
  }

  private grow(slot: number): void {
    const slots = Math.max(this.rows.length * 2, slot + 1);
    const rows = new Int32Array(slots).fill(NONE);
    rows.set(this.rows);
    this.rows = rows;
    this.sizes = larger(this.sizes, new Uint8Array(slots));
    this.nexts = larger(this.nexts, new Uint8Array(slots));
    this.lengths = larger(this.lengths, new Uint8Array(slots));
  }
}

export interface EventRecord {
  /** Since the request before. */
  readonly gapMs: number;
  readonly client: number;
  /** NaN: it was not given back, as far as is known. */
  readonly holdMs: number;
  readonly outcome: Outcome;
}

function copy(from: Shelf, fromRow: number, to: Shelf, toRow: number): void {
  const start = fromRow * from.room;
  const end = start + from.room;
  const at = toRow * to.room;
  to.gapsMs.set(from.gapsMs.subarray(start, end), at);
  to.holdsMs.set(from.holdsMs.subarray(start, end), at);
  to.clients.set(from.clients.subarray(start, end), at);
  to.bins.set(from.bins.subarray(start, end), at);
  to.outcomes.set(from.outcomes.subarray(start, end), at);
}
