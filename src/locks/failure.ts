import type { LockCore } from './core.js';
import type { LockEntry, Pending } from './entry.js';
import type { Reply } from './replies.js';

/** Our scripts can't answer this request: Redis is asked in the client's words, once settled. */
export function passWhenSettled(entry: LockEntry, pending: Pending): void {
  pending.mustPass = true;
  entry.queue.unshift(pending);
}

/**
 * A script for a request came back without one of the answers that the request can be given.
 * Redis said no and did nothing: it may say so to the client itself. Anything else leaves open
 * whether the script ran, and so what a second command would meet.
 */
export function failed(core: LockCore, entry: LockEntry, pending: Pending, reply: Reply): void {
  const isOtherType = reply.status === 'other-type';
  if (!isOtherType || entry.delegation !== null) {
    core.doubt(entry, reply.error === '' ? reply.status : reply.error);
  }
  if (isOtherType) core.endDelegation(entry);
  if (isOtherType || reply.status === 'refused') {
    passWhenSettled(entry, pending);
    return;
  }
  entry.holderUnknown();
  core.deliver(entry, pending, 'lost');
}
