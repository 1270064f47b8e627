import { integer } from '../kinds.js';
import { setting } from '../setting.js';
import { HOUR_MS, MINUTE_MS } from '../units.js';

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
