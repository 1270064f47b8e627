import type { Endpoint } from './endpoint.js';

/** Settings of the ways to one upstream; the names are the settings' own. */
export interface UpstreamOptions {
  readonly endpoint: Endpoint;
  readonly upstreamConnectTimeoutMs: number;
  /** How long commands wait for a lost upstream to come back before they get an error. */
  readonly reconnectWaitMs: number;
  /** How soon a connection that can't be opened is tried again, while commands wait for it. */
  readonly pipeRetryMs: number;
  readonly keepAliveMs: number;
  /** Shared pipes per user, database and protocol; more than one only while one is held up. */
  readonly pipesPerUserMax: number;
  /** A pipe whose oldest command waits longer than this gets no new ones while others are free. */
  readonly pipeStallMs: number;
  /** How long the pipes of a user, database and protocol are kept that nobody uses. */
  readonly unusedPipeMs: number;
  /** What may wait in one direction before the sender is no longer read. */
  readonly flowWindowBytes: number;
  /** What may wait for a client that doesn't read, before a shared connection waits for it. */
  readonly clientOutputLimitBytes: number;
  readonly idleOwnConnectionsMax: number;
  readonly idleOwnConnectionMs: number;
}
