import { integer } from '../kinds.js';
import { setting } from '../setting.js';
import { GIB, HOUR_MS, KIB, MIB, MINUTE_MS } from '../units.js';

/** Connections of clients. */
export const clientsSettings = {
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
  heldRequestMaxBytes: setting(
    'clients',
    integer('bytes', MIB, 64 * GIB),
    String(GIB),
    "a request that can't stream, since it blocks or changes the connection's state, is held whole; above this its client is closed, as by Redis's client-query-buffer-limit",
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
  acceptBacklogMax: setting(
    'clients',
    integer('connections', 1, 65_535),
    '511',
    "new connections that may wait to be taken; Redis's tcp-backlog",
  ),
  closingPatienceMs: setting(
    'clients',
    integer('ms', 0, MINUTE_MS),
    '1000',
    'how long a client that is ended or refused may take to read its last reply',
  ),
  listedDefault: setting(
    'clients',
    integer('keys', 1, 1_000_000),
    '100',
    'keys that FORELOCK LOCKS, POOL and SCORES name unless they are told how many',
  ),
  listedMax: setting(
    'clients',
    integer('keys', 1, 1_000_000),
    '10000',
    'keys that they name at most: one reply, made within one turn of the event loop',
  ),
  randomkeyTriesMax: setting(
    'clients',
    integer('tries', 1, 10_000),
    '100',
    'how often RANDOMKEY is asked again for a name that is not one of forelock:, before the answer is nil',
  ),
};
