import type { LockRequest } from '../contract.js';
import type { LockEntry } from '../entry.js';
import type { LockOptions } from '../options.js';

/** An attempt that was refused, and what came of it. */
interface RefusedAttempt {
  readonly entry: LockEntry;
  readonly value: string;
  readonly habit: Habit;
  refusedAtMs: number;
  /** It was made again. */
  retried: boolean;
  /** A release of its value has come since: the client has given up, or does so each time. */
  released: boolean;
}

/** How a connection goes about locks of one template. */
interface Habit {
  readonly template: string;
  /** First attempts in a row that were refused and then made again; no more than are asked for. */
  followed: number;
  /** First attempts that this record would have made wait. */
  firsts: number;
  /** The longest late time from a refusal to the next attempt; 0: none was seen. */
  paceMs: number;
  /** Its attempts go on after a release of the refused value. */
  releasesBetween: boolean;
}

/**
 * Of a longer pace that is not kept up, this share is forgotten with each shorter one. So little that
 * the sleeps of one who draws them evenly from 100 to 300 ms (redlock) are nearly all expected: with
 * 1/16 every eighth came later, and found its place gone.
 */
const PACE_FORGOTTEN = 1 / 64;
/** A client's timers and the way here are not exact, least of all where a machine is busy. */
const PACE_ALLOWANCE = 1.25;

/** What one connection has done when it was refused. */
export class RetryRecord {
  private readonly attempts: RefusedAttempt[] = [];
  private readonly habits: Habit[] = [];

  constructor(private readonly options: LockOptions) {}

  arrived(entry: LockEntry, request: LockRequest, nowMs: number): boolean {
    this.forget(nowMs);
    const attempt = this.find(entry, request.intent.value);
    if (attempt !== undefined) {
      this.retried(attempt, nowMs);
      return true;
    }
    const habit = this.habitOf(entry);
    if (habit === undefined || habit.followed < this.options.retriesProving) return false;
    // The last one may still be given up: till it is made again, it proves nothing.
    if (this.attempts.some(each => each.habit === habit && !each.retried)) return false;
    habit.firsts++;
    return habit.firsts % this.options.retrierProbeEvery !== 0;
  }

  private retried(attempt: RefusedAttempt, nowMs: number): void {
    const { habit } = attempt;
    const gapMs = nowMs - attempt.refusedAtMs;
    habit.paceMs =
      gapMs > habit.paceMs ? gapMs : habit.paceMs - (habit.paceMs - gapMs) * PACE_FORGOTTEN;
    if (attempt.released) habit.releasesBetween = true;
    attempt.released = false;
    if (attempt.retried) return;
    attempt.retried = true;
    habit.followed = Math.min(habit.followed + 1, this.options.retriesProving);
  }

  refused(entry: LockEntry, request: LockRequest, nowMs: number): number {
    this.forget(nowMs);
    const { value } = request.intent;
    let attempt = this.find(entry, value);
    if (attempt === undefined) {
      if (this.attempts.length >= this.options.refusalsPerClientMax) this.giveUp(0);
      const habit = this.habitOf(entry) ?? this.newHabit(entry);
      attempt = { entry, value, habit, refusedAtMs: nowMs, retried: false, released: false };
      this.attempts.push(attempt);
    }
    attempt.refusedAtMs = nowMs;
    const paceMs = Math.min(attempt.habit.paceMs * PACE_ALLOWANCE, this.options.retryWithinMs);
    return nowMs + paceMs;
  }

  /** A request that was granted is no refused one any more; what it was before stays as it is. */
  granted(entry: LockEntry, request: LockRequest): void {
    const at = this.indexOf(entry, request.intent.value);
    if (at >= 0) this.attempts.splice(at, 1);
  }

  releasedInVain(entry: LockEntry, request: LockRequest): boolean {
    const attempt = this.find(entry, request.intent.value);
    if (attempt === undefined) return false;
    attempt.released = true;
    return attempt.habit.releasesBetween;
  }

  *entries(): Generator<LockEntry> {
    for (const { entry } of this.attempts) yield entry;
  }

  /** Attempts that were not made again in time were given up. */
  private forget(nowMs: number): void {
    for (let index = this.attempts.length - 1; index >= 0; index--) {
      const attempt = this.attempts[index];
      if (attempt !== undefined && nowMs - attempt.refusedAtMs >= this.options.retryWithinMs) {
        this.giveUp(index);
      }
    }
  }

  private giveUp(index: number): void {
    const [attempt] = this.attempts.splice(index, 1);
    if (attempt !== undefined && !attempt.retried) attempt.habit.followed = 0;
  }

  private find(entry: LockEntry, value: string): RefusedAttempt | undefined {
    return this.attempts[this.indexOf(entry, value)];
  }

  private indexOf(entry: LockEntry, value: string): number {
    return this.attempts.findIndex(each => each.entry === entry && each.value === value);
  }

  private habitOf(entry: LockEntry): Habit | undefined {
    return this.habits.find(({ template }) => template === entry.template.template);
  }

  private newHabit(entry: LockEntry): Habit {
    const { template } = entry.template;
    const habit = { template, followed: 0, firsts: 0, paceMs: 0, releasesBetween: false };
    if (this.habits.length >= this.options.refusalsPerClientMax) this.habits.shift();
    this.habits.push(habit);
    return habit;
  }
}
