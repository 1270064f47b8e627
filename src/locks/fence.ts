import type { LockCore } from './core.js';
import type { KnownHolder, LockEntry } from './entry.js';
import { FENCE_COUNTER, OWN_PREFIX } from './names.js';
import { numberAt, replyOf } from './replies.js';

/** The number of a grant; null: nobody holds that lock with that value; or why it can't be told. */
export type FenceAnswer = number | null | { readonly error: string };

/**
 * The number of the live grant with exactly that value. What memory granted, memory answers; of a
 * grant that is in Redis, Redis is asked whether it still is. One that never had a number (the
 * client's own command took the lock before its key was known as one, or another proxy or an
 * earlier start granted it) gets one then, greater than all before it and smaller than all after.
 */
export function tellFence(
  core: LockCore,
  database: number,
  key: string,
  value: string,
  told: (answer: FenceAnswer) => void,
): void {
  // A token of a proxy is no holder's value, whoever knows it.
  if (value.startsWith(OWN_PREFIX)) return told(null);
  const entry = core.table.find(database, key);
  const local = localFence(core, entry, value);
  if (local !== null) return told(local);
  const holder = entry?.holder?.value === value ? entry.holder : null;
  const call = {
    script: 'fence',
    database,
    keys: [key, FENCE_COUNTER],
    args: [value, holder?.fence ?? 0],
  } as const;
  core.counters.scripts.fence++;
  core.world.run(call, answer => {
    const reply = replyOf('fence', answer);
    if (reply.status === 'fence') return told(numberOf(holder, numberAt(reply, 1)));
    if (reply.status === 'not-owner' || reply.status === 'other-type') return told(null);
    told({ error: reply.error === '' ? 'the connection to Redis was lost' : reply.error });
  });
}

function localFence(core: LockCore, entry: LockEntry | undefined, value: string): number | null {
  const grant = entry?.delegation?.grant;
  if (grant?.live(core.world.monotonicMs()) !== true || grant.value !== value) return null;
  return grant.fence;
}

/** Asked twice at once, a grant without a number keeps the one that was told first. */
function numberOf(holder: KnownHolder | null, fence: number): number {
  if (holder === null) return fence;
  if (holder.fence === 0) holder.fence = fence;
  return holder.fence;
}
