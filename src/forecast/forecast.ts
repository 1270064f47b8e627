import type { LockFeedback } from '../locks/contract.js';

/** A lock key that a forecast is about. */
export interface ForecastKey {
  readonly database: number;
  /** Binary string. */
  readonly key: string;
}

/** The time to a key's next request, as far as it is known now. Only valid until the next question. */
export interface KeyAhead {
  /** Since the last request. */
  readonly sinceMs: number;
  /** Probability that there is a next request at all, as it was at the last. */
  readonly goesOn: number;
  /** Probability that the next request comes in the same moment as the last. */
  readonly atOnce: number;
  /** Gaps that came before, the newest first, and how many there are. */
  readonly gapsMs: Float32Array;
  readonly gaps: number;
  /** Probability that the next gap lies between two; given that there is a next request. */
  between(fromMs: number, toMs: number): number;
}

/**
 * Tells which lock will be asked for next. Models are exchangeable behind this; all times are
 * monotonic and passed in. Feedback comes by the LockFeedback methods, on the hot path.
 */
export interface Forecast extends LockFeedback {
  /**
   * Probability, 0 to 1, that the lock is requested within that window from now, given that it was
   * not since the last request. 0 for a key that nothing is known of.
   */
  score(database: number, key: string, windowMs: number, nowMs: number): number;
  /** The whole of the time to its next request; null for a key that nothing is known of. */
  ahead(database: number, key: string, nowMs: number): KeyAhead | null;
  /** Which model acts for this key; for people. */
  modelOf(database: number, key: string): string;
  /** Usual time between requests; null where it is not known. */
  intervalMs(database: number, key: string): number | null;
  /** Keys whose next request may come between these two moments; others need no closer look. */
  due(fromMs: number, toMs: number): Iterable<ForecastKey>;
  /** Every key that something is known of. */
  keys(): Iterable<ForecastKey>;
  /** Run by the schedule: what a model does beside the hot path. */
  refresh(nowMs: number): void;
}
