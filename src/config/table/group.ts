import { integer } from '../kinds.js';
import { setting } from '../setting.js';

/** The order of clients in a Redlock group. */
export const groupSettings = {
  groupWaitMs: setting(
    'group',
    integer('ms', 0, 50),
    '10',
    'how long an attempt waits for one that came first at another master, or for a release that others have had: the votes of one client arrive within a few ms',
  ),
  groupParkMs: setting(
    'group',
    integer('ms', 0, 1000),
    '50',
    'how long the attempts of a client that retries wait for a lock that is held; libraries give a reply 100 ms and more',
  ),
  groupRetryMs: setting(
    'group',
    integer('ms', 100, 10_000),
    '700',
    'within this time a client that was refused comes back, and keeps its place in the order; redlock retries after 100 to 300 ms',
  ),
};
