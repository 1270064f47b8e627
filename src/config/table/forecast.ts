import { decimal, integer, schedule } from '../kinds.js';
import { setting } from '../setting.js';
import { HOUR_MS, MINUTE_MS } from '../units.js';

/** The forecast, and what is held ready by it. */
export const forecastSettings = {
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
};
