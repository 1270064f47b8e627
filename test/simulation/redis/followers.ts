import type { Effect, Keyspace } from './keyspace.js';

/** What one command or script did, as it goes to replicas and to the append-only file. */
interface Step {
  /** Counts what was written, as the replication offset does. */
  readonly offset: number;
  /** 'flush' for everything. */
  readonly effects: readonly Effect[] | 'flush';
  /** True time. */
  readonly arrivesAtMs: number;
}

/**
 * A copy that follows the master, each step of it some time later and in order: a replica, or the
 * append-only file as far as it is on disk.
 */
export class Follower {
  /** Up to where the copy has come. */
  offset = 0;
  /** How long a step is on its way, asked for each. */
  lagMs: () => number;
  private steps: Step[] = [];
  private lastArrivesAtMs = -Infinity;

  constructor(
    readonly keyspace: Keyspace,
    private readonly trueMs: () => number,
    lagMs: () => number,
  ) {
    this.lagMs = lagMs;
    keyspace.deletesExpired = false;
  }

  follow(offset: number, effects: readonly Effect[] | 'flush'): void {
    this.lastArrivesAtMs = Math.max(this.lastArrivesAtMs, this.trueMs() + this.lagMs());
    this.steps.push({ offset, effects, arrivesAtMs: this.lastArrivesAtMs });
  }

  /** Takes what has arrived. */
  catchUp(): void {
    const nowMs = this.trueMs();
    let taken = 0;
    for (const { offset, effects, arrivesAtMs } of this.steps) {
      if (arrivesAtMs > nowMs) break;
      taken++;
      this.offset = offset;
      if (effects === 'flush') this.keyspace.clear();
      else for (const effect of effects) this.keyspace.apply(effect);
    }
    if (taken > 0) this.steps = this.steps.slice(taken);
  }

  /** True time at which that offset will have been reached; Infinity where it is not on its way. */
  reachesAtMs(offset: number): number {
    if (this.offset >= offset) return this.trueMs();
    return this.steps.find(step => step.offset >= offset)?.arrivesAtMs ?? Infinity;
  }

  /** What has not arrived yet never will. */
  loseTail(): void {
    this.catchUp();
    this.steps = [];
  }

  /** Begins anew as an exact copy of its master. */
  resync(master: Keyspace, offset: number): void {
    this.steps = [];
    this.lastArrivesAtMs = -Infinity;
    this.keyspace.copy(master);
    this.offset = offset;
  }
}
