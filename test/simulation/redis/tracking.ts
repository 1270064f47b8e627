import type { Connection } from './connection.js';

/**
 * Which connections are to be told of a change of which key: those that have read it since they were
 * told last. Keys are tracked by name, whatever their database. A connection's own changes are told
 * to it as well, unless it said NOLOOP, and then after everything else that the command did.
 */
export class Tracking {
  private readonly readers = new Map<string, Set<Connection>>();
  private readonly tracking = new Set<Connection>();
  private pending: string[] = [];

  /** From now on what the connection reads is remembered. */
  start(connection: Connection): void {
    this.tracking.add(connection);
  }

  stop(connection: Connection): void {
    if (!this.tracking.delete(connection)) return;
    for (const readers of this.readers.values()) readers.delete(connection);
  }

  get count(): number {
    return this.tracking.size;
  }

  tracks(connection: Connection): boolean {
    return this.tracking.has(connection);
  }

  read(connection: Connection, key: string): void {
    const readers = this.readers.get(key);
    if (readers === undefined) this.readers.set(key, new Set([connection]));
    else readers.add(connection);
  }

  /** `by` is the connection whose command changed the key; null for the server itself. */
  changed(key: string, by: Connection | null): void {
    const readers = this.readers.get(key);
    if (readers === undefined) return;
    this.readers.delete(key);
    for (const reader of readers) {
      if (reader !== by) reader.invalidated([key]);
      else if (!reader.trackingOptions.noLoop) this.pending.push(key);
    }
  }

  /** FLUSHALL: one push without keys for everything, NOLOOP or not. */
  flushed(): void {
    this.readers.clear();
    for (const reader of this.tracking) reader.invalidated(null);
  }

  /** The command is over: its own connection is told what it changed. */
  finish(by: Connection): void {
    if (this.pending.length === 0) return;
    const keys = this.pending;
    this.pending = [];
    for (const key of keys) by.invalidated([key]);
  }
}
