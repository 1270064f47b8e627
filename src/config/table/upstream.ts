import { integer } from '../kinds.js';
import { setting } from '../setting.js';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../units.js';

/** Connections to Redis. */
export const upstreamSettings = {
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
  pipeRetryMs: setting(
    'upstream',
    integer('ms', 1, MINUTE_MS),
    '20',
    'how soon a connection for clients that can not be opened is tried again, while commands wait for it',
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
  unusedPipeMs: setting(
    'upstream',
    integer('ms', 1000, HOUR_MS),
    '30000',
    'how long the shared connections of a user, database and protocol are kept that nobody uses',
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
  controlSilenceMaxMs: setting(
    'upstream',
    integer('ms', 1000, 10 * MINUTE_MS),
    '10000',
    "one of Forelock's own connections that was asked and has answered nothing for so long is given up: half-open sockets",
  ),
  fleetHeartbeatMs: setting(
    'upstream',
    integer('ms', 100, MINUTE_MS),
    '1000',
    'how often Forelock tells others on the same Redis that it is alive',
  ),
  fleetBeatsMissedMax: setting(
    'upstream',
    integer('beats', 1, 100),
    '3',
    'so many times that without it, and a Forelock is taken for gone',
  ),
  fleetForgottenMs: setting(
    'upstream',
    integer('ms', 1000, DAY_MS),
    '60000',
    'a Forelock that has told nothing for so long is struck off the list in Redis',
  ),
  controlRetryMinMs: setting(
    'upstream',
    integer('ms', 1, MINUTE_MS),
    '50',
    "how soon one of Forelock's own connections is tried again that could not be opened; twice as long after each attempt",
  ),
  controlRetryMaxMs: setting(
    'upstream',
    integer('ms', 1, 10 * MINUTE_MS),
    '1000',
    'the longest time between two such attempts',
  ),
  controlDisconnectMs: setting(
    'upstream',
    integer('ms', 1, MINUTE_MS),
    '200',
    "how long one of Forelock's own connections that is given up may take to close by itself",
  ),
  scriptConnectWaitMs: setting(
    'upstream',
    integer('ms', 0, MINUTE_MS),
    '1000',
    "how long the first script in a database waits for Forelock's own connection to it",
  ),
  adminRightsRefreshMs: setting(
    'upstream',
    integer('ms', 100, HOUR_MS),
    '60000',
    'how often Redis is asked anew whether those who have run FORELOCK commands still may: while it is away, what it said last counts for STATUS and HELP',
  ),
  adminUsersMax: setting(
    'upstream',
    integer('users', 1, 10_000),
    '100',
    'users whose right to that is remembered; those who asked longest ago make room',
  ),
  redisFactsMs: setting(
    'upstream',
    integer('ms', 100, HOUR_MS),
    '5000',
    'how often Redis is asked for settings that forbid delegation (maxmemory-policy, notify-keyspace-events, BCAST)',
  ),
};
