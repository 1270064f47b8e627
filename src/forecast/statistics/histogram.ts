import { BINS, binOf, shareBelow } from './log-bins.js';

/** Counts above which the older half of what was counted is forgotten. */
const COUNTED_MAX = 50_000;

/** How often gaps fell into each bin. */
export class Histogram {
  total = 0;
  private readonly counts = new Float32Array(BINS);
  /** Sum of the bins before each. */
  private readonly before = new Float32Array(BINS);
  private summed = true;

  add(bin: number): void {
    this.counts[bin] = (this.counts[bin] as number) + 1;
    this.total++;
    this.summed = false;
    if (this.total < COUNTED_MAX) return;
    this.total = 0;
    for (let at = 0; at < BINS; at++) {
      const half = (this.counts[at] as number) / 2;
      this.counts[at] = half;
      this.total += half;
    }
  }

  /** How many of the gaps lie between two; within a bin they are taken for evenly spread. */
  countBetween(fromMs: number, toMs: number): number {
    const from = binOf(fromMs);
    const to = binOf(toMs);
    const { counts } = this;
    if (from === to) {
      return (counts[from] as number) * (shareBelow(toMs, to) - shareBelow(fromMs, from));
    }
    const ends =
      (counts[from] as number) * (1 - shareBelow(fromMs, from)) +
      (counts[to] as number) * shareBelow(toMs, to);
    if (to === from + 1) return ends;
    if (!this.summed) this.sum();
    return ends + (this.before[to] as number) - (this.before[from + 1] as number);
  }

  private sum(): void {
    let sum = 0;
    for (let bin = 0; bin < BINS; bin++) {
      this.before[bin] = sum;
      sum += this.counts[bin] as number;
    }
    this.summed = true;
  }
}
