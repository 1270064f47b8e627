import type { Expected } from './expectations.js';
import type { By, KeyRecord } from './key-record.js';

/** One thread of requests, by its last: a client's, or that of a variable's value. */
export interface Thread<Id> {
  id: Id;
  record: KeyRecord;
  /** The key that it had before; empty where there was none within the horizon. */
  keyBefore: string;
  /** Where the key has what the thread goes by. */
  by: By;
  atMs: number;
  /** What its last request lets expect. */
  expected: Expected;
  before: Thread<Id> | null;
  after: Thread<Id> | null;
}

/**
 * The threads whose last request is not past the horizon, in order of time, at most so many: those in
 * excess are forgotten from the oldest on, and count for nothing. `forgotten` is told of each that goes.
 */
export class Threads<Id> {
  private readonly byId = new Map<Id, Thread<Id>>();
  private oldest: Thread<Id> | null = null;
  private newest: Thread<Id> | null = null;

  constructor(
    private readonly most: number,
    private readonly forgotten: (thread: Thread<Id>) => void,
  ) {}

  get size(): number {
    return this.byId.size;
  }

  get(id: Id): Thread<Id> | undefined {
    return this.byId.get(id);
  }

  begin(id: Id, record: KeyRecord, by: By, atMs: number, expected: Expected): void {
    if (this.byId.size >= this.most && this.oldest !== null) this.forget(this.oldest);
    const thread: Thread<Id> = {
      id,
      record,
      keyBefore: '',
      by,
      atMs,
      expected,
      before: null,
      after: null,
    };
    this.byId.set(id, thread);
    this.append(thread);
  }

  goOn(thread: Thread<Id>, record: KeyRecord, by: By, atMs: number, expected: Expected): void {
    this.take(thread);
    thread.keyBefore = thread.record.key;
    thread.record = record;
    thread.by = by;
    thread.atMs = atMs;
    thread.expected = expected;
    this.append(thread);
  }

  /** Tells of each thread whose last request is older, and forgets it. */
  endBefore(atMs: number, ended: (thread: Thread<Id>) => void): void {
    while (this.oldest !== null && this.oldest.atMs < atMs) {
      const thread = this.oldest;
      this.forget(thread);
      ended(thread);
    }
  }

  private forget(thread: Thread<Id>): void {
    this.byId.delete(thread.id);
    this.take(thread);
    this.forgotten(thread);
  }

  private take(thread: Thread<Id>): void {
    if (thread.before === null) this.oldest = thread.after;
    else thread.before.after = thread.after;
    if (thread.after === null) this.newest = thread.before;
    else thread.after.before = thread.before;
    thread.before = null;
    thread.after = null;
  }

  private append(thread: Thread<Id>): void {
    thread.before = this.newest;
    if (this.newest === null) this.oldest = thread;
    else this.newest.after = thread;
    this.newest = thread;
  }
}
