import type { LockRequest } from './contract.js';
import type { LockEntry, Pending } from './entry.js';

/** A request that waits from now on. */
export function newPending(request: LockRequest, retrier: boolean, nowMs: number): Pending {
  return {
    request,
    sinceMs: nowMs,
    abandoned: false,
    mustPass: request.onlyRedis,
    settled: false,
    retrier,
    hurried: false,
    place: null,
    askedUntilMs: Number.NaN,
  };
}

/** Where this request waits, if it does. */
export function pendingOf(entry: LockEntry, request: LockRequest): Pending | null {
  if (entry.current?.request === request) return entry.current;
  const among = [...entry.queue, ...(entry.asking?.pendings ?? [])];
  return among.find(each => each.request === request) ?? entry.line.pendingOf(request);
}
