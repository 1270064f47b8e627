import type { LockFeedback } from '../locks/contract.js';

/** Reasons are few fixed texts; if one ever carried data, it would fill the memory of two programs. */
const DOUBT_REASONS_MAX = 32;
const OTHER_REASON = 'other';

/** What the lock manager reports and does not count itself; every call is cheap, and allocates nothing. */
export class LockTally {
  /** Attempts to acquire since the start. */
  requests = 0;
  /** How often, by reason, what was believed of a key was no longer trusted. */
  readonly doubts = new Map<string, number>();
  readonly #heldMs: (heldMs: number) => void;

  /** @param heldMs is told how long each released lock was held. */
  constructor(heldMs: (heldMs: number) => void) {
    this.#heldMs = heldMs;
  }

  doubted(reason: string): void {
    const known = this.doubts.has(reason) || this.doubts.size < DOUBT_REASONS_MAX;
    const counted = known ? reason : OTHER_REASON;
    this.doubts.set(counted, (this.doubts.get(counted) ?? 0) + 1);
  }

  /** The same feedback, with what concerns us noted in passing. */
  listening(feedback: LockFeedback): LockFeedback {
    return {
      requested: (database, key, clientId, atMs) => {
        this.requests++;
        feedback.requested(database, key, clientId, atMs);
      },
      granted: (database, key, clientId, fromMemory, atMs) =>
        feedback.granted(database, key, clientId, fromMemory, atMs),
      refused: (database, key, clientId, atMs) => feedback.refused(database, key, clientId, atMs),
      released: (database, key, heldMs, atMs) => {
        this.#heldMs(heldMs);
        feedback.released(database, key, heldMs, atMs);
      },
      reservationEnded: (database, key, used, keptMs) =>
        feedback.reservationEnded(database, key, used, keptMs),
    };
  }
}

/** A part of a whole; null while there is no whole. */
export function share(part: number, rest: number): number | null {
  return part + rest === 0 ? null : part / (part + rest);
}
