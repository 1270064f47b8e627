import type { AcquireIntent } from '../intent/intent.js';
import { noteTtl } from './acquire.js';
import type { LockRequest, PassOutcome } from './contract.js';
import { type LockCore, UNSURE } from './core.js';
import type { LockEntry } from './entry.js';
import { noteReleased } from './proof.js';
import { reserve } from './reservation.js';
import { shadowAcquired, shadowReleased } from './shadow.js';
import type { Sighting } from './sightings.js';
import { releasedInVain } from './waiting/parking.js';

/**
 * Lock commands that Redis decides as the client wrote them: what they and their answers tell. This
 * is how a key becomes a lock key, and all that the manager does in observe mode.
 */

export function passing(core: LockCore, request: LockRequest): void {
  const { intent, database } = request;
  const entry = core.table.find(database, intent.key);
  if (entry === undefined) {
    // The key may become a lock key before this is answered, and be reserved at once.
    if (core.sightings.has(database, intent.key)) core.beginPassWithoutEntry(request);
    return;
  }
  entry.usedLately = true;
  if (intent.kind === 'acquire') {
    noteTtl(core, entry, intent);
    core.feedback.requested(database, intent.key, request.clientId, request.arrivedAtMs);
  }
  core.beginPass(entry, request);
}

export function passed(core: LockCore, request: LockRequest, outcome: PassOutcome): void {
  const { intent, database } = request;
  const entry = core.endPass(request) ?? core.table.find(database, intent.key);
  const nowMs = core.world.monotonicMs();
  if (outcome === 'lost') {
    entry?.holderUnknown();
    return;
  }
  if (outcome === 'error') return;
  const yes = outcome === 'yes';
  if (!yes && intent.kind !== 'acquire' && entry?.holder?.value === intent.value) {
    entry.holder.sure = UNSURE;
  }
  switch (intent.kind) {
    case 'acquire':
      if (entry === undefined) {
        if (yes && isLockLike(core, intent)) {
          sighted(core, request, intent, nowMs);
        }
      } else if (yes) {
        acquired(core, entry, request, intent, nowMs);
      } else {
        entry.refusals++;
        core.counters.refusalsThroughRedis++;
        core.feedback.refused(database, intent.key, request.clientId, nowMs);
        core.retries.refused(entry, request, nowMs);
      }
      return;
    case 'release':
      if (yes) released(core, entry, request, intent.key, intent.value, nowMs);
      else if (entry !== undefined) releasedInVain(core, entry, request);
      return;
    case 'extend':
      if (yes && entry?.holder?.value === intent.value) {
        entry.holder.endsAtMs = nowMs + intent.ttlMs;
        entry.holder.sure = UNSURE;
      }
  }
}

function sighted(core: LockCore, request: LockRequest, intent: AcquireIntent, nowMs: number): void {
  const { value, ttlMs } = intent;
  const { clientId, arrivedAtMs } = request;
  const sighting = { value, ttlMs, clientId, requestedAtMs: arrivedAtMs, sinceMs: nowMs };
  core.sightings.granted(request.database, intent.key, sighting);
}

/** The first release by compare: where its template is proven, its next request may be forecast. */
function becameLockKey(
  core: LockCore,
  database: number,
  key: string,
  { ttlMs, clientId, requestedAtMs, sinceMs }: Sighting,
  nowMs: number,
): void {
  const entry = core.enter(database, key, nowMs, sinceMs);
  if (entry === undefined) return;
  noteReleased(core, entry);
  if (ttlMs > 0 && ttlMs <= core.options.coverLimitMs) entry.noteTtl(ttlMs);
  core.feedback.requested(database, key, clientId, requestedAtMs);
  core.feedback.released(database, key, nowMs - sinceMs, nowMs);
  if (core.options.mode !== 'reserve') return;
  reserve(core, entry, core.policy.retainUntilMs(database, key, nowMs));
}

/** What is remembered is bounded: SET NX also writes documents. */
function isLockLike(core: LockCore, intent: AcquireIntent): boolean {
  return intent.value.length <= core.options.valueMaxBytes && core.table.admits(intent.key);
}

function acquired(
  core: LockCore,
  entry: LockEntry,
  request: LockRequest,
  intent: AcquireIntent,
  nowMs: number,
): void {
  const { clientId } = request;
  entry.sawNoHolder();
  if (isLockLike(core, intent)) {
    entry.holder = {
      value: intent.value,
      clientId,
      grantedAtMs: nowMs,
      endsAtMs: intent.ttlMs > 0 ? nowMs + intent.ttlMs : Infinity,
      fence: 0,
      sure: UNSURE,
    };
  } else {
    entry.holderUnknown();
  }
  entry.tenure.granted(nowMs);
  entry.grantedAtMs = nowMs;
  entry.redisGrants++;
  core.counters.grantsThroughRedis++;
  core.feedback.granted(entry.database, entry.key, clientId, false, nowMs);
  core.retries.granted(entry, request);
  shadowAcquired(core, entry, request);
}

function released(
  core: LockCore,
  known: LockEntry | undefined,
  request: LockRequest,
  key: string,
  value: string,
  nowMs: number,
): void {
  const { database } = request;
  if (known === undefined) {
    // A grant and its release by compare: a lock key from now on, if there is room for it.
    const sighting = core.sightings.released(database, key, value);
    if (sighting !== null) becameLockKey(core, database, key, sighting, nowMs);
    return;
  }
  core.counters.releasesThroughRedis++;
  if (known.holder?.value === value) {
    noteReleased(core, known);
    core.feedback.released(database, key, nowMs - known.holder.grantedAtMs, nowMs);
  }
  // Answers of two connections may cross: a grant heard of before this release is newer than it,
  // and its holder, forgotten here, would be taken for a foreign one.
  if (known.holder === null || known.holder.value === value) {
    known.sawNoHolder();
    known.tenure.left(nowMs);
  }
  shadowReleased(core, known, nowMs);
}
