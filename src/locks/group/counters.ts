/** What the order of a group has done since the start. */
export class GroupCounters {
  /** Attempts that waited: for one that came before them elsewhere, or for a lock that was held. */
  waited = 0;
  /** Of these, the ones that got the lock. */
  waitedInVain = 0;
  /** Rounds of attempts that got votes, but not the majority. */
  splitRounds = 0;
}
