/** The numbers that the order of a Redlock group works with. */
export interface GroupOptions {
  /**
   * How long an attempt waits for one that came before it elsewhere in the group, or for a release
   * that other members have had: the votes of one client arrive within a few milliseconds. Also what
   * the attempt of a client that is no retrier may be late by.
   */
  readonly groupWaitMs: number;
  /** How long a retrier's attempts wait for a lock that is held. */
  readonly groupParkMs: number;
  /** A retry comes within this time, and keeps its client's place in the order. */
  readonly groupRetryMs: number;
  /** Keys that are remembered; those that nobody asks for make room. */
  readonly lockKeysMax: number;
}
