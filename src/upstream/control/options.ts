import type { Endpoint } from '../endpoint.js';

/** Settings of the control connections; the names are the settings' own. */
export interface ControlOptions {
  readonly endpoint: Endpoint;
  /** Who Forelock itself is to Redis; null: it need not say. */
  readonly credentials: { readonly user: string; readonly password: string } | null;
  readonly upstreamConnectTimeoutMs: number;
  readonly keepAliveMs: number;
  readonly heartbeatMs: number;
  readonly permissionCacheMs: number;
  /**
   * A connection that has answered nothing for so long, though it was asked, is given up; 10 s
   * where it isn't told. Grants from memory have ended long before: this is for half-open sockets.
   */
  readonly controlSilenceMaxMs?: number;
}

export interface ControlLog {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
}

/** First wait before a lost connection is tried again; it doubles up to the last one. */
export const RETRY_FIRST_MS = 50;
export const RETRY_LAST_MS = 1000;

export const SILENCE_MAX_MS = 10_000;
/** How often connections are looked at for silence. */
export const SILENCE_CHECK_MS = 500;

/** How often settings of Redis are read that bar delegation (maxmemory-policy and the like). */
export const FACTS_REFRESH_MS = 5000;

/** How long a script waits for the first connection to its database before it is refused. */
export const FIRST_CONNECT_WAIT_MS = 1000;

/** ACL answers that are remembered; the oldest make room. */
export const PERMISSIONS_MAX = 50_000;
