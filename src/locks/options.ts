/**
 * Every number that the lock manager works with: its unit is in its name, its reason beside it.
 * Vocabulary and invariants are those of docs/protocol.md.
 */
export interface LockOptions {
  /**
   * `observe`: all commands pass, the manager only learns. `shadow`: they pass, and what would
   * have been granted from memory is counted. `reserve`: the manager acts.
   */
  readonly mode: 'observe' | 'shadow' | 'reserve';
  /**
   * Glob patterns of keys whose clients all come through this fleet and only lock with them:
   * no proof, no tenure, and no bars but foreign holders.
   */
  readonly delegate: readonly string[];
  /** Glob patterns of keys that are never delegated, whatever else is set. */
  readonly noDelegate: readonly string[];
  /**
   * Longest TTL that is granted from memory, or by a script of ours at all. A longer one would
   * need a lease that keeps a crashed proxy's keys blocked for longer than anybody waits.
   */
  readonly coverLimitMs: number;
  /** Longest value that a grant takes; real tokens are under 100 bytes. */
  readonly valueMaxBytes: number;
  /** Longest key that is a lock key; bounds what the lock table costs. */
  readonly keyMaxBytes: number;
  /**
   * A local grant held for longer is written to Redis. Most critical sections of fast locks are
   * shorter and so never touch Redis; what lasts longer becomes visible to all.
   */
  readonly materializeAfterMs: number;
  /** Share of a lease that is never relied on: two clocks that drift apart by that much are broken. */
  readonly marginPercent: number;
  /** The margin of short leases: above the resolution of Redis's clock and of the timers. */
  readonly marginMinMs: number;
  /**
   * A lease is the key's usual TTL, plus as much again within these two bounds. The lower one lets
   * a lock with a short TTL be renewed a few times a minute instead of many times a second; the
   * upper one bounds for how long a crashed proxy blocks a key.
   */
  readonly leaseSlackMinMs: number;
  readonly leaseSlackMaxMs: number;
  /** No grant from memory where Redis has answered nothing for that long (invariant 6). */
  readonly upstreamSilenceMs: number;
  /** How long a request waits for a lost upstream before its client is disconnected. */
  readonly reconnectWaitMs: number;
  /** How long a key may first stay delegated before it is left to Redis for a breath. */
  readonly tenureMs: number;
  /** The tenure doubles with each breath in which nobody else came, up to this. */
  readonly tenureMaxMs: number;
  /** How long, at least, a breath is: a client that polls at the usual 10 to 250 ms gets its turn. */
  readonly breathMs: number;
  /** How long a foreign holder, or a touch that names a key, bars the key's template. */
  readonly barMs: number;
  /** Grants of a key released by compare, before it is delegated. */
  readonly proofGrants: number;
  /** Keys of a template granted and released by compare, before others of it are delegated at once. */
  readonly proofTemplateKeys: number;
  /** A database whose whole is touched (SCAN, FLUSHDB …) more often is not delegated from. */
  readonly wholeDatabaseTouchesPerS: number;
  /** Keys in the lock table, and keys watched to become lock keys; the idle ones make room. */
  readonly lockKeysMax: number;
  /**
   * Fence numbers that a delegation takes along. The counter follows the server's microseconds, so
   * this times the reservations per second is to stay under a million.
   */
  readonly fenceBlockSize: number;
  /**
   * How long the owner of a delegation may take to answer another proxy: four round trips as they
   * are measured, within these two. Who has not answered by then is taken for dead.
   */
  readonly recallTimeoutMinMs: number;
  readonly recallTimeoutMaxMs: number;
  /**
   * How long a ticket lives, at least: a proxy that is gone is passed a lock no later. While somebody
   * waits, another one replaces it at half of that.
   */
  readonly ticketMinMs: number;
  /** How long what Redis tells may be on its way before it is as good as lost. */
  readonly toldWithinMs: number;
  /**
   * How long a proxy hands a lock on to its own waiters once another one has asked for it: bounds how
   * often two proxies pass it to and fro.
   */
  readonly recallHoldMs: number;
  /**
   * For how long a key is not reserved once another proxy has asked for it: it is used elsewhere.
   * Doubles with each further recall, up to the maximum.
   */
  readonly recallBackOffMs: number;
  readonly recallBackOffMaxMs: number;
  /** A lease counts for cover only once it is confirmed, on replicas or on disk; null: at once. */
  readonly confirm: object | null;
  /**
   * For how long after a connection was lost Redis may still carry out what it had taken of it: its
   * loop reads what lies in the socket's buffer before it sees the end.
   */
  readonly lateScriptMs: number;
  /** How soon a settling that Redis refused (out of memory, read-only …) is tried again. */
  readonly settleRetryMs: number;
  /**
   * How long an attempt of a proven retrier is held back at most: under the reply deadlines of all
   * common clients, and long against the time for which locks are mostly held. 0: none is.
   */
  readonly parkMs: number;
  /** … and at most this share of the TTL that it asks for, of which the client takes the wait off. */
  readonly parkTtlPercent: number;
  /** An attempt with the value of one that was refused no longer ago is a retry. */
  readonly retryWithinMs: number;
  /** First attempts in a row that a connection made again, before its next one is held back too. */
  readonly retriesProving: number;
  /** Each so many first attempts of a proven retrier one is answered at once: is it a retrier still? */
  readonly retrierProbeEvery: number;
  /** Refused attempts that are remembered of one connection, and templates of keys. */
  readonly refusalsPerClientMax: number;
  /** Places in the line for one lock; whoever comes when it is full, is refused at once. */
  readonly waitersPerKeyMax: number;
  /** How often Redis is asked for a lock that somebody holds elsewhere, for all who wait together. */
  readonly probeEveryMs: number;
  /** Grants handed on from memory in a row, while another proxy waits for the lock. */
  readonly localHandOffsMax: number;
}

export const lockDefaults: LockOptions = {
  mode: 'reserve',
  delegate: [],
  noDelegate: [],
  coverLimitMs: 60_000,
  valueMaxBytes: 1024,
  keyMaxBytes: 1024,
  materializeAfterMs: 5,
  marginPercent: 1,
  marginMinMs: 5,
  leaseSlackMinMs: 2_000,
  leaseSlackMaxMs: 10_000,
  upstreamSilenceMs: 1_000,
  reconnectWaitMs: 2_000,
  tenureMs: 2_000,
  tenureMaxMs: 60_000,
  breathMs: 500,
  barMs: 600_000,
  proofGrants: 3,
  proofTemplateKeys: 20,
  wholeDatabaseTouchesPerS: 1,
  lockKeysMax: 100_000,
  fenceBlockSize: 1_000,
  recallTimeoutMinMs: 10,
  recallTimeoutMaxMs: 50,
  ticketMinMs: 100,
  toldWithinMs: 1_000,
  recallHoldMs: 10,
  recallBackOffMs: 30_000,
  recallBackOffMaxMs: 600_000,
  confirm: null,
  lateScriptMs: 1_000,
  settleRetryMs: 100,
  parkMs: 50,
  parkTtlPercent: 10,
  retryWithinMs: 700,
  retriesProving: 5,
  retrierProbeEvery: 200,
  refusalsPerClientMax: 8,
  waitersPerKeyMax: 10_000,
  probeEveryMs: 25,
  localHandOffsMax: 16,
};
