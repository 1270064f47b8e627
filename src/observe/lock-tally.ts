import type { LockFeedback } from '../locks/contract.js';

/** Counts since the start; they only grow. */
export interface LockCounts {
  readonly requests: number;
  readonly grantsFromMemory: number;
  readonly grantsByRedis: number;
  readonly refusals: number;
  readonly releases: number;
  readonly reservationsUsed: number;
  readonly reservationsUnused: number;
  /** How often, by reason, what was believed of a key was no longer trusted. */
  readonly doubts: ReadonlyMap<string, number>;
}

/** Reasons are few fixed texts; if one ever carried data, it would fill the memory of two programs. */
const DOUBT_REASONS_MAX = 32;
const OTHER_REASON = 'other';

/** Counts what the lock manager reports; every call is a few additions, and allocates nothing. */
export class LockTally implements LockFeedback, LockCounts {
  requests = 0;
  grantsFromMemory = 0;
  grantsByRedis = 0;
  refusals = 0;
  releases = 0;
  reservationsUsed = 0;
  reservationsUnused = 0;
  readonly doubts = new Map<string, number>();
  readonly #heldMs: (heldMs: number) => void;

  /** @param heldMs is told how long each released lock was held. */
  constructor(heldMs: (heldMs: number) => void) {
    this.#heldMs = heldMs;
  }

  requested(): void {
    this.requests++;
  }

  granted(_database: number, _key: string, _clientId: number, fromMemory: boolean): void {
    if (fromMemory) this.grantsFromMemory++;
    else this.grantsByRedis++;
  }

  refused(): void {
    this.refusals++;
  }

  released(_database: number, _key: string, heldMs: number): void {
    this.releases++;
    this.#heldMs(heldMs);
  }

  reservationEnded(_database: number, _key: string, used: boolean): void {
    if (used) this.reservationsUsed++;
    else this.reservationsUnused++;
  }

  doubted(reason: string): void {
    const known = this.doubts.has(reason) || this.doubts.size < DOUBT_REASONS_MAX;
    const counted = known ? reason : OTHER_REASON;
    this.doubts.set(counted, (this.doubts.get(counted) ?? 0) + 1);
  }
}

/** A part of a whole; null while there is no whole. */
export function share(part: number, rest: number): number | null {
  return part + rest === 0 ? null : part / (part + rest);
}
