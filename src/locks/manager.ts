import { acquireFromMemory, noteTtl } from './acquire.js';
import { advance, passGate, perform } from './advance.js';
import type {
  AllocationPolicy,
  LockDesk,
  LockFeedback,
  LockRequest,
  LockWorld,
  PassOutcome,
  Touch,
  Verdict,
} from './contract.js';
import { LockCore } from './core.js';
import type { LockCounters } from './counters.js';
import type { LockEntry, Pending } from './entry.js';
import { extendFromMemory } from './extend.js';
import { type FenceAnswer, tellFence } from './fence.js';
import { passed, passing } from './learn.js';
import type { LockOptions } from './options.js';
import { releaseFromMemory } from './release.js';
import { reserve } from './reservation.js';
import { review, scheduleReview } from './review.js';
import { shadowReserved } from './shadow.js';
import {
  explain,
  type LockExplanation,
  type LockSnapshot,
  lockSnapshot,
  lockSnapshots,
  poolSnapshots,
} from './snapshot.js';
import { touch, touchEnded } from './touch.js';

/**
 * The lock manager: events in, effects out. It owns the lock table and decides every lock command
 * of a lock key, from memory where it may, through one script at a time where it must
 * (docs/protocol.md). It imports no socket, clock, file or Redis client, never throws, and its
 * `world` must bring the answers of scripts later, not from within `run`.
 */
export class LockManager implements LockDesk {
  /** Since the start. */
  readonly counters: LockCounters;
  private readonly core: LockCore;
  private readonly drained: (() => void)[] = [];

  /**
   * `proxy` names this process in companions and tokens and is the same after a restart; `epoch` is
   * new with each start and never used twice. Neither holds a `:`.
   */
  constructor(
    options: LockOptions,
    world: LockWorld,
    feedback: LockFeedback,
    policy: AllocationPolicy,
    proxy: string,
    epoch: string,
  ) {
    const rules = { advance, review };
    this.core = new LockCore(options, world, feedback, policy, proxy, epoch, rules);
    this.counters = this.core.counters;
    this.core.delegationEnded = () => this.checkDrained();
  }

  knows(database: number, key: string): boolean {
    const { options, table } = this.core;
    if (options.mode !== 'reserve') return false;
    if (table.find(database, key) !== undefined) return true;
    return table.declares(key) && table.admits(key);
  }

  tracks(database: number): boolean {
    if (this.core.options.mode === 'observe') return false;
    const { sightings, table } = this.core;
    return (table.databases.get(database)?.entries.size ?? 0) > 0 || sightings.any(database);
  }

  lists(database: number, key: string): boolean {
    if (this.core.options.mode === 'observe') return false;
    const { sightings, table } = this.core;
    return table.find(database, key) !== undefined || sightings.has(database, key);
  }

  databases(): readonly number[] {
    if (this.core.options.mode === 'observe') return [];
    const { sightings, table } = this.core;
    const known = [...table.databases.keys(), ...sightings.databases()];
    return [...new Set(known)].filter(database => this.tracks(database));
  }

  decide(request: LockRequest): Verdict | null {
    const { core } = this;
    const nowMs = core.world.monotonicMs();
    const entry = this.asked(request, nowMs);
    if (entry === undefined) return 'pass';
    if (!entry.busy()) {
      try {
        const verdict = this.fromMemory(entry, request, nowMs);
        if (verdict !== null) return verdict;
      } catch (error) {
        core.broken(entry, error);
      }
    }
    return this.throughRedis(entry, request, nowMs);
  }

  /**
   * As `decide`, for a request that has waited elsewhere for its turn: its verdict comes by `settle`
   * in any case, so that a grant of which nobody hears is undone.
   */
  queue(request: LockRequest): void {
    const nowMs = this.core.world.monotonicMs();
    const entry = this.asked(request, nowMs);
    if (entry === undefined) {
      request.settle('pass');
      return;
    }
    entry.queue.push(pendingOf(request, nowMs));
    this.core.advance(entry);
  }

  /** The entry of the key; undefined where there is no room for it: the request is passed then. */
  private asked(request: LockRequest, nowMs: number): LockEntry | undefined {
    const { core } = this;
    const { intent, database } = request;
    const entry = core.table.find(database, intent.key) ?? core.enter(database, intent.key, nowMs);
    if (entry === undefined) {
      core.beginPassWithoutEntry(request);
      return undefined;
    }
    entry.usedLately = true;
    if (intent.kind === 'acquire') {
      noteTtl(core, entry, intent);
      core.feedback.requested(database, intent.key, request.clientId, request.arrivedAtMs);
    }
    return entry;
  }

  /** Hot path; nothing is allocated here. */
  private fromMemory(entry: LockEntry, request: LockRequest, nowMs: number): Verdict | null {
    const { intent } = request;
    if (
      request.onlyRedis ||
      this.core.paused ||
      entry.delegation === null ||
      entry.delegation.doubted !== null
    ) {
      return null;
    }
    switch (intent.kind) {
      case 'acquire':
        return acquireFromMemory(this.core, entry, request, intent, nowMs);
      case 'release':
        return releaseFromMemory(this.core, entry, intent, nowMs);
      case 'extend':
        return extendFromMemory(this.core, entry, intent, nowMs);
    }
  }

