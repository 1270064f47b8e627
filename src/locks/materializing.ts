import type { LockWorld } from './contract.js';
import type { LockEntry } from './entry.js';

/**
 * Local grants in the order in which they are due to be written to Redis. All wait equally long, so
 * a plain queue is in order of time, and one timer serves all of it: a grant costs three pushes and
 * no timer of its own, and most are released before they are looked at.
 */
export class MaterializeQueue {
  private entries: LockEntry[] = [];
  private grants: number[] = [];
  private dueAtMs: number[] = [];
  private head = 0;
  private armed = false;

  constructor(
    private readonly world: LockWorld,
    private readonly due: (entry: LockEntry) => void,
  ) {}

  add(entry: LockEntry, grant: number, dueAtMs: number): void {
    this.entries.push(entry);
    this.grants.push(grant);
    this.dueAtMs.push(dueAtMs);
    if (!this.armed) this.arm(dueAtMs);
  }

  private arm(atMs: number): void {
    this.armed = true;
    this.world.setTimer(atMs, () => {
      this.armed = false;
      this.work();
    });
  }

  private work(): void {
    const nowMs = this.world.monotonicMs();
    for (;;) {
      const entry = this.entries[this.head];
      const dueAtMs = this.dueAtMs[this.head];
      if (entry === undefined || dueAtMs === undefined) break;
      if (dueAtMs > nowMs) {
        this.compact();
        if (!this.armed) this.arm(dueAtMs);
        return;
      }
      const number = this.grants[this.head];
      this.head++;
      const grant = entry.delegation?.grant;
      if (grant?.taken === true && grant.number === number) {
        entry.materializeGrant = number;
        this.due(entry);
      }
    }
    this.entries = [];
    this.grants = [];
    this.dueAtMs = [];
    this.head = 0;
  }

  /** The part that is done is cut off once it is the larger one, so cutting costs O(1) a grant. */
  private compact(): void {
    if (this.head * 2 < this.entries.length) return;
    this.entries.splice(0, this.head);
    this.grants.splice(0, this.head);
    this.dueAtMs.splice(0, this.head);
    this.head = 0;
  }
}
