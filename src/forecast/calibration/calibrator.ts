const BINS = 20;
/** What is known counts as so many observations in each bin, which say that scores are right as they are. */
const BELIEVED = 20;
/** What is left of an observation after one more in the same bin. */
const KEEP = 1 - 1 / 2_000;
/** Observations between two fits. */
const FIT_EVERY = 32;

/** One bin of the reliability curve. */
export interface Reliability {
  /** Mean score, before it was corrected, and how often it came true. */
  readonly score: number;
  readonly cameTrue: number;
  readonly weight: number;
}

/**
 * Scores as probabilities: what scores like these have come to, of late, is what they are corrected to.
 * The correction never turns two scores round (isotonic regression, by pooling of adjacent violators;
 * Ayer et al., 1955), and is fitted on outcomes that came after the scores.
 */
export class Calibrator {
  private readonly weights = new Float64Array(BINS);
  private readonly scores = new Float64Array(BINS);
  private readonly truths = new Float64Array(BINS);
  /** The fit: corrected values at the mean scores of the bins. */
  private readonly from = new Float64Array(BINS);
  private readonly to = new Float64Array(BINS);
  private unfitted = 0;

  constructor() {
    this.fit();
  }

  /** What became of a score, as it was before it was corrected. */
  learn(score: number, cameTrue: boolean): void {
    const bin = Math.min(BINS - 1, Math.floor(score * BINS));
    this.weights[bin] = (this.weights[bin] as number) * KEEP + 1;
    this.scores[bin] = (this.scores[bin] as number) * KEEP + score;
    this.truths[bin] = (this.truths[bin] as number) * KEEP + (cameTrue ? 1 : 0);
    if (++this.unfitted >= FIT_EVERY) this.fit();
  }

  corrected(score: number): number {
    const { from, to } = this;
    let upper = 0;
    while (upper < BINS && (from[upper] as number) < score) upper++;
    const lowFrom = upper === 0 ? 0 : (from[upper - 1] as number);
    const lowTo = upper === 0 ? 0 : (to[upper - 1] as number);
    const highFrom = upper === BINS ? 1 : (from[upper] as number);
    const highTo = upper === BINS ? 1 : (to[upper] as number);
    if (highFrom <= lowFrom) return highTo;
    return lowTo + ((highTo - lowTo) * (score - lowFrom)) / (highFrom - lowFrom);
  }

  curve(): readonly Reliability[] {
    const curve: Reliability[] = [];
    for (let bin = 0; bin < BINS; bin++) {
      const weight = this.weights[bin] as number;
      if (weight === 0) continue;
      const score = (this.scores[bin] as number) / weight;
      curve.push({ score, cameTrue: (this.truths[bin] as number) / weight, weight });
    }
    return curve;
  }

  /** Mean distance of scores from what they came to, over bins of equal width; NaN without any. */
  expectedError(): number {
    let sum = 0;
    let error = 0;
    for (const { score, cameTrue, weight } of this.curve()) {
      sum += weight;
      error += weight * Math.abs(score - cameTrue);
    }
    return error / sum;
  }

  private fit(): void {
    this.unfitted = 0;
    const pools: { value: number; weight: number; bins: number }[] = [];
    for (let bin = 0; bin < BINS; bin++) {
      const weight = (this.weights[bin] as number) + BELIEVED;
      const middle = (bin + 0.5) / BINS;
      this.from[bin] = ((this.scores[bin] as number) + BELIEVED * middle) / weight;
      const value = ((this.truths[bin] as number) + BELIEVED * middle) / weight;
      pools.push({ value, weight, bins: 1 });
      for (;;) {
        const last = pools[pools.length - 1];
        const before = pools[pools.length - 2];
        if (last === undefined || before === undefined || before.value <= last.value) break;
        pools.splice(-2, 2, {
          value:
            (before.value * before.weight + last.value * last.weight) /
            (before.weight + last.weight),
          weight: before.weight + last.weight,
          bins: before.bins + last.bins,
        });
      }
    }
    let bin = 0;
    for (const { value, bins } of pools) {
      this.to.fill(value, bin, bin + bins);
      bin += bins;
    }
  }
}
