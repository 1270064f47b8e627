/** Numbers of the allocator; units are in the names, reasons beside them. */
export interface AllocatorOptions {
  /** The forecast window: a score is the probability of a request within it. */
  readonly windowMs: number;
  /** How long after its window an unused reservation is given back (invariant 7). */
  readonly reclaimTimeoutMs: number;
  /** The score from which a lock is kept ready, where a key begins. */
  readonly scoreThreshold: number;
  /** How far ahead reservations are planned at least; farther where refreshes are rarer. */
  readonly refreshMs: number;
  /** Reservations that one refresh plans: bounds what a wrong model costs Redis in a second. */
  readonly reservationsPerRefreshMax: number;
  /** However rare the refreshes are: what lies farther ahead is not forecast to the second. */
  readonly plannedAheadMaxMs: number;
  /** The highest threshold. */
  readonly thresholdMax: number;
  /** How far one unused reservation moves a threshold towards the highest. */
  readonly thresholdWastedShare: number;
  /** How far a used one moves it towards its floor. */
  readonly thresholdUsedShare: number;
  /** A threshold returns to where it began in about this time. */
  readonly thresholdReturnMs: number;
  /** Keys with a threshold of their own; those unheard of for longest start anew. */
  readonly allocatedKeysMax: number;
}

export const allocatorDefaults: AllocatorOptions = {
  windowMs: 500,
  reclaimTimeoutMs: 500,
  scoreThreshold: 0.5,
  refreshMs: 1_000,
  reservationsPerRefreshMax: 200,
  plannedAheadMaxMs: 60_000,
  thresholdMax: 0.99,
  thresholdWastedShare: 0.25,
  thresholdUsedShare: 0.05,
  thresholdReturnMs: 300_000,
  allocatedKeysMax: 100_000,
};
