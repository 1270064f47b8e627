import { type NetworkShape, type OutputLayout, outputLayout } from './shape.js';

/** Bounds of a log-normal's deviation: a spike narrower than 1 % is noise, e^5 knows nothing. */
export const SIGMA_MIN = 0.01;
export const SIGMA_MAX = 5;
/** Gaps below the clock's grain count as half of it. */
export const GAP_MIN_MS = 0.5;
const LN_GAP_MIN = Math.log(GAP_MIN_MS);
/** Deviation of a time that is rounded to whole milliseconds: the root of 1 / 12. */
export const GRAIN_DEVIATION_MS = 0.29;

const HALF_LN_TWO_PI = 0.5 * Math.log(2 * Math.PI);
/** No logit lies so low; a weight or a density of 0 is taken as e to this. */
export const LN_ZERO = -80;

/** The deviation that the network means by `lnSigma`. */
export function sigmaOf(lnSigma: number): number {
  return Math.min(Math.max(Math.exp(lnSigma), SIGMA_MIN), SIGMA_MAX);
}

/** Bounds of a gap's distance from the mean, in deviations, where its probability is approximated. */
export const AWAY_MAX = 8;
/** Constants of the approximation of the normal distribution function by a logistic one (Bowling et al., 2009). */
export const LOGISTIC_LINEAR = 1.5976;
export const LOGISTIC_CUBIC = 0.07056;

/** Natural logarithm of the probability of less than half a millisecond. */
function lnAtOnce(mean: number, lnSigma: number): number {
  const away = (LN_GAP_MIN - mean) / sigmaOf(lnSigma);
  const z = Math.min(Math.max(away, -AWAY_MAX), AWAY_MAX);
  return -Math.log1p(Math.exp(-(LOGISTIC_LINEAR * z + LOGISTIC_CUBIC * z * z * z)));
}

/**
 * Natural logarithm of a log-normal's density, per ms, at a gap: widened by the clock's grain, and at
 * most 1 per ms, so that no spike narrower than the clock can show is worth anything. A gap that the
 * clock shows as none is all that is shorter than half a millisecond.
 */
export function lnComponentDensity(mean: number, lnSigma: number, gapMs: number): number {
  if (gapMs < GAP_MIN_MS) return lnAtOnce(mean, lnSigma);
  const gap = gapMs;
  const sigma = sigmaOf(lnSigma);
  const grain = GRAIN_DEVIATION_MS / gap;
  const variance = sigma * sigma + grain * grain;
  const lnGap = Math.log(gap);
  const away = lnGap - mean;
  const ln = -lnGap - 0.5 * Math.log(variance) - HALF_LN_TWO_PI - (away * away) / (2 * variance);
  return Math.min(ln, 0);
}

/** The acting density of a network and the experts beside it: one row of the loss. */
export class GatedDensity {
  private readonly layout: OutputLayout;
  private readonly logits: Float64Array;

  constructor(private readonly shape: NetworkShape) {
    this.layout = outputLayout(shape);
    this.logits = new Float64Array(shape.components + shape.experts);
  }

  /**
   * Natural logarithm of the density, per ms, at `gapMs`. `outputs` are the network's; those of the
   * experts (`ln density per ms`, `ln weight`) begin at `expertsAt` in their arrays.
   */
  ln(
    outputs: Float32Array,
    gapMs: number,
    expertLnDensity: Float32Array,
    expertLnWeight: Float32Array,
    expertsAt: number,
  ): number {
    const { layout, logits } = this;
    const { components, experts } = this.shape;
    for (let k = 0; k < components; k++) logits[k] = outputs[layout.logits + k] as number;
    for (let j = 0; j < experts; j++) {
      const weight = Math.max(expertLnWeight[expertsAt + j] as number, LN_ZERO);
      logits[components + j] = weight + (outputs[layout.gates + j] as number);
    }
    const all = lnSumExp(logits, components + experts);
    for (let k = 0; k < components; k++) {
      const mean = outputs[layout.means + k] as number;
      const lnSigma = outputs[layout.lnSigmas + k] as number;
      logits[k] = (logits[k] as number) + lnComponentDensity(mean, lnSigma, gapMs);
    }
    for (let j = 0; j < experts; j++) {
      const at = components + j;
      const density = Math.max(expertLnDensity[expertsAt + j] as number, LN_ZERO);
      logits[at] = (logits[at] as number) + density;
    }
    return lnSumExp(logits, components + experts) - all;
  }

  /** The same of the experts alone, as they act without a network. */
  lnOfExperts(
    expertLnDensity: Float32Array,
    expertLnWeight: Float32Array,
    expertsAt: number,
  ): number {
    const { logits } = this;
    const { experts } = this.shape;
    for (let j = 0; j < experts; j++) {
      logits[j] = Math.max(expertLnWeight[expertsAt + j] as number, LN_ZERO);
    }
    const all = lnSumExp(logits, experts);
    for (let j = 0; j < experts; j++) {
      const density = Math.max(expertLnDensity[expertsAt + j] as number, LN_ZERO);
      logits[j] = (logits[j] as number) + density;
    }
    return lnSumExp(logits, experts) - all;
  }
}

function lnSumExp(numbers: Float64Array, count: number): number {
  let greatest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < count; i++) greatest = Math.max(greatest, numbers[i] as number);
  let sum = 0;
  for (let i = 0; i < count; i++) sum += Math.exp((numbers[i] as number) - greatest);
  return greatest + Math.log(sum);
}
