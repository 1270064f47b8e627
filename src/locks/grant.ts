import type { AcquireIntent } from '../intent/intent.js';
import type { LockRequest } from './contract.js';
import type { LockCore } from './core.js';
import type { Delegation } from './delegation.js';
import type { LockEntry } from './entry.js';
import { OWN_PREFIX } from './names.js';
import { noteGranted } from './outcome.js';

/**
 * Whether our scripts and our memory can answer this request as Redis would (invariant 2 of
 * docs/protocol.md). A value that looks like a token of ours is left to Redis.
 */
export function isPlain(core: LockCore, intent: AcquireIntent): boolean {
  return (
    intent.plain &&
    intent.ttlMs > 0 &&
    intent.ttlMs <= core.options.coverLimitMs &&
    intent.value.length <= core.options.valueMaxBytes &&
    !intent.value.startsWith(OWN_PREFIX)
  );
}

/**
 * Grants a free delegated lock from memory, where that is covered; allocates nothing. The caller has
 * made sure that the form is plain, and that no script of the key is on its way.
 */
export function grantFromMemory(
  core: LockCore,
  entry: LockEntry,
  delegation: Delegation,
  request: LockRequest,
  nowMs: number,
): boolean {
  const { intent } = request;
  if (intent.kind !== 'acquire') return false;
  if (!mayGrant(core, entry, delegation, intent.ttlMs, nowMs)) return false;
  const { grant } = delegation;
  core.endReservation(entry, delegation, true, nowMs);
  grant.begin(intent.value, request.clientId, intent.ttlMs, delegation.takeFence(), nowMs);
  delegation.uses++;
  core.materializing.add(entry, grant.number, nowMs + core.options.materializeAfterMs);
  noteGranted(core, entry, request, true, nowMs);
  return true;
}

/** Invariants 2, 3 and 6 at once, asked at every grant from memory. */
function mayGrant(
  core: LockCore,
  entry: LockEntry,
  delegation: Delegation,
  ttlMs: number,
  nowMs: number,
): boolean {
  if (delegation.doubted !== null || core.paused || !delegation.hasFence()) return false;
  if (entry.waitingTouches.length > 0) return false;
  if (!delegation.lease.covers(ttlMs, nowMs, core.world.wallMs())) return false;
  if (!entry.declared && nowMs >= entry.tenure.endsAtMs()) return false;
  if (!core.upstreamHeard(nowMs)) {
    core.doubtAll('upstream has answered nothing lately');
    return false;
  }
  return true;
}
