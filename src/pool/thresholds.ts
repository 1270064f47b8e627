import { ByKey } from '../forecast/by-key.js';
import type { AllocatorOptions } from './options.js';

/** How far one unused reservation moves the threshold towards never. */
const WASTED_STEP = 0.25;
/** How far a used one moves it towards its floor; one waste weighs as much as five uses. */
const USED_STEP = 0.05;
/** A score above this is not reached by a model that doubts anything at all. */
const THRESHOLD_MAX = 0.99;
/** A threshold returns to where it began in about this time, so that no key is given up for good. */
const RETURN_MS = 300_000;

interface Threshold {
  readonly database: number;
  readonly key: string;
  value: number;
  atMs: number;
}

/** The score that each key has to reach: what became of earlier reservations decides. */
export class Thresholds {
  private readonly records = new ByKey<Threshold>();

  constructor(private readonly options: AllocatorOptions) {}

  of(database: number, key: string, nowMs: number): number {
    const record = this.records.get(database, key);
    return record === undefined ? this.options.scoreThreshold : this.valueAt(record, nowMs);
  }

  ended(database: number, key: string, used: boolean, nowMs: number): void {
    const record = this.records.get(database, key) ?? this.begin(database, key, nowMs);
    const value = this.valueAt(record, nowMs);
    const floor = this.options.scoreThreshold / 2;
    record.value = used
      ? value - (value - floor) * USED_STEP
      : value + (THRESHOLD_MAX - value) * WASTED_STEP;
    record.atMs = nowMs;
  }

  private begin(database: number, key: string, nowMs: number): Threshold {
    if (this.records.size >= this.options.allocatedKeysMax) {
      this.records.evict(record => nowMs - record.atMs);
    }
    const record = { database, key, value: this.options.scoreThreshold, atMs: nowMs };
    this.records.add(record);
    return record;
  }

  private valueAt(record: Threshold, nowMs: number): number {
    const start = this.options.scoreThreshold;
    const quietMs = nowMs - record.atMs;
    // Spares the busy keys an exponential at every look.
    if (quietMs < 1000) return record.value;
    return start + (record.value - start) * Math.exp(-quietMs / RETURN_MS);
  }
}
