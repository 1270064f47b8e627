import { decimal, integer } from '../kinds.js';
import { setting } from '../setting.js';
import { MINUTE_MS } from '../units.js';

/** Who is held back for a lock that is taken, and for how long. */
export const waitingSettings = {
  parkMs: setting(
    'locks',
    integer('ms', 0, 10_000),
    '50',
    'how long an attempt of a client that is known to try again is held back for a lock that is taken; 0: not at all',
  ),
  parkTtlPercent: setting(
    'locks',
    decimal('percent', 0, 50),
    '10',
    '… and at most this share of the TTL that it asks for',
  ),
  retryWithinMs: setting(
    'locks',
    integer('ms', 10, MINUTE_MS),
    '700',
    'an attempt with the key and value of one that was refused no longer ago is a retry; a place is kept no longer',
  ),
  retriesProving: setting(
    'locks',
    integer('attempts', 1, 1000),
    '5',
    'refused first attempts in a row, each made again, after which the next first attempt of that connection is held back too',
  ),
  retrierProbeEvery: setting(
    'locks',
    integer('attempts', 2, 1_000_000),
    '200',
    'of so many first attempts that could be held back one is answered at once, to see whether it is still made again',
  ),
  refusalsPerClientMax: setting(
    'locks',
    integer('attempts', 1, 1000),
    '8',
    'refused attempts that are remembered of one connection, and kinds of keys',
  ),
  waitersPerKeyMax: setting(
    'locks',
    integer('places', 0, 1_000_000),
    '10000',
    'places in the line for one lock; beyond that attempts are refused at once',
  ),
  probeEveryMs: setting(
    'locks',
    integer('ms', 1, 10_000),
    '25',
    'how often Redis is asked for a lock that is held elsewhere, for all who wait together',
  ),
  localHandOffsMax: setting(
    'locks',
    integer('grants', 1, 1_000_000),
    '16',
    'grants handed on from memory in a row while another Forelock waits for the lock',
  ),
};
