import type { LockCore } from './core.js';
import type { LockEntry } from './entry.js';
import { proven, whyNotReserve } from './proof.js';

/** A lock key as people see it. All times are milliseconds from now. */
export interface LockSnapshot {
  readonly database: number;
  /** Binary string. */
  readonly key: string;
  /** `idle`, `granted` (a client's value is in Redis), `reserved`, `granted-locally`, `doubted`. */
  readonly state: string;
  /** Whether Redis may have a token of ours in the key. */
  readonly delegated: boolean;
  readonly token: string | null;
  /** Why the delegation is no longer relied on; null: it is. */
  readonly doubt: string | null;
  readonly leaseLeftMs: number | null;
  /** Null: no tenure runs. */
  readonly tenureLeftMs: number | null;
  /** How long a reservation or retention is still kept; null: nothing is kept. */
  readonly keptForMs: number | null;
  readonly holderClientId: number | null;
  /** How long the holder's TTL still runs; null: nobody is known to hold it, or without TTL. */
  readonly heldForMs: number | null;
  /** Null: nobody is known to hold it, or the grant has no number yet. */
  readonly fence: number | null;
  /** Requests that wait for a script of this key. */
  readonly waiting: number;
  /** Attempts that are parked until the lock is free. */
  readonly parked: number;
  /** Places of those who were refused and are expected again. */
  readonly expected: number;
  readonly scriptOnItsWay: string | null;
  readonly grants: number;
  readonly grantsFromMemory: number;
  readonly refusals: number;
  /** Why it is not delegated, or would not be; null: nothing speaks against it. */
  readonly bar: string | null;
}

/** Why a key is or is not delegated. */
export interface LockExplanation {
  readonly database: number;
  readonly key: string;
  readonly isLockKey: boolean;
  readonly template: string | null;
  /** Why it may not be delegated now; null if it may. */
  readonly notDelegatedBecause: string | null;
  readonly declared: boolean;
  readonly proven: boolean;
  readonly grantsReleasedByCompare: number;
  readonly templateKeysProven: number;
  readonly touchBarLeftMs: number;
  readonly foreignBarLeftMs: number;
  readonly tenure: string;
  readonly tenureLimitMs: number;
  readonly tenureKeptMs: number;
  readonly usualTtlMs: number;
  readonly touchesOnTheirWay: number;
  readonly passesOnTheirWay: number;
  readonly lock: LockSnapshot | null;
}

export function lockSnapshot(core: LockCore, entry: LockEntry): LockSnapshot {
  const nowMs = core.world.monotonicMs();
  const { delegation, holder } = entry;
  const grant = delegation?.grant.live(nowMs) === true ? delegation.grant : null;
  const known = holder !== null && holder.endsAtMs > nowMs ? holder : null;
  const shown = grant ?? known;
  const kept = delegation !== null && grant === null && !Number.isNaN(delegation.keptFromMs);
  return {
    database: entry.database,
    key: entry.key,
    state: stateOf(entry, grant !== null, known !== null),
    delegated: delegation !== null,
    token: delegation?.token ?? null,
    doubt: delegation?.doubted ?? null,
    leaseLeftMs: delegation?.lease.leftMs(nowMs, core.world.wallMs()) ?? null,
    tenureLeftMs: finite(Math.max(0, entry.tenure.endsAtMs() - nowMs)),
    keptForMs: kept ? Math.max(0, delegation.keptUntilMs - nowMs) : null,
    holderClientId: shown?.clientId ?? null,
    heldForMs: shown === null ? null : finite(shown.endsAtMs - nowMs),
    fence: shown === null || shown.fence === 0 ? null : shown.fence,
    waiting: entry.queue.length + (entry.current === null ? 0 : 1),
    parked: entry.line.parked,
    expected: entry.line.expected,
    scriptOnItsWay: entry.script,
    grants: entry.memoryGrants + entry.redisGrants,
    grantsFromMemory: entry.memoryGrants,
    refusals: entry.refusals,
    bar: whyNotReserve(core, entry, nowMs),
  };
}

function finite(ms: number): number | null {
  return Number.isFinite(ms) ? ms : null;
}

function stateOf(entry: LockEntry, grantedLocally: boolean, granted: boolean): string {
  if (entry.delegation === null) return granted ? 'granted' : 'idle';
  if (entry.delegation.doubted !== null) return 'doubted';
  return grantedLocally ? 'granted-locally' : 'reserved';
}

export function* lockSnapshots(core: LockCore): Generator<LockSnapshot> {
  for (const home of core.table.databases.values()) {
    for (const entry of home.entries.values()) yield lockSnapshot(core, entry);
  }
}

export function* poolSnapshots(core: LockCore): Generator<LockSnapshot> {
  for (const entry of core.delegated) yield lockSnapshot(core, entry);
}

export function explain(core: LockCore, database: number, key: string): LockExplanation {
  const nowMs = core.world.monotonicMs();
  const entry = core.table.find(database, key);
  const left = (untilMs: number): number => Math.max(0, untilMs - nowMs);
  return {
    database,
    key,
    isLockKey: entry !== undefined,
    template: entry?.template.template ?? null,
    notDelegatedBecause:
      entry === undefined
        ? core.table.admits(key)
          ? 'no grant and its release by compare were seen'
          : 'never delegated by its name or by --no-delegate'
        : whyNotReserve(core, entry, nowMs),
    declared: entry?.declared ?? core.table.declares(key),
    proven: entry !== undefined && proven(core, entry),
    grantsReleasedByCompare: entry?.proof ?? 0,
    templateKeysProven: entry?.template.provenKeys.size ?? 0,
    touchBarLeftMs: left(entry?.template.barredUntilMs ?? 0),
    foreignBarLeftMs: left(entry?.template.foreignUntilMs ?? 0),
    tenure: entry?.tenure.state() ?? 'open',
    tenureLimitMs: entry?.tenure.limitMs ?? core.options.tenureMs,
    tenureKeptMs: entry?.tenure.keptMs(nowMs) ?? 0,
    usualTtlMs: entry?.ttlMs ?? 0,
    touchesOnTheirWay: entry?.touchesInFlight ?? 0,
    passesOnTheirWay: entry?.passesInFlight ?? 0,
    lock: entry === undefined ? null : lockSnapshot(core, entry),
  };
}
