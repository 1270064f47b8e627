import { acquireFromMemory, noteTtl } from './acquire.js';
import { advance, passGate, perform } from './advance.js';
import type {
  AllocationPolicy,
  LockDesk,
  LockFeedback,
  LockRequest,
  LockWorld,
  Notice,
  PassOutcome,
  ProvenDelegation,
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
import { noteRefused } from './outcome.js';
import { newPending, pendingOf } from './pending.js';
import { recover } from './recovery.js';
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
import { told } from './told.js';
import { touch, touchEnded } from './touch.js';
import { endParking, parkOrRefuse } from './waiting/parking.js';
import { allKeysChanged, keyChanged } from './watch.js';

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
    const { intent } = request;
    const nowMs = core.world.monotonicMs();
    const entry = this.asked(request, nowMs);
    if (entry === undefined) return 'pass';
    let retrier = false;
    if (intent.kind === 'acquire') {
      retrier = core.retries.arrived(entry, request, nowMs);
      // A lock whose holder's time is just over is first of all theirs who wait for it.
      if (entry.line.waits() && !entry.busy()) advance(core, entry);
    }
    if (!entry.busy()) {
      try {
        const verdict = this.fromMemory(entry, request, nowMs);
        if (verdict === 'held') return this.parkOrRefuse(entry, request, retrier, nowMs);
        if (verdict !== null) return verdict;
      } catch (error) {
        core.broken(entry, error);
      }
    }
    return this.throughRedis(entry, newPending(request, retrier, nowMs));
  }

  private parkOrRefuse(
    entry: LockEntry,
    request: LockRequest,
    retrier: boolean,
    nowMs: number,
  ): Verdict | null {
    const { core } = this;
    if (retrier) return parkOrRefuse(core, entry, newPending(request, true, nowMs), true, nowMs);
    noteRefused(core, entry, request, false, true, nowMs);
    return 'held';
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
    entry.queue.push(newPending(request, false, nowMs));
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
      (entry.delegation !== null && entry.delegation.doubted !== null)
    ) {
      return null;
    }
    switch (intent.kind) {
      case 'acquire':
        return acquireFromMemory(this.core, entry, request, intent, nowMs);
      case 'release':
        return releaseFromMemory(this.core, entry, request, intent, nowMs);
      case 'extend':
        return extendFromMemory(this.core, entry, intent, nowMs);
    }
  }

  private throughRedis(entry: LockEntry, pending: Pending): Verdict | null {
    const { core } = this;
    const { request } = pending;
    if (entry.busy()) {
      entry.enqueue(pending);
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

  abandoned(request: LockRequest): void {
    const entry = this.core.table.find(request.database, request.intent.key);
    if (entry === undefined) return;
    const pending = pendingOf(entry, request);
    if (pending === null) return;
    pending.abandoned = true;
    if (pending.place !== null) entry.line.leave(pending.place);
    pending.place = null;
  }

  hurry(request: LockRequest): void {
    const { core } = this;
    const entry = core.table.find(request.database, request.intent.key);
    if (entry === undefined) return;
    const pending = pendingOf(entry, request);
    if (pending === null) return;
    pending.hurried = true;
    const { place } = pending;
    if (place?.state !== 'parked') return;
    core.holding(entry, () => endParking(core, entry, place));
    advance(core, entry);
  }

  left(clientId: number): void {
    for (const entry of this.core.retries.left(clientId)) entry.line.leaveKeptFor(clientId);
  }

  changed(database: number, key: string): void {
    const { core } = this;
    const entry = core.table.find(database, key);
    if (entry !== undefined) keyChanged(core, entry);
  }

  /** As `changed`, of all keys. */
  allChanged(): void {
    allKeysChanged(this.core);
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

  /** What the journal of an earlier run proves is made true in Redis; resolves when all of it is. */
  recover(proven: readonly ProvenDelegation[]): Promise<void> {
    return new Promise(resolve => {
      recover(this.core, proven, resolve);
    });
  }

  /** Other proxies, or their scripts, tell us something, by way of Redis. */
  told(notice: Notice): void {
    told(this.core, notice);
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

  /** Connections of which it is remembered what they do when they are refused. */
  retriers(): number {
    return this.core.retries.size;
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
