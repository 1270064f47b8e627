import { decimal, integer, schedule } from '../kinds.js';
import { setting } from '../setting.js';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../units.js';

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
  plannedAheadMaxMs: setting(
    'forecast',
    integer('ms', 100, HOUR_MS),
    '60000',
    'however rare the refreshes are: what lies farther ahead is not forecast to the second',
  ),
  thresholdMax: setting(
    'forecast',
    decimal('probability', 0, 1),
    '0.99',
    'the highest threshold: a score above it is not reached by a model that doubts anything at all',
  ),
  thresholdWastedShare: setting(
    'forecast',
    decimal('share', 0, 1),
    '0.25',
    'how far one unused reservation moves the threshold towards the highest',
  ),
  thresholdUsedShare: setting(
    'forecast',
    decimal('share', 0, 1),
    '0.05',
    'how far a used one moves it towards half of --score-threshold: one waste weighs as much as five uses',
  ),
  thresholdReturnMs: setting(
    'forecast',
    integer('ms', 1000, DAY_MS),
    '300000',
    'in about this time a threshold returns to where it began, so that no key is given up for good',
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
  forecastTemplatesMax: setting(
    'forecast',
    integer('templates', 1, 10_000_000),
    '10000',
    'templates of keys whose use is remembered; those used longest ago make room',
  ),
  forecastForgetMs: setting(
    'forecast',
    integer('ms', 1000, 7 * DAY_MS),
    '600000',
    'a key that nobody has asked for in so long is forgotten',
  ),
  requestsOverMs: setting(
    'forecast',
    integer('ms', 10, HOUR_MS),
    '2000',
    'requests in a row are over when none has come for 20 usual gaps, and for at least so long',
  ),
  requestsOverUnknownMs: setting(
    'forecast',
    integer('ms', 10, HOUR_MS),
    '10000',
    '… and for so long where no gap is known: nobody would wait for the next one any more',
  ),
};
