import type { LockFeedback } from '../locks/contract.js';

/** A lock key that a forecast is about. */
export interface ForecastKey {
  readonly database: number;
  /** Binary string. */
  readonly key: string;
}

/**
 * Tells which lock will be asked for next. Models are exchangeable behind this; all times are
 * monotonic and passed in. Feedback comes by the LockFeedback methods, on the hot path.
 */
export interface Forecast extends LockFeedback {
  /** For people: which model this is. */
  readonly name: string;
  /**
   * Probability, 0 to 1, that the lock is requested within that window from now, given that it was
   * not since the last request. 0 for a key that nothing is known of.
   */
  score(database: number, key: string, windowMs: number, nowMs: number): number;
  /** Mean time between requests; null where it is not known. */
  intervalMs(database: number, key: string): number | null;
  /** Keys whose next request may come between these two moments; others need no closer look. */
  due(fromMs: number, toMs: number): Iterable<ForecastKey>;
  /** Every key that something is known of. */
  keys(): Iterable<ForecastKey>;
  /** Run by the schedule: what a model does beside the hot path. */
  refresh(nowMs: number): void;
}
