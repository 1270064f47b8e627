import { EventRings } from './event-rings.js';

/** Distributions that are weighed for one key: statistics, and log-normals of the network. */
export const STATISTICS = 14;
export const COMPONENTS = 4;
/** Cells of the network. */
export const UNITS = 24;

/** Numbers of a record, where they lie in its part of `numbers`. */
export const field = {
  usualHoldMs: 0,
  lastHoldMs: 1,
  /**
   * How much longer than usual the lock was held since the last request: who waits for its own
   * release before it asks again, asks later by as much, and is not overdue.
   */
  delayMs: 2,
  /** Moving means and variances of the logarithm of the gap in ms, and means of the gap. */
  logMeanSlow: 3,
  logVarianceSlow: 4,
  logMeanFast: 5,
  logVarianceFast: 6,
  meanSlowMs: 7,
  meanFastMs: 8,
  /** Share of the requests that came after the release of the one before. */
  afterRelease: 9,
  /** Logarithmic means of the network's log-normals. */
  means: 10,
} as const;
const NUMBERS = field.means + COMPONENTS;

/** The same for `counts`. */
export const count = {
  requests: 0,
  /** 1: it was quiet for so long that it is taken not to come again. */
  over: 1,
  client: 2,
  /** The number of the key's template. */
  template: 3,
  /** The row for training that waits for the next gap, and 1; 0: none. */
  row: 4,
  /** 1: the lock was given back since the last request, after `lastHoldMs`. */
  released: 6,
  /** Of the last request. */
  outcome: 7,
  /** 1: it was asked for again since it was last looked at to make room. */
  recent: 5,
} as const;
const COUNTS = 8;

/** Parts of one, in units of 2^-16, for `shares`. */
export const share = {
  /** How far each statistic is to be believed, as the key's own requests have it. */
  beliefs: 0,
  /** What each distribution weighs by the network, statistics first; all 0: it has not said. */
  weights: STATISTICS,
  /** Widths of the network's log-normals, in units of 2^-12. */
  widths: 2 * STATISTICS + COMPONENTS,
} as const;
const SHARES = share.widths + COMPONENTS;

/** Bytes of a record, its ring and its name apart. */
export const RECORD_BYTES = 8 + NUMBERS * 4 + COUNTS * 4 + SHARES * 2 + UNITS * 4;

const FIRST_SLOTS = 64;
/** Keys looked at when one has to make room. */
const LOOKED_AT = 64;

/** A lock key. */
export interface KeyName {
  readonly database: number;
  /** Binary string. */
  readonly key: string;
}

/**
 * What is remembered of each lock key, as numbers in arrays: a slot for each key, a column for each
 * kind of number. Objects would take several times the room, and the collector's time with it.
 */
export class KeyRecords {
  readonly rings = new EventRings();
  size = 0;
  /** Monotonic, of the last request. */
  lastAtMs = new Float64Array(FIRST_SLOTS);
  numbers = new Float32Array(FIRST_SLOTS * NUMBERS);
  counts = new Uint32Array(FIRST_SLOTS * COUNTS);
  shares = new Uint16Array(FIRST_SLOTS * SHARES);
  /** The network's cells: outputs in units of 2^-15, then contents in units of 2^-11. */
  cells = new Int16Array(FIRST_SLOTS * 2 * UNITS);
  private readonly names: (KeyName | null)[] = [];
  private readonly slots = new Map<number, Map<string, number>>();
  private readonly free: number[] = [];
  /** Where the last search for a key that makes room ended. */
  private hand = 0;

  constructor(
    private readonly keysMax: number,
    /** Told of a key that is forgotten, while its record is still there. */
    private readonly forgotten: (slot: number) => void = () => {},
  ) {}

  /** -1: there is no record. */
  find(database: number, key: string): number {
    return this.slots.get(database)?.get(key) ?? -1;
  }

  name(slot: number): KeyName | null {
    return this.names[slot] ?? null;
  }

  /** One more than the highest slot. */
  get end(): number {
    return this.names.length;
  }

  /** A new record, all zeros; where there are too many, one that was not asked for of late goes. */
  add(database: number, key: string): number {
    if (this.size >= this.keysMax) this.makeRoom();
    const slot = this.free.pop() ?? this.names.length;
    if (slot >= this.lastAtMs.length) this.grow();
    this.names[slot] = { database, key };
    let keys = this.slots.get(database);
    if (keys === undefined) {
      keys = new Map();
      this.slots.set(database, keys);
    }
    keys.set(key, slot);
    this.size++;
    return slot;
  }

