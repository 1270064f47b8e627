import { decimal, integer, oneOf, schedule } from '../kinds.js';
import { setting } from '../setting.js';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../units.js';

/** The network and its training, and the sequence model. */
export const trainingSettings = {
  network: setting(
    'forecast',
    oneOf('on', 'off'),
    'on',
    'off: no network is trained or read, and the statistics forecast alone',
  ),
  trainingSchedule: setting(
    'forecast',
    schedule,
    '0 */10 * * * *',
    'when the network is trained anew, as a cron expression with seconds; the first time as soon as there is enough to learn from',
  ),
  trainingRowsMin: setting(
    'forecast',
    integer('requests', 500, 1_000_000),
    '5000',
    'requests that are enough to learn from: a network that has seen few only repeats them',
  ),
  trainingRowsMax: setting(
    'forecast',
    integer('requests', 500, 1_000_000),
    '20000',
    'the latest requests, which are what the network is trained on; about 250 bytes each',
  ),
  trainingShareMax: setting(
    'forecast',
    decimal('share', 0.001, 1),
    '0.05',
    'share of one core that training may take on average: after each there is a rest that makes it so',
  ),
  trainingTimeoutMs: setting(
    'forecast',
    integer('ms', 1000, DAY_MS),
    '600000',
    'a training that takes longer is given up, and the network in use stays',
  ),
  trainingRestartMs: setting(
    'forecast',
    integer('ms', 100, HOUR_MS),
    '10000',
    'after the training thread has died the next begins no sooner; each further death doubles that',
  ),
  trainingHeapMb: setting(
    'forecast',
    integer('MB', 32, 4096),
    '160',
    'JavaScript heap of the training thread',
  ),
  sequenceKeysMax: setting(
    'forecast',
    integer('keys', 1, 10_000_000),
    '10000',
    'keys of which it is remembered what is asked for after them; those used least make room',
  ),
  sequenceTemplatesMax: setting(
    'forecast',
    integer('templates', 1, 10_000_000),
    '10000',
    'the same of templates; a key without variables is its own template',
  ),
  sequenceThreadsMax: setting(
    'forecast',
    integer('threads', 1, 10_000_000),
    '10000',
    'clients, and values of variables, whose last request is remembered',
  ),
  sequenceExpectedMax: setting(
    'forecast',
    integer('keys', 1, 10_000_000),
    '20000',
    'keys that are expected at one time since others came before them',
  ),
  sequenceHorizonMs: setting(
    'forecast',
    integer('ms', 10, 10 * MINUTE_MS),
    '10000',
    'what comes later after a request does not follow from it',
  ),
};
