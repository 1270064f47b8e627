import type { LockCounters } from '../locks/counters.js';
import type { LockExplanation, LockSnapshot } from '../locks/snapshot.js';
import type { ScoreSnapshot } from '../pool/allocator.js';
import type { LockTally } from './lock-tally.js';

/**
 * What the parts of one listener tell of themselves to whoever looks: the FORELOCK commands, the
 * metrics, /readyz. Each is asked when somebody looks; nothing here runs on the path of a command.
 */
export interface Sources {
  about(): AboutView;
  upstream(): UpstreamView;
  clients(): ClientsView;
  readonly locks: LocksView;
  readonly scores: ScoresView;
  forecast(): ForecastView;
  readonly tally: LockTally;
}

export interface AboutView {
  readonly version: string;
  readonly mode: 'observe' | 'shadow' | 'reserve';
  readonly listen: string;
  readonly http: string;
  readonly uptimeMs: number;
  readonly draining: boolean;
  /** Listeners of the Redlock group that this one belongs to; null: it stands alone. */
  readonly groupSize: number | null;
}

export interface UpstreamView {
  /** Without its login. */
  readonly address: string;
  readonly reachable: boolean;
  /** Null where it is not known: never heard since the last reconnect. */
  readonly redisVersion: string | null;
  readonly role: string | null;
  readonly lastHeardMsAgo: number | null;
  /**
   * For how long it may say nothing before /readyz says no. Slower to judge than a grant from memory:
   * a Redis that is busy with one slow command is not gone, and all instances of an application would
   * be taken out of service at once.
   */
  readonly readySilenceMs: number;
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

/** The lock manager is one. */
export interface LocksView {
  readonly counters: LockCounters;
  /** Lock keys in the table. */
  count(): number;
  delegatedCount(): number;
  /** Made as they are taken: the first few of many cost little. */
  all(): Iterable<LockSnapshot>;
  delegated(): Iterable<LockSnapshot>;
  explain(database: number, key: string): LockExplanation;
  /** The number of the live grant with exactly that value, or null; fails where Redis can't tell. */
  fence(database: number, key: string, value: string): Promise<number | null>;
}

/** What forecasts, and how well it does. */
export interface ForecastView {
  /** Keys and templates with a history. */
  readonly keys: number;
  readonly templates: number;
  readonly historyBytes: number;
  /** Why there is no network yet, or that there is one. */
  readonly network: 'in use' | 'none yet' | 'off';
  /** With what networks are trained here, and why with nothing faster; null: none was trained yet. */
  readonly backend: string | null;
  readonly backendRejected: readonly string[];
  readonly rowsToLearnFrom: number;
  readonly trainings: number;
  readonly trainingsTakenOver: number;
  /** Nats for each of the newest requests, which no network was fitted to: lower is better. */
  readonly lossOfNewest: number | null;
  readonly lossOfBefore: number | null;
  readonly lossOfStatistics: number | null;
  /** Why the last training came to nothing. */
  readonly lastRefusal: string | null;
  /** How far the network is trusted against the statistics alone, 0 to 1. */
  readonly trust: number;
  /** What the statistics are believed, over all keys. */
  readonly beliefs: readonly (readonly [statistic: string, belief: number])[];
  /** Mean distance of scores from what they came to. */
  readonly calibrationError: number | null;
}

/** The allocator is one. */
export interface ScoresView {
  /** Highest score first. */
  highest(limit: number): readonly ScoreSnapshot[];
  find(database: number, key: string): ScoreSnapshot | null;
}

/**
 * Why clients can't be served as they should be; null: they can. Of a Redlock group a majority is
 * enough, since it is for Redlock; else each listener counts.
 */
export function notReadyBecause(listeners: readonly Sources[]): string | null {
  const reasons: string[] = [];
  for (const sources of listeners) {
    if (sources.about().draining) return 'draining';
    const upstream = sources.upstream();
    const reason = unservedBecause(upstream);
    if (reason === null) continue;
    reasons.push(listeners.length === 1 ? reason : `${upstream.address}: ${reason}`);
  }
  const isGroup = listeners.some(sources => sources.about().groupSize !== null);
  const mayFail = isGroup ? Math.ceil(listeners.length / 2) - 1 : 0;
  return reasons.length > mayFail ? reasons.join('; ') : null;
}

function unservedBecause(upstream: UpstreamView): string | null {
  const { reachable, lastHeardMsAgo, readySilenceMs } = upstream;
  if (!reachable) return 'upstream unreachable';
  if (lastHeardMsAgo !== null && lastHeardMsAgo > readySilenceMs) return 'upstream silent';
  return null;
}
