import {
  directoryPath,
  filePath,
  integer,
  listenAddress,
  listenAddresses,
  oneOf,
  upstreamAddresses,
  yesOrNo,
} from '../kinds.js';
import { optional, setting } from '../setting.js';
import { GIB, HOUR_MS, KIB, MIB, MINUTE_MS } from '../units.js';

/** What Forelock is started with. */
export const startSettings = {
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
  stateDir: optional(
    'start',
    directoryPath,
    'nothing outlives the process: after kill -9 its leases are waited out',
    'a directory on a local disk for this Forelock alone: its name, and a journal of locks granted from memory, so that a restart after kill -9 writes holders to Redis and frees the rest at once',
  ),
  stateDirAnswerMs: setting(
    'start',
    integer('ms', 1, MINUTE_MS),
    '500',
    'how long another process that has the state directory may take to say who it is; a stopped one says nothing',
  ),
  journalMaxBytes: setting(
    'start',
    integer('bytes', 64 * KIB, GIB),
    '4194304',
    'a journal that is larger is written anew, without what is over',
  ),
  journalRetryMs: setting(
    'start',
    integer('ms', 10, HOUR_MS),
    '1000',
    'how soon a journal is tried again that could not be written, as on a full disk; until then it is empty',
  ),
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
  readySilenceMs: setting(
    'start',
    integer('ms', 100, HOUR_MS),
    '3000',
    '/readyz says no where Redis has answered nothing for so long',
  ),
  httpRequestTimeoutMs: setting(
    'start',
    integer('ms', 100, HOUR_MS),
    '10000',
    'how long an HTTP request may take to arrive',
  ),
  httpIdleTimeoutMs: setting(
    'start',
    integer('ms', 100, HOUR_MS),
    '5000',
    'how long an idle HTTP connection is kept, and a header waited for',
  ),
  httpHeaderMaxBytes: setting(
    'start',
    integer('bytes', KIB, MIB),
    '8192',
    'the longest header of an HTTP request',
  ),
  httpConnectionsMax: setting(
    'start',
    integer('connections', 1, 10_000),
    '64',
    'HTTP connections at once',
  ),
  logBacklogBytes: setting(
    'start',
    integer('bytes', KIB, GIB),
    '1048576',
    'log lines that may wait for a reader; further ones are dropped and counted',
  ),
  privateRedisStartMs: setting(
    'start',
    integer('ms', 100, 10 * MINUTE_MS),
    '10000',
    'how long the private redis-server may take to answer',
  ),
  privateRedisStopMs: setting(
    'start',
    integer('ms', 100, 10 * MINUTE_MS),
    '5000',
    'how long it may take to end, before it is killed',
  ),
};
