import { decimal, integer, keyPatterns } from '../kinds.js';
import { setting } from '../setting.js';
import { DAY_MS, GIB, HOUR_MS, KIB, MIB, MINUTE_MS } from '../units.js';

/** Locks granted from memory. */
export const locksSettings = {
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
  permissionCacheMax: setting(
    'locks',
    integer('answers', 1, 10_000_000),
    '50000',
    'answers to ACL DRYRUN that are remembered; the oldest make room',
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
  waitGrantsMax: setting(
    'locks',
    integer('grants', 1, 10_000),
    '64',
    'the newest grants from memory of one client and database that WAIT and WAITAOF write to Redis first',
  ),
  scriptsMax: setting(
    'locks',
    integer('scripts', 100, 1_000_000),
    '2000',
    "clients' scripts whose meaning is remembered; the one unused for longest is forgotten",
  ),
  scriptTextMaxBytes: setting(
    'locks',
    integer('bytes', KIB, 16 * MIB),
    '65536',
    'a longer script is not read, and taken to touch everything',
  ),
  scriptTextsMaxBytes: setting(
    'locks',
    integer('bytes', KIB, GIB),
    '8388608',
    'all texts of scripts that are kept, so that a known one need not be read again',
  ),
};
