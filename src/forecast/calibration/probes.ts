import type { Calibrator } from './calibrator.js';

/** A score that was given, and has not come true yet. */
interface Probe {
  readonly score: number;
  readonly atMs: number;
}

/** Scores that are watched at a time. */
const PROBES_MAX = 4_096;

/** Watches what becomes of scores: whether the key is asked for within the window after. */
export class Probes {
  private readonly open = new Map<number, Probe>();

  constructor(
    private readonly windowMs: number,
    private readonly calibrator: Calibrator,
  ) {}

  /** A key is named by its slot; one score of it is watched at a time. */
  begin(slot: number, score: number, atMs: number): void {
    if (this.open.size < PROBES_MAX && !this.open.has(slot)) this.open.set(slot, { score, atMs });
  }

  requested(slot: number, atMs: number): void {
    if (this.open.size === 0) return;
    const probe = this.open.get(slot);
    if (probe === undefined) return;
    this.open.delete(slot);
    this.calibrator.learn(probe.score, atMs - probe.atMs <= this.windowMs);
  }

  /** Another key has this slot now: nobody will know. */
  forget(slot: number): void {
    this.open.delete(slot);
  }

  /** Ends those whose window has passed without a request; they lie in order of time. */
  refresh(nowMs: number): void {
    for (const [slot, { score, atMs }] of this.open) {
      if (nowMs - atMs <= this.windowMs) return;
      this.open.delete(slot);
      this.calibrator.learn(score, false);
    }
  }
}
