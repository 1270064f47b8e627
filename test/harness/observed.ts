import type { LockFeedback } from '../../src/locks/contract.js';
import { LockCounters } from '../../src/locks/counters.js';
import { LockTally } from '../../src/observe/lock-tally.js';
import type { LockView, ScoreView, Sources } from '../../src/observe/sources.js';

/** A delegated lock key as the lock manager would show it, but for what is named. */
export function lockView(different: Partial<LockView>): LockView {
  return {
    database: 0,
    key: 'lock:1',
    state: 'delegated',
    delegated: true,
    leaseLeftMs: 1234.4,
    tenureLeftMs: 500,
    keptForMs: 400,
    heldForMs: null,
    waiting: 0,
    grants: 5,
    grantsFromMemory: 4,
    bar: null,
    ...different,
  };
}

export interface ObservedState {
  readonly locks?: readonly LockView[];
  /** Asked anew each time, so that a test can change it. */
  readonly isReachable?: () => boolean;
  readonly isDraining?: () => boolean;
  readonly counters?: LockCounters;
  readonly tally?: LockTally;
}

/** What the parts of a running Forelock would tell, made up. */
export function observed({
  locks = [],
  isReachable = () => true,
  isDraining = () => false,
  counters = new LockCounters(),
  tally = new LockTally(() => {}),
}: ObservedState): Sources {
  const score: ScoreView = {
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
    }),
    upstream: () => ({
      address: 'redis://10.0.0.1:6379',
      reachable: isReachable(),
      redisVersion: '7.0.15',
      role: 'master',
      lastHeardMsAgo: 12.3,
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
      find: (database, key) =>
        locks.find(view => view.database === database && view.key === key) ?? null,
    },
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
