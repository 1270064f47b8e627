import type { Forecast, ForecastKey } from '../forecast/forecast.js';
import type { AllocationPolicy, LockFeedback } from '../locks/contract.js';
import type { AllocatorOptions } from './options.js';
import { Thresholds } from './thresholds.js';
import { WindowPlan } from './window-plan.js';

/** What the allocator needs of the world: the part of LockWorld that tells and makes time. */
export interface AllocatorClock {
  monotonicMs(): number;
  setTimer(atMs: number, due: () => void): unknown;
  cancelTimer(handle: unknown): void;
}

/** What the forecast says of one key, for people. */
export interface ScoreSnapshot extends ForecastKey {
  readonly score: number;
  /** The score from which the lock is kept ready. */
  readonly threshold: number;
  readonly forecaster: string;
  readonly intervalMs: number | null;
}

/** Takes a lock for us until that monotonic moment; whether it was tried. */
export type Reserve = (database: number, key: string, untilMs: number) => boolean;

/** How finely the start of a reservation is placed. */
const STEP_MS = 50;

/**
 * Decides which locks are held ready: those that are asked for within the forecast window with a
 * probability above the key's threshold. It hears of everything that the manager tells, passes it
 * on to the forecast, and learns from reservations used and wasted.
 */
export class Allocator implements AllocationPolicy, LockFeedback {
  private readonly thresholds: Thresholds;
  private reserve: Reserve | null = null;
  private planned: unknown[] = [];
  private refreshedAtMs: number | null = null;
  private readonly plan: WindowPlan;

  constructor(
    private readonly options: AllocatorOptions,
    private readonly forecast: Forecast,
    private readonly clock: AllocatorClock,
  ) {
    this.thresholds = new Thresholds(options);
    this.plan = new WindowPlan(options.windowMs);
  }

  /** Who carries the reservations out; none are made before. */
  serve(reserve: Reserve): void {
    this.reserve = reserve;
  }

  retainUntilMs(database: number, key: string, nowMs: number): number {
    const score = this.forecast.score(database, key, this.options.windowMs, nowMs);
    return score > 0 && score >= this.thresholds.of(database, key, nowMs)
      ? this.keptUntil(nowMs)
      : 0;
  }

  private keptUntil(nowMs: number): number {
    return nowMs + this.options.windowMs + this.options.reclaimTimeoutMs;
  }

  /** Run by the schedule: plans the reservations that begin before the next refresh. */
  refresh(): void {
    const nowMs = this.clock.monotonicMs();
    this.forecast.refresh(nowMs);
    this.cancelPlanned();
    // As far ahead as the last refresh was back: the schedule is the user's.
    const sinceMs = Math.min(nowMs - (this.refreshedAtMs ?? nowMs), this.options.plannedAheadMaxMs);
    const endMs = nowMs + Math.max(sinceMs, this.options.refreshMs);
    this.refreshedAtMs = nowMs;
    // More than one model may have a key for due.
    const planned = new Set<string>();
    for (const { database, key } of this.forecast.due(nowMs, endMs + this.options.windowMs)) {
      if (this.planned.length >= this.options.reservationsPerRefreshMax) return;
      const place = `${database} ${key}`;
      if (planned.has(place)) continue;
      // Asked for again so soon, a lock is retained at its release; nothing is to be taken ahead.
      if ((this.forecast.intervalMs(database, key) ?? 0) <= this.options.windowMs) continue;
      const startMs = this.startOf(database, key, nowMs, endMs);
      if (startMs === null) continue;
      planned.add(place);
      this.planned.push(this.clock.setTimer(startMs, () => this.begin(database, key)));
    }
  }

  /** Drops what is planned; nothing is reserved any more until the next refresh. */
  stop(): void {
    this.cancelPlanned();
    this.reserve = null;
  }

  private cancelPlanned(): void {
    for (const handle of this.planned) this.clock.cancelTimer(handle);
    this.planned = [];
  }

  /** When it is best to begin keeping the key, if that is before the end. */
  private startOf(database: number, key: string, fromMs: number, endMs: number): number | null {
    const ahead = this.forecast.ahead(database, key, fromMs);
    if (ahead === null) return this.firstLikely(database, key, fromMs, endMs);
    const { plan } = this;
    const { sinceMs, gapsMs, gaps, atOnce, goesOn } = ahead;
    plan.look(ahead, sinceMs, sinceMs + endMs - fromMs, gapsMs, gaps, atOnce);
    plan.choose(this.thresholds.of(database, key, fromMs), goesOn);
    if (plan.length === 0) return null;
    const startMs = fromMs + (plan.startsMs[0] as number) - sinceMs;
    return startMs < endMs ? startMs : null;
  }

  /** The same for a key that was never asked for: what comes before it says when. */
  private firstLikely(database: number, key: string, fromMs: number, endMs: number): number | null {
    const threshold = this.thresholds.of(database, key, fromMs);
    for (let atMs = fromMs; atMs < endMs; atMs += STEP_MS) {
      const score = this.forecast.score(database, key, this.options.windowMs, atMs);
      if (score > 0 && score >= threshold) return atMs;
    }
    return null;
  }

  /** Its moment has come: unless a request since has changed what is to be expected. */
  private begin(database: number, key: string): void {
    const nowMs = this.clock.monotonicMs();
    const untilMs = this.retainUntilMs(database, key, nowMs);
    if (untilMs > 0) this.reserve?.(database, key, untilMs);
  }

  requested(database: number, key: string, clientId: number, atMs: number): void {
    this.forecast.requested(database, key, clientId, atMs);
  }

  granted(
    database: number,
    key: string,
    clientId: number,
    fromMemory: boolean,
    atMs: number,
  ): void {
    this.forecast.granted(database, key, clientId, fromMemory, atMs);
  }

  refused(database: number, key: string, clientId: number, atMs: number): void {
    this.forecast.refused(database, key, clientId, atMs);
  }

  released(database: number, key: string, heldMs: number, atMs: number): void {
    this.forecast.released(database, key, heldMs, atMs);
  }

  reservationEnded(database: number, key: string, used: boolean, keptMs: number): void {
    this.thresholds.ended(database, key, used, this.clock.monotonicMs());
    this.forecast.reservationEnded(database, key, used, keptMs);
  }

  find(database: number, key: string): ScoreSnapshot | null {
    const nowMs = this.clock.monotonicMs();
    const intervalMs = this.forecast.intervalMs(database, key);
    if (intervalMs === null) return null;
    return {
      database,
      key,
      score: this.forecast.score(database, key, this.options.windowMs, nowMs),
      threshold: this.thresholds.of(database, key, nowMs),
      forecaster: this.forecast.modelOf(database, key),
      intervalMs,
    };
  }

  /** The keys with the highest scores now, highest first. */
  highest(limit: number): readonly ScoreSnapshot[] {
    const best: ScoreSnapshot[] = [];
    for (const { database, key } of this.forecast.keys()) {
      const snapshot = this.find(database, key);
      if (snapshot === null) continue;
      const last = best[best.length - 1];
      if (best.length >= limit && last !== undefined && snapshot.score <= last.score) continue;
      const at = best.findIndex(other => other.score < snapshot.score);
      best.splice(at < 0 ? best.length : at, 0, snapshot);
      if (best.length > limit) best.pop();
    }
    return best;
  }
}
