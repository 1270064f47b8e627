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
  /** Keys with a threshold of their own; those unheard of for longest start anew. */
  readonly allocatedKeysMax: number;
}

export const allocatorDefaults: AllocatorOptions = {
  windowMs: 500,
  reclaimTimeoutMs: 500,
  scoreThreshold: 0.5,
  refreshMs: 1_000,
  reservationsPerRefreshMax: 200,
  allocatedKeysMax: 100_000,
};
