import type { ProvenDelegation } from './contract.js';
import type { LockCore } from './core.js';
import type { LockEntry } from './entry.js';
import { companionOf } from './names.js';
import { replyOf } from './replies.js';

/**
 * After a restart: what the journal proves of an earlier run is made true in Redis. A holder that
 * only memory knew of is written in place of the token, and what nobody holds is free at once. What
 * the journal does not prove is left to its lease.
 *
 * Asked again until Redis has answered, or has dropped the token by itself: the script replaces that
 * exact token and nothing else, so one that ran unheard makes the next one find it gone.
 */
export function recover(
  core: LockCore,
  proven: readonly ProvenDelegation[],
  done: () => void,
): void {
  let left = proven.length;
  if (left === 0) return done();
  // No lease is longer, and all of them began before this process did.
  const { coverLimitMs, leaseSlackMaxMs, marginPercent } = core.options;
  const longestMs = (coverLimitMs + leaseSlackMaxMs) * (1 + marginPercent / 100);
  const goneAtMs = core.world.monotonicMs() + longestMs;
  for (const one of proven) {
    recoverOne(core, one, goneAtMs, () => {
      core.world.journal?.ended(one.delegation);
      left--;
      if (left === 0) done();
    });
  }
}

function recoverOne(
  core: LockCore,
  proven: ProvenDelegation,
  goneAtMs: number,
  done: () => void,
): void {
  const { database, key, token, holder } = proven;
  const companion = companionOf(key);
  const nowMs = core.world.monotonicMs();
  if (companion === null || nowMs > goneAtMs) return done();
  const leftMs = holder === null ? 0 : Math.max(0, Math.ceil(holder.endsAtMs - nowMs));
  const args = [token, holder?.value ?? '', leftMs];
  core.counters.scripts.recover++;
  core.world.run({ script: 'recover', database, keys: [key, companion], args }, answer => {
    const reply = replyOf('recover', answer);
    if (reply.status === 'materialized') core.counters.holdersRecovered++;
    if (reply.status === 'freed') core.counters.delegationsFreed++;
    if (reply.status !== 'refused' && reply.status !== 'unknown') return done();
    const atMs = core.world.monotonicMs() + core.options.settleRetryMs;
    core.world.setTimer(atMs, () => recoverOne(core, proven, goneAtMs, done));
  });
}

/**
 * A script is about to write that token into the key. Should the process end before the answer, the
 * next one frees it: nobody was granted anything from it. The answer is told to what is returned.
 */
export function writtenAhead(core: LockCore, entry: LockEntry, token: string): () => void {
  const { journal } = core.world;
  if (journal === undefined) return NOTHING;
  const delegation = journal.delegated(entry.database, entry.key, token);
  return () => journal.ended(delegation);
}

const NOTHING = (): void => {};
