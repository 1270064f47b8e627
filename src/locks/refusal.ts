import type { LockCore } from './core.js';
import type { LockEntry, Pending } from './entry.js';
import { isPlain } from './grant.js';
import { parkOrRefuse } from './waiting/parking.js';

/** Somebody holds the lock, as Redis or its owner has said, or its owner says nothing at all. */
export function refuse(core: LockCore, entry: LockEntry, pending: Pending, nowMs: number): void {
  const verdict = parkOrRefuse(core, entry, pending, false, nowMs);
  if (verdict !== null) core.deliver(entry, pending, verdict);
}

/**
 * Clients that poll a held lock share one script: whoever waited when it was sent, may take its
 * answer. Not beyond a release or an extension, which come first.
 */
export function shareRefusal(
  core: LockCore,
  entry: LockEntry,
  waiting: number,
  nowMs: number,
): void {
  for (let shared = 0; shared < waiting; shared++) {
    const next = entry.queue[0];
    if (next === undefined || !asksPlainly(core, next)) return;
    entry.queue.shift();
    if (!next.abandoned) refuse(core, entry, next, nowMs);
  }
}

/** Whether our scripts can answer this attempt. */
export function asksPlainly(core: LockCore, { mustPass, request }: Pending): boolean {
  return !mustPass && request.intent.kind === 'acquire' && isPlain(core, request.intent);
}
