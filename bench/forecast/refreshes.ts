import type { Forecaster } from '../../src/forecast/forecaster.js';
import { Chance } from './chance.js';
import type { Timed } from './timeline.js';

const REFRESH_MS = 1000;
/** Sooner or later by up to half of that: else a trace of whole seconds is always looked at in its own beat. */
const EARLIEST = 0.5;
/** Where nothing comes for long, refreshes become rare: each waits for so much of the time since. */
const QUIET_SHARE = 0.5;

/** The forecast's refresh each second of simulated time, as the schedule has it. */
export class Refreshes implements Timed {
  nextMs = REFRESH_MS;
  private eventMs = 0;

  private readonly chance: Chance;

  constructor(
    private readonly forecaster: Forecaster,
    seed: number,
  ) {
    this.chance = new Chance(seed);
  }

  run(): void {
    const nowMs = this.nextMs;
    this.forecaster.refresh(nowMs);
    this.nextMs = nowMs + Math.max(this.waitMs(), QUIET_SHARE * (nowMs - this.eventMs));
  }

  /** Something comes. */
  event(atMs: number): void {
    this.eventMs = atMs;
    if (this.nextMs > atMs + 2 * REFRESH_MS) this.nextMs = atMs + this.waitMs();
  }

  private waitMs(): number {
    return REFRESH_MS * (EARLIEST + this.chance.next());
  }
}
