import type { Forecaster } from '../../src/forecast/forecaster.js';
import type { Timed } from './timeline.js';

const REFRESH_MS = 1000;
/** Where nothing comes for long, refreshes become rare: each waits for so much of the time since. */
const QUIET_SHARE = 0.5;

/** The forecast's refresh each second of simulated time, as the schedule has it. */
export class Refreshes implements Timed {
  nextMs = REFRESH_MS;
  private eventMs = 0;

  constructor(private readonly forecaster: Forecaster) {}

  run(): void {
    const nowMs = this.nextMs;
    this.forecaster.refresh(nowMs);
    this.nextMs = nowMs + Math.max(REFRESH_MS, QUIET_SHARE * (nowMs - this.eventMs));
  }

  /** Something comes. */
  event(atMs: number): void {
    this.eventMs = atMs;
    this.nextMs = Math.min(this.nextMs, atMs + REFRESH_MS);
  }
}
