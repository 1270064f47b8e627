import type { LockOptions } from './options.js';

/** What is known of all keys of one template together. */
export class TemplateRecord {
  /** Keys of it granted and released by compare, since the last bar. Never many more than needed. */
  readonly provenKeys = new Set<string>();
  /** Monotonic. */
  barredUntilMs = -Infinity;
  foreignUntilMs = -Infinity;
  /** Entries in the lock table that refer to this record: it stays as long as they do. */
  entries = 0;

  constructor(readonly template: string) {}
}

/**
 * Proof and bars are kept by template, since a client that touches one key of a kind will touch
 * the next one, which nobody has seen yet.
 */
export class Templates {
  private readonly records = new Map<string, TemplateRecord>();

  constructor(private readonly options: LockOptions) {}

  get(template: string, nowMs: number): TemplateRecord {
    let record = this.records.get(template);
    if (record === undefined) {
      if (this.records.size >= this.options.lockKeysMax) this.makeRoom(nowMs);
      record = new TemplateRecord(template);
      this.records.set(template, record);
    }
    return record;
  }

  released(record: TemplateRecord, key: string): void {
    // One more than needed, so that those within have enough others too.
    if (record.provenKeys.size <= this.options.proofTemplateKeys) record.provenKeys.add(key);
  }

  /** Whether enough keys other than this one were used as locks. */
  proven(record: TemplateRecord, key: string): boolean {
    const others = record.provenKeys.size - (record.provenKeys.has(key) ? 1 : 0);
    return others >= this.options.proofTemplateKeys;
  }

  barForTouch(record: TemplateRecord, nowMs: number): void {
    record.barredUntilMs = nowMs + this.options.barMs;
    record.provenKeys.clear();
  }

  barForForeignHolder(record: TemplateRecord, nowMs: number): void {
    record.foreignUntilMs = nowMs + this.options.barMs;
    record.provenKeys.clear();
  }

  barred(nowMs: number): string[] {
    const names: string[] = [];
    for (const record of this.records.values()) {
      if (nowMs < record.barredUntilMs || nowMs < record.foreignUntilMs)
        names.push(record.template);
    }
    return names;
  }

  /** An old one that no entry refers to and that bars nothing; else an old one without an entry. */
  private makeRoom(nowMs: number): void {
    let looked = 0;
    let second: string | null = null;
    for (const [template, record] of this.records) {
      if (++looked > LOOKED_AT_FOR_ROOM) break;
      if (record.entries === 0 && nowMs >= record.barredUntilMs && nowMs >= record.foreignUntilMs) {
        this.records.delete(template);
        return;
      }
      if (record.entries === 0) second ??= template;
      // To the end of the line, so that the next look finds others.
      this.records.delete(template);
      this.records.set(template, record);
    }
    if (second !== null) this.records.delete(second);
  }
}

/** Bounds the work of one insertion into a full table. */
const LOOKED_AT_FOR_ROOM = 32;
