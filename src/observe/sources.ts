import type { LockCounters } from '../locks/counters.js';
import type { LockTally } from './lock-tally.js';

/**
 * What the parts of Forelock tell of themselves to whoever looks: the FORELOCK commands, the
 * metrics, /readyz. Each is asked when somebody looks; nothing here runs on the path of a command.
 */
export interface Sources {
  about(): AboutView;
  upstream(): UpstreamView;
  clients(): ClientsView;
  readonly locks: LocksView;
  readonly scores: ScoresView;
  readonly tally: LockTally;
}

export interface AboutView {
  readonly version: string;
  readonly mode: 'observe' | 'shadow' | 'reserve';
  readonly listen: string;
  readonly http: string;
  readonly uptimeMs: number;
  readonly draining: boolean;
}

export interface UpstreamView {
  /** Without its login. */
  readonly address: string;
  readonly reachable: boolean;
  /** Null where it is not known: never heard since the last reconnect. */
  readonly redisVersion: string | null;
  readonly role: string | null;
  readonly lastHeardMsAgo: number | null;
  readonly pipes: number;
  readonly ownConnections: number;
  /** Why nothing may be delegated by default now; null: it may. */
  readonly delegationBar: string | null;
}

export interface ClientsView {
  readonly connected: number;
  readonly accepted: number;
  /** Above --max-clients. */
  readonly refused: number;
  /** Closed since they did not read their replies. */
  readonly closedForOutput: number;
}

/** One lock key, as the lock manager knows it. Times are milliseconds from now. */
export interface LockView {
  readonly database: number;
  /** Binary string. */
  readonly key: string;
  readonly state: string;
  readonly delegated: boolean;
  /** Null: not delegated. */
  readonly leaseLeftMs: number | null;
  /** Null: no tenure runs. */
  readonly tenureLeftMs: number | null;
  /** How long a reservation or retention is still kept; null: nothing is kept. */
  readonly keptForMs: number | null;
  /** How long the holder's TTL still runs; null: nobody is known to hold it. */
  readonly heldForMs: number | null;
  /** Operations of clients that wait for a script of this key. */
  readonly waiting: number;
  readonly grants: number;
  readonly grantsFromMemory: number;
  /** Why it is not delegated, or would not be; null: nothing speaks against it. */
  readonly bar: string | null;
}

export interface LocksView {
  readonly counters: LockCounters;
  /** Lock keys in the table. */
  count(): number;
  delegatedCount(): number;
  /** The most lately used first; the caller takes as many as it wants. */
  all(): Iterable<LockView>;
  delegated(): Iterable<LockView>;
  find(database: number, key: string): LockView | null;
}

/** What the forecast says of one key. */
export interface ScoreView {
  readonly database: number;
  /** Binary string. */
  readonly key: string;
  /** Probability of a request within the forecast window. */
  readonly score: number;
  /** The score from which the lock is kept ready. */
  readonly threshold: number;
  /** Which model says so. */
  readonly forecaster: string;
  /** Mean time between requests; null: not known. */
  readonly intervalMs: number | null;
}

export interface ScoresView {
  /** Highest score first. */
  highest(limit: number): readonly ScoreView[];
  find(database: number, key: string): ScoreView | null;
}

/** Why clients can't be served as they should be; null: they can. */
export function notReadyBecause(sources: Sources): string | null {
  if (sources.about().draining) return 'draining';
  if (!sources.upstream().reachable) return 'upstream unreachable';
  return null;
}
