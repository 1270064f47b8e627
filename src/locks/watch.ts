import { type LockCore, UNSURE } from './core.js';
import type { LockEntry } from './entry.js';

/**
 * What Redis tells of keys by itself. A push is a hint: it may come late, and it may be of our own
 * doing. But as long as none has come of a key that was looked at, and the connections stand, no hand
 * has changed it.
 */

/** A look at the key, after which Redis tells of its next change, once. */
export interface Watch {
  readonly generation: number;
  /** What was in the key; null while that is not known. */
  value: string | null;
}

/** Somebody is refused the lock: from now on its release, by whatever hand, is to be heard of. */
export function watchHolder(core: LockCore, entry: LockEntry): void {
  const { world, generation } = core;
  if (world.watch === undefined || !world.hearsChanges()) return;
  if (entry.watch !== null && entry.watch.generation === generation) return;
  const watch: Watch = { generation, value: null };
  entry.watch = watch;
  world.watch(entry.database, entry.key, value => {
    if (entry.watch !== watch) return;
    if (value === null) keyChanged(core, entry);
    else watch.value = value;
  });
}

/** Whether Redis would have told us, had another hand changed the key since that value was in it. */
export function watchesValue({ generation }: LockCore, entry: LockEntry, value: string): boolean {
  const { watch } = entry;
  return watch !== null && watch.generation === generation && watch.value === value;
}

/** The key may have changed by another hand than ours: it is looked at again. */
export function keyChanged(core: LockCore, entry: LockEntry): void {
  entry.watch = null;
  if (entry.delegation !== null) return;
  if (entry.holder !== null) entry.holder.sure = UNSURE;
  entry.line.changed();
  if (entry.line.waits()) core.advance(entry);
}

/** Whatever was looked at. */
export function allKeysChanged(core: LockCore): void {
  for (const { entries } of core.table.databases.values()) {
    for (const entry of entries.values()) if (entry.watch !== null) keyChanged(core, entry);
  }
}
