import type { Notice, TokenNotice } from './contract.js';
import type { LockCore } from './core.js';
import { fleetTold } from './foreign.js';
import { told as tokenTold } from './recall.js';

/** Something was published on this proxy's channel: by other proxies or their scripts, or by anybody. */
export function told(core: LockCore, notice: Notice): void {
  if (notice.kind === 'whose' || notice.kind === 'answer') return fleetTold(core, notice);
  const { database, key } = notice;
  let entry = core.table.find(database, key);
  if (entry === undefined && mayBeForgotten(core, notice)) {
    entry = core.enter(database, key, core.world.monotonicMs());
  }
  if (entry !== undefined) tokenTold(core, entry, notice);
}

/** A token in a key that is not in the table counts only where it can be one that was forgotten. */
function mayBeForgotten(core: LockCore, { database, token }: TokenNotice): boolean {
  return core.table.databases.has(database) && token.startsWith(core.tokenPrefix());
}
