import type { ScriptName } from './contract.js';

/** What has happened since the start, as plain numbers for the metrics. */
export class LockCounters {
  grantsFromMemory = 0;
  grantsThroughRedis = 0;
  /** Shadow mode: grants that would have been made from memory. */
  grantsShadow = 0;
  refusalsFromMemory = 0;
  refusalsThroughRedis = 0;
  releasesInMemory = 0;
  releasesThroughRedis = 0;
  extensionsInMemory = 0;
  extensionsThroughRedis = 0;
  /** Requests that Redis was left to decide, as the client wrote them. */
  passes = 0;
  /** Requests whose client was disconnected, since a script's fate is unknown. */
  losses = 0;
  /** Grants that nobody heard of and that were taken back (invariant 12 of docs/protocol.md). */
  grantsUndone = 0;
  /** Attempts that were held back, since somebody had the lock. */
  parkings = 0;
  /** Those of them that were refused in the end. */
  parkingsInVain = 0;
  /** Grants from memory to one who was parked, the moment that the lock was free. */
  handOffs = 0;
  reservations = 0;
  retentions = 0;
  reservationsUsed = 0;
  reservationsWasted = 0;
  materializations = 0;
  renewals = 0;
  yields = 0;
  /** Keys that other proxies asked for, of those delegated to us. */
  recalls = 0;
  /** Requests that waited for another proxy's answer. */
  asks = 0;
  /** Owners that did not answer in time. */
  recallTimeouts = 0;
  /** Delegations passed on to us, and by us to other proxies. */
  transfersIn = 0;
  transfersOut = 0;
  touches = 0;
  touchesDelayed = 0;
  wholeDatabaseTouches = 0;
  doubts = 0;
  foreignHolders = 0;
  templateBars = 0;
  breaths = 0;
  /** After a restart: holders that only the journal knew of, written to Redis. */
  holdersRecovered = 0;
  /** After a restart: keys that the journal proved to be held by nobody. */
  delegationsFreed = 0;
  /** Leases that were to be confirmed, and were, or were not within the time. */
  leasesConfirmed = 0;
  leasesUnconfirmed = 0;
  /** Broken assumptions inside the manager: each is a defect, and ended a delegation. */
  assertions = 0;

  readonly scripts: Record<ScriptName, number> = {
    reserve: 0,
    renew: 0,
    want: 0,
    materialize: 0,
    retain: 0,
    release: 0,
    extend: 0,
    yield: 0,
    fence: 0,
    recover: 0,
  };
}
