import type { FleetNotice } from './contract.js';
import type { LockCore } from './core.js';
import type { LockEntry } from './entry.js';
import { messageOf } from './notice.js';

/**
 * Foreign holders: a value in a lock key that no live proxy of this fleet, asked for it, has granted.
 * Only those who know what they granted can tell, so that is asked; nobody's silence proves anything.
 */

/** A question to the other proxies that is not answered yet. */
export interface Suspicion {
  readonly number: number;
  readonly askedAtMs: number;
  /** Proxies that have not answered. */
  readonly unanswered: Set<string>;
}

/** A value is in the key that no client of this proxy can own. */
export function suspectForeign(core: LockCore, entry: LockEntry, nowMs: number): void {
  const { fleet } = core.world;
  if (fleet === undefined) return core.foreignHolder(entry, nowMs);
  const { suspicion } = entry;
  if (suspicion !== null && nowMs < suspicion.askedAtMs + ANSWERED_WITHIN_MS) return;
  const asked: Suspicion = { number: ++core.questions, askedAtMs: nowMs, unanswered: new Set() };
  entry.suspicion = asked;
  const others = fleet.others();
  if (others !== null) return askOthers(core, entry, asked, others);
  fleet.whenKnown(() => {
    if (entry.suspicion === asked) askOthers(core, entry, asked, fleet.others() ?? []);
  });
}

function askOthers(
  core: LockCore,
  entry: LockEntry,
  { number, unanswered }: Suspicion,
  others: readonly string[],
): void {
  if (others.length === 0) {
    entry.suspicion = null;
    core.foreignHolder(entry, core.world.monotonicMs());
    return;
  }
  const { database, key } = entry;
  const message = messageOf({ kind: 'whose', database, key, proxy: core.proxy, number });
  for (const proxy of others) unanswered.add(proxy);
  for (const proxy of others) core.world.fleet?.tell(proxy, message);
}

/** Another proxy asks, or answers. */
export function fleetTold(core: LockCore, notice: FleetNotice): void {
  const { database, key, proxy, number } = notice;
  if (notice.kind === 'whose') {
    const ours = mayBeOurs(core, database, key);
    const answer = messageOf({ kind: 'answer', database, key, proxy: core.proxy, number, ours });
    core.world.fleet?.tell(proxy, answer);
    return;
  }
  const entry = core.table.find(database, key);
  const suspicion = entry?.suspicion ?? null;
  if (entry === undefined || suspicion === null || suspicion.number !== number) return;
  if (notice.ours) {
    entry.suspicion = null;
    return;
  }
  if (!suspicion.unanswered.delete(proxy) || suspicion.unanswered.size > 0) return;
  entry.suspicion = null;
  core.foreignHolder(entry, core.world.monotonicMs());
}

/** Whether a client of this proxy may own, or may lately have owned, what another proxy has seen. */
function mayBeOurs(core: LockCore, database: number, key: string): boolean {
  const entry = core.table.find(database, key);
  if (entry === undefined) return core.maySee(database, key);
  if (entry.holder !== null || entry.mayHoldToken() || entry.script !== null) return true;
  if (entry.passesInFlight > 0 || !entry.knowsHolder()) return true;
  return core.world.monotonicMs() < entry.grantedAtMs + LATELY_MS;
}

/** What another proxy saw may be over by the time that it asks. */
const LATELY_MS = 10_000;
/** A question that is not answered by then may be asked anew. */
const ANSWERED_WITHIN_MS = 1000;
