import {
  decimal,
  filePath,
  integer,
  keyPatterns,
  listenAddress,
  listenAddresses,
  oneOf,
  schedule,
  upstreamAddresses,
  yesOrNo,
} from './kinds.js';
import { optional, type Setting, setting } from './setting.js';

/**
 * Every setting of Forelock, once: the flags, the environment variables, the configuration file,
 * the help and the table in docs/operations.md all come from here.
 */

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

export const settings = {
  listen: setting(
    'start',
    listenAddresses,
    '127.0.0.1:7379',
    'where Redis clients connect; port 0 takes a free one, which the log names',
  ),
  upstream: optional(
    'start',
    upstreamAddresses,
    'a private redis-server, which keeps nothing on disk and ends with Forelock',
    "the Redis behind Forelock, one for each --listen in the same order; a login here is for Forelock's own connections, clients bring theirs",
  ),
  group: setting(
    'start',
    yesOrNo,
    'false',
    'the upstreams are the masters of a Redlock: one order of clients on all of them, so that no two split the vote',
  ),
  http: setting(
    'start',
    listenAddress,
    '127.0.0.1:7380',
    'where /healthz, /readyz and /metrics are served',
  ),
  mode: setting(
    'start',
    oneOf('observe', 'shadow', 'reserve'),
    'reserve',
    'observe: pass everything on and learn; shadow: also count what would have been won; reserve: grant predicted locks from memory',
  ),
  config: optional(
    'start',
    filePath,
    'none',
    'a JSON file whose keys are the flags without the dashes; flags and environment outrank it',
    false,
  ),
  check: setting('start', yesOrNo, 'false', 'validate all settings, say so, and exit'),
  logLevel: setting(
    'start',
    oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
    'info',
    'the least level that is logged',
  ),
  drainTimeoutMs: setting(
    'start',
    integer('ms', 0, HOUR_MS),
    '10000',
    'how long SIGTERM waits for delegations to be given back and clients to finish',
  ),

  delegate: setting(
    'locks',
    keyPatterns,
    '',
    'locks of which all clients come through Forelock and only lock with them: delegated without proof, tenure or bars',
  ),
  noDelegate: setting(
    'locks',
    keyPatterns,
    '',
    'locks that are never delegated; outranks --delegate',
  ),
  coverLimitMs: setting(
    'locks',
    integer('ms', 100, HOUR_MS),
    '60000',
    'the longest TTL that is granted from memory (invariant 2)',
  ),
  valueMaxBytes: setting(
    'locks',
    integer('bytes', 1, KIB),
    '1024',
    "the longest value of a grant from memory (invariant 2); libraries' values have 16 to 44 bytes",
  ),
  keyMaxBytes: setting(
    'locks',
    integer('bytes', 16, 64 * KIB),
    '1024',
    'the longest key that is remembered as a lock; bounds what the table of locks costs',
  ),
  marginPercent: setting(
    'locks',
    decimal('percent', 1, 50),
    '1',
    'part of a lease that is not counted upon, for clocks that drift apart (invariant 3)',
  ),
  marginMinMs: setting(
    'locks',
    integer('ms', 5, 10_000),
    '5',
    'the least margin of a lease (invariant 3)',
  ),
  leaseSlackMinMs: setting(
    'locks',
    integer('ms', 100, HOUR_MS),
    '2000',
    'a lease is the usual TTL of its key and as much again, but at least this much more: fewer renewals',
  ),
  leaseSlackMaxMs: setting(
    'locks',
    integer('ms', 100, HOUR_MS),
    '10000',
    '… and at most this much more: a crashed Forelock blocks a key until its lease ends',
  ),
  materializeAfterMs: setting(
    'locks',
    integer('ms', 0, 1000),
    '5',
    "how long a grant from memory may be held before the holder's value is written to Redis",
  ),
  upstreamSilenceMs: setting(
    'locks',
    integer('ms', 50, 1000),
    '1000',
    'a Redis that has answered nothing for so long grants nothing from memory (invariant 6)',
  ),
  heartbeatMs: setting(
    'locks',
    integer('ms', 10, 500),
    '250',
    'how often an idle Redis is asked for an answer',
  ),
  tenureMs: setting(
    'locks',
    integer('ms', 100, HOUR_MS),
    '2000',
    'how long a key may stay delegated before it is left to Redis for a breath; doubles while nobody else wants it',
  ),
  tenureMaxMs: setting(
    'locks',
    integer('ms', 100, HOUR_MS),
    '60000',
    'the longest tenure that doubling leads to',
  ),
  breathMs: setting(
    'locks',
    integer('ms', 10, MINUTE_MS),
    '500',
    'how long a key is left to Redis after a tenure',
  ),
  barMs: setting(
    'locks',
    integer('ms', 1000, DAY_MS),
    '600000',
    'how long a touch or a foreign holder bars the template of a key from delegation (invariant 5)',
  ),
  proofGrants: setting(
    'locks',
    integer('grants', 3, 1000),
    '3',
    'grants of a key, each released by compare, before the key may be delegated',
  ),
  proofTemplateKeys: setting(
    'locks',
    integer('keys', 20, 10_000),
    '20',
    'or: other keys of its template that were granted and released by compare',
  ),
  wholeDatabaseTouchesPerS: setting(
    'locks',
    decimal('per second', 0, 1000),
    '1',
    'a database touched as a whole (SCAN, KEYS, DBSIZE, …) more often is not delegated from (invariant 5)',
  ),
  permissionCacheMs: setting(
    'locks',
    integer('ms', 0, MINUTE_MS),
    '5000',
    "how long Redis's answer to ACL DRYRUN is taken for true (invariant 8)",
  ),
  lockKeysMax: setting(
    'locks',
    integer('keys', 1, 10_000_000),
    '100000',
    'lock keys that are remembered; beyond that the longest idle are forgotten',
  ),
  fenceBlockSize: setting(
    'locks',
    integer('fences', 1, 100_000),
    '1000',
    'fence numbers that one delegation takes along',
  ),
  settleRetryMs: setting(
    'locks',
    integer('ms', 10, MINUTE_MS),
    '100',
    'how soon a settling that Redis refused (out of memory, read-only) is tried again',
  ),

  windowMs: setting(
    'forecast',
    integer('ms', 10, MINUTE_MS),
    '500',
    'the forecast window: a score is the probability of a request within it',
  ),
  reclaimTimeoutMs: setting(
    'forecast',
    integer('ms', 10, MINUTE_MS),
    '500',
    'a reservation unused at the end of its window is given back within this time (invariant 7)',
  ),
  scoreThreshold: setting(
    'forecast',
    decimal('probability', 0, 1),
    '0.5',
    'the score from which a lock is kept ready, where a key begins; it moves with what became of it',
  ),
  forecastSchedule: setting(
    'forecast',
    schedule,
    '* * * * * *',
    'when scores and allocation are computed anew, as a cron expression with seconds',
  ),
  refreshMs: setting(
    'forecast',
    integer('ms', 100, HOUR_MS),
    '1000',
    'how far ahead reservations are planned: the time between two runs of --forecast-schedule',
  ),
  reservationsPerRefreshMax: setting(
    'forecast',
    integer('reservations', 0, 100_000),
    '200',
    'reservations that one run plans: bounds what a wrong forecast costs Redis',
  ),
  allocatedKeysMax: setting(
    'forecast',
    integer('keys', 1, 10_000_000),
    '100000',
    'keys with a threshold of their own; those unheard of for longest start anew',
  ),
  forecastKeysMax: setting(
    'forecast',
    integer('keys', 1, 10_000_000),
    '100000',
    'keys with a history of requests; those unheard of for longest make room',
  ),

  maxClients: setting(
    'clients',
    integer('clients', 1, 1_000_000),
    '10000',
    'client connections; a further one gets an error and is closed, as by Redis',
  ),
  clientOutputLimitBytes: setting(
    'clients',
    integer('bytes', 64 * KIB, 64 * GIB),
    String(64 * MIB),
    'replies that may wait for a client that does not read, before it is closed',
  ),
  requestBacklogBytes: setting(
    'clients',
    integer('bytes', 4 * KIB, GIB),
    String(MIB),
    'requests of a client that may wait for Redis before no more is read from it',
  ),
  largeRequestBytes: setting(
    'clients',
    integer('bytes', KIB, 512 * MIB),
    String(MIB),
    'a larger request streams through a connection of its own instead of the shared one',
  ),
  flowWindowBytes: setting(
    'clients',
    integer('bytes', 4 * KIB, GIB),
    String(MIB),
    'what may wait in one direction before the sender is no longer read',
  ),
  keepAliveMs: setting(
    'clients',
    integer('ms', 1000, HOUR_MS),
    '60000',
    'idle time after which TCP asks whether the other end still lives, to both sides',
  ),

  upstreamConnectTimeoutMs: setting(
    'upstream',
    integer('ms', 100, 10 * MINUTE_MS),
    '5000',
    'how long a connection to Redis may take to come about',
  ),
  reconnectWaitMs: setting(
    'upstream',
    integer('ms', 0, 10 * MINUTE_MS),
    '2000',
    'how long a command waits for a lost upstream before it fails',
  ),
  pipesPerUserMax: setting(
    'upstream',
    integer('connections', 1, 64),
    '4',
    'shared connections for one user, database and protocol; a second is opened only when one is held up',
  ),
  pipeStallMs: setting(
    'upstream',
    integer('ms', 1, MINUTE_MS),
    '100',
    'a shared connection whose oldest command waits longer gets no new ones while others are free',
  ),
  idleOwnConnectionsMax: setting(
    'upstream',
    integer('connections', 0, 1000),
    '8',
    'connections of single clients that are kept for the next client when theirs is done with them',
  ),
  idleOwnConnectionMs: setting(
    'upstream',
    integer('ms', 0, HOUR_MS),
    '10000',
    'how long such a connection is kept',
  ),
};

export type Settings = typeof settings;
export type SettingName = keyof Settings;

/** All settings, read and validated. Each part of Forelock takes the few that it names. */
export type Options = {
  readonly [Name in SettingName]: Settings[Name] extends Setting<infer T> ? T : never;
};

export const settingNames = Object.keys(settings) as SettingName[];

/** `drainTimeoutMs` → `drain-timeout-ms`: the flag without its dashes, and the key in a file. */
export function kebabName(name: SettingName): string {
  return name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`);
}

export function flagName(name: SettingName): string {
  return `--${kebabName(name)}`;
}

/** `drainTimeoutMs` → `FORELOCK_DRAIN_TIMEOUT_MS`. */
export function variableName(name: SettingName): string {
  return `FORELOCK_${kebabName(name).replaceAll('-', '_').toUpperCase()}`;
}
