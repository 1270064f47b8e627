import type { LockFeedback } from '../../src/locks/contract.js';
import { LockCounters } from '../../src/locks/counters.js';
import type { LockExplanation, LockSnapshot } from '../../src/locks/snapshot.js';
import { LockTally } from '../../src/observe/lock-tally.js';
import type { Sources } from '../../src/observe/sources.js';
import type { ScoreSnapshot } from '../../src/pool/allocator.js';

/** A delegated lock key as the lock manager would show it, but for what is named. */
export function lockView(different: Partial<LockSnapshot>): LockSnapshot {
  return {
    database: 0,
    key: 'lock:1',
    state: 'reserved',
    delegated: true,
    token: 'forelock:p:e:1',
    doubt: null,
    leaseLeftMs: 1234.4,
    tenureLeftMs: 500,
    keptForMs: 400,
    holderClientId: null,
    heldForMs: null,
    fence: null,
    waiting: 0,
    parked: 0,
    expected: 0,
    scriptOnItsWay: null,
    grants: 5,
    grantsFromMemory: 4,
    refusals: 1,
    bar: null,
    ...different,
  };
}

function explanation(database: number, key: string, lock: LockSnapshot | null): LockExplanation {
  return {
    database,
    key,
    isLockKey: lock !== null,
    template: lock === null ? null : 'lock:{}',
    notDelegatedBecause: lock === null ? 'nothing was seen of it' : lock.bar,
    declared: false,
    proven: true,
    grantsReleasedByCompare: 3,
    templateKeysProven: 0,
    touchBarLeftMs: 0,
    foreignBarLeftMs: 0,
    tenure: 'kept',
    tenureLimitMs: 2000,
    tenureKeptMs: 7.6,
    usualTtlMs: 10_000,
    touchesOnTheirWay: 0,
    passesOnTheirWay: 0,
    lock,
  };
}

export interface ObservedState {
  readonly locks?: readonly LockSnapshot[];
  /** Asked anew each time, so that a test can change it. */
  readonly isReachable?: () => boolean;
  readonly isDraining?: () => boolean;
  readonly lastHeardMsAgo?: () => number;
  readonly address?: string;
  readonly groupSize?: number | null;
  readonly counters?: LockCounters;
  readonly tally?: LockTally;
}

/** What the parts of a running Forelock would tell, made up. */
export function observed({
  locks = [],
  isReachable = () => true,
  isDraining = () => false,
  lastHeardMsAgo = () => 12.3,
  address = 'redis://10.0.0.1:6379',
  groupSize = null,
  counters = new LockCounters(),
  tally = new LockTally(() => {}),
}: ObservedState): Sources {
  const score: ScoreSnapshot = {
    database: 0,
    key: 'lock:1',
    score: 0.9,
    threshold: 0.5,
    forecaster: 'ewma',
    intervalMs: 20.4,
  };
  return {
    about: () => ({
      version: '9.9.9',
      mode: 'reserve',
      listen: '127.0.0.1:7379',
      http: '127.0.0.1:7380',
      uptimeMs: 61_999,
      draining: isDraining(),
      groupSize,
    }),
    upstream: () => ({
      address,
      reachable: isReachable(),
      redisVersion: '7.0.15',
      role: 'master',
      lastHeardMsAgo: lastHeardMsAgo(),
      readySilenceMs: 3000,
      pipes: 2,
      ownConnections: 1,
      delegationBar: null,
    }),
    clients: () => ({ connected: 3, accepted: 7, refused: 1, closedForOutput: 2 }),
    tally,
    locks: {
      counters,
      count: () => locks.length,
      delegatedCount: () => locks.filter(view => view.delegated).length,
      all: () => locks,
      delegated: () => locks.filter(view => view.delegated),
      explain: (database, key) => {
        const known = locks.find(view => view.database === database && view.key === key);
        return explanation(database, key, known ?? null);
      },
      fence: async (_database, key, value) => {
        if (value === 'unheard') throw new Error('READONLY as a replica');
        const known = locks.find(view => view.key === key && value === 'holder');
        return known?.fence ?? null;
      },
    },
    forecast: () => ({
      keys: 2,
      templates: 1,
      historyBytes: 4096,
      network: 'none yet',
      backend: null,
      backendRejected: [],
      rowsToLearnFrom: 17,
      trainings: 0,
      trainingsTakenOver: 0,
      lossOfNewest: null,
      lossOfBefore: null,
      lossOfStatistics: null,
      lastRefusal: null,
      trust: 0,
      beliefs: [['histogram', 1]],
      calibrationError: null,
    }),
    scores: {
      highest: limit => [score].slice(0, limit),
      find: (_database, key) => (key === score.key ? score : null),
    },
  };
}

/** Feedback that nobody listens to. */
export const silent: LockFeedback = {
  requested: () => {},
  granted: () => {},
  refused: () => {},
  released: () => {},
  reservationEnded: () => {},
};
