import {
  filePath,
  integer,
  listenAddress,
  listenAddresses,
  oneOf,
  upstreamAddresses,
  yesOrNo,
} from '../kinds.js';
import { optional, setting } from '../setting.js';
import { HOUR_MS } from '../units.js';

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
};
