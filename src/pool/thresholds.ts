import { ByKey } from '../forecast/by-key.js';
import type { AllocatorOptions } from './options.js';

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
    const { scoreThreshold, thresholdMax, thresholdUsedShare, thresholdWastedShare } = this.options;
    const floor = scoreThreshold / 2;
    record.value = used
      ? value - (value - floor) * thresholdUsedShare
      : value + (thresholdMax - value) * thresholdWastedShare;
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
    return start + (record.value - start) * Math.exp(-quietMs / this.options.thresholdReturnMs);
  }
}
