import type { Endpoint } from '../endpoint.js';
import type { Confirm } from './confirmer.js';

/** Settings of the control connections; the names are the settings' own. */
export interface ControlOptions {
  readonly endpoint: Endpoint;
  /** Who Forelock itself is to Redis; null: it need not say. */
  readonly credentials: { readonly user: string; readonly password: string } | null;
  readonly upstreamConnectTimeoutMs: number;
  readonly keepAliveMs: number;
  readonly heartbeatMs: number;
  readonly permissionCacheMs: number;
  readonly permissionCacheMax: number;
  /** An answer that came later than it may be remembered still serves the one who asked, so long. */
  readonly permissionFirstUseMs: number;
  /**
   * A connection that has answered nothing for so long, though it was asked, is given up. Grants
   * from memory have ended long before: this is for half-open sockets.
   */
  readonly controlSilenceMaxMs: number;
  /**
   * First wait before a connection is tried again that could not be opened, or that stood for no
   * longer than this; it doubles up to the last one. Any other lost one is opened at once.
   */
  readonly controlRetryMinMs: number;
  readonly controlRetryMaxMs: number;
  /** How long the other end of a connection that is given up may take to agree. */
  readonly controlDisconnectMs: number;
  /** How long a script waits for the first connection to its database before it is refused. */
  readonly scriptConnectWaitMs: number;
  /** What leases have to survive before they count; null: nothing is asked. */
  readonly confirm: Confirm | null;
  /** How often settings of Redis are read that bar delegation (maxmemory-policy and the like). */
  readonly redisFactsMs: number;
}

export interface ControlLog {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
}