  delete(slot: number): void {
    const name = this.names[slot];
    if (name === null || name === undefined) return;
    this.forgotten(slot);
    const keys = this.slots.get(name.database);
    keys?.delete(name.key);
    if (keys?.size === 0) this.slots.delete(name.database);
    this.names[slot] = null;
    this.free.push(slot);
    this.size--;
    this.rings.clear(slot);
    this.lastAtMs[slot] = 0;
    this.numbers.fill(0, slot * NUMBERS, (slot + 1) * NUMBERS);
    this.counts.fill(0, slot * COUNTS, (slot + 1) * COUNTS);
    this.shares.fill(0, slot * SHARES, (slot + 1) * SHARES);
    this.cells.fill(0, slot * 2 * UNITS, (slot + 1) * 2 * UNITS);
  }

  number(slot: number, at: number): number {
    return this.numbers[slot * NUMBERS + at] as number;
  }

  setNumber(slot: number, at: number, value: number): void {
    this.numbers[slot * NUMBERS + at] = value;
  }

  count(slot: number, at: number): number {
    return this.counts[slot * COUNTS + at] as number;
  }

  setCount(slot: number, at: number, value: number): void {
    this.counts[slot * COUNTS + at] = value;
  }

  /** Where the shares of this slot begin. */
  sharesOf(slot: number): number {
    return slot * SHARES;
  }

  /** Takes the network's state of this slot out, outputs first. */
  readState(slot: number, state: Float32Array): void {
    const from = slot * 2 * UNITS;
    for (let unit = 0; unit < UNITS; unit++) {
      state[unit] = (this.cells[from + unit] as number) / OUTPUT_SCALE;
      state[UNITS + unit] = (this.cells[from + UNITS + unit] as number) / CONTENT_SCALE;
    }
  }

  writeState(slot: number, state: Float32Array): void {
    const from = slot * 2 * UNITS;
    for (let unit = 0; unit < UNITS; unit++) {
      this.cells[from + unit] = short((state[unit] as number) * OUTPUT_SCALE);
      this.cells[from + UNITS + unit] = short((state[UNITS + unit] as number) * CONTENT_SCALE);
    }
  }

  /** Forgets what the network knew of all keys: it is another one now. */
  clearStates(): void {
    this.cells.fill(0);
  }

  /** Forgets what the network has said of all keys. */
  clearGates(): void {
    for (let from = 0; from < this.shares.length; from += SHARES) {
      this.shares.fill(0, from + share.weights, from + share.weights + STATISTICS + COMPONENTS);
    }
  }

  /** Bytes of all records and rings, names apart. */
  get bytes(): number {
    return this.lastAtMs.length * RECORD_BYTES + this.rings.bytes;
  }

  /** The clock's hand goes round: who was asked for since it last came by is spared once. */
  private makeRoom(): void {
    let oldest = -1;
    for (let looked = 0; looked < LOOKED_AT; ) {
      if (this.hand >= this.names.length) this.hand = 0;
      const slot = this.hand++;
      if (this.names[slot] === null) continue;
      looked++;
      if (oldest < 0 || (this.lastAtMs[slot] as number) < (this.lastAtMs[oldest] as number)) {
        oldest = slot;
      }
      if (this.count(slot, count.recent) === 0) {
        oldest = slot;
        break;
      }
      this.setCount(slot, count.recent, 0);
    }
    this.delete(oldest);
  }

  private grow(): void {
    const slots = this.lastAtMs.length * 2;
    this.lastAtMs = larger(this.lastAtMs, new Float64Array(slots));
    this.numbers = larger(this.numbers, new Float32Array(slots * NUMBERS));
    this.counts = larger(this.counts, new Uint32Array(slots * COUNTS));
    this.shares = larger(this.shares, new Uint16Array(slots * SHARES));
    this.cells = larger(this.cells, new Int16Array(slots * 2 * UNITS));
  }
}

const OUTPUT_SCALE = 2 ** 15 - 1;
const CONTENT_SCALE = 2 ** 11;

function short(value: number): number {
  return value > 32767 ? 32767 : value < -32768 ? -32768 : Math.round(value);
}

function larger<T extends { set(from: T): void }>(from: T, to: T): T {
  to.set(from);
  return to;
}
