/** Weight of the newest gap. */
const NEWEST_WEIGHT = 0.05;

/** How fast requests of all keys follow one another. */
export class RequestPace {
  private lastAtMs = Number.NaN;
  /** Before the latest request. */
  gapMs = 0;
  meanGapMs = 0;

  requested(atMs: number): void {
    this.gapMs = Number.isNaN(this.lastAtMs) ? 0 : Math.max(0, atMs - this.lastAtMs);
    this.lastAtMs = atMs;
    this.meanGapMs += NEWEST_WEIGHT * (this.gapMs - this.meanGapMs);
  }
}