  private throughRedis(entry: LockEntry, request: LockRequest, nowMs: number): Verdict | null {
    const { core } = this;
    const pending = pendingOf(request, nowMs);
    if (entry.busy()) {
      entry.queue.push(pending);
      return null;
    }
    let verdict: Verdict | null;
    try {
      verdict = this.decideOrQueue(entry, pending);
    } catch (error) {
      core.broken(entry, error);
      verdict = 'lost';
    }
    if (verdict === 'pass') core.beginPass(entry, request);
    if (verdict === 'lost') core.counters.losses++;
    return verdict;
  }

  private decideOrQueue(entry: LockEntry, pending: Pending): Verdict | null {
    const { core } = this;
    const gate = passGate(core, entry);
    if (gate === 'open' || gate === 'refused') return perform(core, entry, pending, gate);
    entry.queue.push(pending);
    // Where Redis is away, the waiting ends with a timer.
    if (gate === 'down') scheduleReview(core, entry);
    return null;
  }

  passing(request: LockRequest): void {
    passing(this.core, request);
  }

  passed(request: LockRequest, outcome: PassOutcome): void {
    passed(this.core, request, outcome);
  }

  /** Nothing waits here but for Redis. */
  hurry(): void {}

  abandoned(request: LockRequest): void {
    const entry = this.core.table.find(request.database, request.intent.key);
    if (entry === undefined) return;
    if (entry.current?.request === request) entry.current.abandoned = true;
    for (const pending of entry.queue) if (pending.request === request) pending.abandoned = true;
  }

  touch(touching: Touch): boolean {
    return touch(this.core, touching);
  }

  touchEnded(touching: Touch): void {
    touchEnded(this.core, touching);
  }

  /**
   * Takes an idle lock key for us, until that monotonic moment, since a request for it is forecast.
   * Whether it was tried: the rules may forbid it, or the key be in use.
   */
  reserve(database: number, key: string, untilMs: number): boolean {
    const { core } = this;
    const entry = core.table.find(database, key);
    if (entry === undefined) return false;
    return core.options.mode === 'shadow'
      ? shadowReserved(core, entry, untilMs)
      : reserve(core, entry, untilMs);
  }

  /** The connection for scripts is lost: nothing that was heard before proves anything any more. */
  upstreamLost(): void {
    this.core.upstreamDown = true;
    this.core.doubtAll('upstream lost');
  }

  /** It is back: what is in doubt is settled by exact token, then what waited goes on. */
  upstreamBack(): void {
    this.core.upstreamDown = false;
    this.core.doubtAll('upstream was lost');
    for (const entry of [...this.core.delegated]) {
      // What was refused, was refused by the connection that is gone.
      if (entry.delegation !== null) entry.delegation.settleAtMs = -Infinity;
      this.core.advance(entry);
    }
  }

  /** Role or replication id changed, a FLUSHALL by others was seen …: all delegations end. */
  doubtAll(reason: string): void {
    this.core.doubtAll(reason);
  }

  /** Gives all delegations back and makes no new ones: every lock is decided by Redis. */
  pause(): void {
    this.core.paused = true;
    for (const entry of [...this.core.delegated]) this.core.advance(entry);
  }

  resume(): void {
    this.core.paused = false;
  }

  /**
   * As `pause`, for good. Resolves once Redis has confirmed, or its leases running out have made
   * sure, that no token of ours is left in any key; with Redis away that can take a lease's time.
   */
  drain(): Promise<void> {
    this.pause();
    return new Promise(resolve => {
      this.drained.push(resolve);
      this.checkDrained();
    });
  }

  private checkDrained(): void {
    if (this.drained.length === 0 || this.core.delegated.size > 0) return;
    for (const resolve of this.drained.splice(0)) resolve();
  }

  /** Keys in the lock table. */
  count(): number {
    return this.core.table.size;
  }

  /** Keys in which Redis may have a token of ours. */
  delegatedCount(): number {
    return this.core.delegated.size;
  }

  /** Every lock key; made as it is asked for, so that the first few of many cost little. */
  all(): Iterable<LockSnapshot> {
    return lockSnapshots(this.core);
  }

  /** The pool: what is held ready, or in doubt. */
  delegated(): Iterable<LockSnapshot> {
    return poolSnapshots(this.core);
  }

  find(database: number, key: string): LockSnapshot | null {
    const entry = this.core.table.find(database, key);
    return entry === undefined ? null : lockSnapshot(this.core, entry);
  }

  explain(database: number, key: string): LockExplanation {
    return explain(this.core, database, key);
  }

  /** The number of the live grant with exactly that value; null: there is no such grant. */
  async fence(database: number, key: string, value: string): Promise<number | null> {
    const answer = await new Promise<FenceAnswer>(resolve => {
      tellFence(this.core, database, key, value, resolve);
    });
    if (typeof answer === 'object' && answer !== null) throw new Error(answer.error);
    return answer;
  }

  /** Templates that a touch or a foreign holder bars from delegation now. */
  barredTemplates(): readonly string[] {
    return this.core.table.templates.barred(this.core.world.monotonicMs());
  }
}

function pendingOf(request: LockRequest, nowMs: number): Pending {
  return {
    request,
    sinceMs: nowMs,
    abandoned: false,
    mustPass: request.onlyRedis,
    settled: false,
  };
}
