import type { LockRequest } from './contract.js';
import type { LockCore } from './core.js';
import type { LockEntry } from './entry.js';

/** What is noted of every attempt that was granted or refused, wherever that was decided. */

export function noteGranted(
  core: LockCore,
  entry: LockEntry,
  request: LockRequest,
  fromMemory: boolean,
  nowMs: number,
): void {
  if (fromMemory) {
    entry.memoryGrants++;
    core.counters.grantsFromMemory++;
  } else {
    entry.redisGrants++;
    core.counters.grantsThroughRedis++;
  }
  entry.grantedAtMs = nowMs;
  entry.contested = false;
  core.retries.granted(entry, request);
  entry.line.leaveFor(request.clientId, request.intent.value);
  core.feedback.granted(entry.database, entry.key, request.clientId, fromMemory, nowMs);
}

/** A proven retrier keeps its place until it is expected again. */
export function noteRefused(
  core: LockCore,
  entry: LockEntry,
  request: LockRequest,
  retrier: boolean,
  fromMemory: boolean,
  nowMs: number,
): void {
  entry.refusals++;
  entry.contested = true;
  if (fromMemory) core.counters.refusalsFromMemory++;
  else core.counters.refusalsThroughRedis++;
  const expectedByMs = core.retries.refused(entry, request, nowMs);
  if (retrier && expectedByMs > nowMs && entry.line.size < core.options.waitersPerKeyMax) {
    entry.line.keep(request.clientId, request.intent.value, expectedByMs);
    core.wakeBy(entry, expectedByMs);
  }
  core.feedback.refused(entry.database, entry.key, request.clientId, nowMs);
}
