import type { LockRequest } from '../contract.js';
import type { LockEntry } from '../entry.js';
import type { LockOptions } from '../options.js';
import { RetryRecord } from './retry-record.js';

/**
 * Which clients come again when they are refused, by connection: what proves a retrier, in
 * docs/protocol.md. Only connections that were refused lately have a record here, and each record is
 * bounded.
 */
export class Retries {
  private readonly records = new Map<number, RetryRecord>();

  constructor(private readonly options: LockOptions) {}

  /** An attempt has come: whether it is a proven retrier's, which may be made to wait. */
  arrived(entry: LockEntry, request: LockRequest, nowMs: number): boolean {
    return this.records.get(request.clientId)?.arrived(entry, request, nowMs) ?? false;
  }

  /**
   * An attempt was refused. Until when its next one is to be expected, going by what the client has
   * done so far; `nowMs` where it has not shown its pace yet.
   */
  refused(entry: LockEntry, request: LockRequest, nowMs: number): number {
    let record = this.records.get(request.clientId);
    if (record === undefined) {
      record = new RetryRecord(this.options);
      this.records.set(request.clientId, record);
    }
    return record.refused(entry, request, nowMs);
  }

  granted(entry: LockEntry, request: LockRequest): void {
    this.records.get(request.clientId)?.granted(entry, request);
  }

  /**
   * The client has sent a release with a value that holds nothing. Whether it is known to come again
   * after such a release; else it has given up.
   */
  releasedInVain(entry: LockEntry, request: LockRequest): boolean {
    return this.records.get(request.clientId)?.releasedInVain(entry, request) ?? false;
  }

  /** The connection is closed. Gives the entries on which it may have a place. */
  left(clientId: number): Iterable<LockEntry> {
    const record = this.records.get(clientId);
    this.records.delete(clientId);
    return record?.entries() ?? [];
  }

  /** Connections with a record, for tests: nothing is to be left of those that are gone. */
  get size(): number {
    return this.records.size;
  }
}
