import {
  COMPONENTS,
  count,
  field,
  type KeyRecords,
  STATISTICS,
  share,
} from '../history/key-records.js';
import { normalBetween } from '../statistics/normal.js';
import type { Statistics } from '../statistics/statistics.js';
import type { Templates } from '../statistics/templates.js';

/** Distributions that are weighed: the statistics, then the network's log-normals. */
export const WEIGHED = STATISTICS + COMPONENTS;

/** A gap is told to the millisecond: half of one either way. */
export const HALF_MS = 0.5;

/** The background keeps this weight: whatever comes, it was not impossible. */
const BACKGROUND_MIN = 0.002;
/** The same within each distribution, so that none is ruled out for ever by a single surprise. */
const FLOOR = 0.001;
const PROBABILITY_MIN = 1e-12;

export const SHARE_UNIT = 65_535;
export const WIDTH_UNIT = 4_096;

/**
 * The distribution of the time to a key's next request: the statistics, each as far as it is to be
 * believed, and beside it the network's, which weighs the same statistics anew and adds log-normals
 * of its own. Both count as far as the keys of the template have shown that they may be trusted.
 *
 * `focus` on a key, then ask. Allocates nothing.
 */
export class Mixture {
  /** Of the gap that `probability` was asked about, by each distribution. */
  readonly probabilities = new Float64Array(WEIGHED);
  /** Of the span that `between` was asked about, likewise. */
  readonly each = new Float64Array(WEIGHED);
  /** Of the key in focus: what the distributions weigh by the statistics' own record … */
  readonly beliefs = new Float64Array(WEIGHED);
  /** … by the network … */
  readonly gated = new Float64Array(WEIGHED);
  /** … and in the end; each together 1. */
  readonly weights = new Float64Array(WEIGHED);
  /** Whether the network has said anything of the key in focus. */
  isGated = false;
  private readonly means = new Float64Array(COMPONENTS);
  private readonly widths = new Float64Array(COMPONENTS);

  constructor(
    private readonly records: KeyRecords,
    private readonly statistics: Statistics,
    private readonly templates: Templates,
  ) {}

  /** The key that is asked about from now on; to be repeated when it has changed. */
  focus(slot: number): void {
    this.statistics.focus(slot);
    this.readWeights(slot);
    if (!this.isGated) return;
    const { records, means, widths } = this;
    const widthsAt = records.sharesOf(slot) + share.widths;
    for (let component = 0; component < COMPONENTS; component++) {
      means[component] = records.number(slot, field.means + component);
      widths[component] = (records.shares[widthsAt + component] as number) / WIDTH_UNIT;
    }
  }

  /** Only the weights of this key: enough where no gap is asked about. */
  readWeights(slot: number): void {
    const { records, beliefs, gated, weights } = this;
    const at = records.sharesOf(slot);
    let believed = 0;
    for (let statistic = 0; statistic < STATISTICS; statistic++) {
      const belief = records.shares[at + share.beliefs + statistic] as number;
      beliefs[statistic] = belief;
      believed += belief;
    }
    for (let statistic = 0; statistic < STATISTICS; statistic++) {
      beliefs[statistic] = (beliefs[statistic] as number) / believed;
    }
    let sum = 0;
    for (let weighed = 0; weighed < WEIGHED; weighed++) {
      const weight = records.shares[at + share.weights + weighed] as number;
      gated[weighed] = weight;
      sum += weight;
    }
    this.isGated = sum > 0;
    const { trust } = this.templates.get(records.count(slot, count.template));
    const trusted = this.isGated ? (trust * (1 - BACKGROUND_MIN)) / sum : 0;
    const rest = (1 - BACKGROUND_MIN) * (this.isGated ? 1 - trust : 1);
    for (let weighed = 0; weighed < WEIGHED; weighed++) {
      weights[weighed] = trusted * (gated[weighed] as number) + rest * (beliefs[weighed] as number);
      if (this.isGated) gated[weighed] = (gated[weighed] as number) / sum;
    }
    weights[0] = (weights[0] as number) + BACKGROUND_MIN;
  }

  /** Probability that the next gap of the key in focus lies between two. */
  between(fromMs: number, toMs: number): number {
    const { weights, each } = this;
    this.eachBetween(fromMs, toMs, each);
    let between = 0;
    for (let weighed = 0; weighed < WEIGHED; weighed++) {
      between += (weights[weighed] as number) * (each[weighed] as number);
    }
    return between;
  }

  /** Probability of this gap, to the millisecond; `probabilities` has each distribution's. */
  probability(gapMs: number): number {
    const { each, weights, probabilities } = this;
    this.eachBetween(gapMs > HALF_MS ? gapMs - HALF_MS : 0, gapMs + HALF_MS, each);
    const floor = FLOOR * Math.max(each[0] as number, PROBABILITY_MIN);
    let probability = 0;
    for (let weighed = 0; weighed < WEIGHED; weighed++) {
      const floored = (1 - FLOOR) * (each[weighed] as number) + floor;
      probabilities[weighed] = floored;
      probability += (weights[weighed] as number) * floored;
    }
    return probability;
  }

  private eachBetween(fromMs: number, toMs: number, out: Float64Array): void {
    this.statistics.between(fromMs, toMs, out);
    if (!this.isGated) {
      out.fill(0, STATISTICS);
      return;
    }
    const from = fromMs > 0 ? Math.log(fromMs) : -Infinity;
    const to = Math.log(toMs);
    for (let component = 0; component < COMPONENTS; component++) {
      const mean = this.means[component] as number;
      const width = this.widths[component] as number;
      out[STATISTICS + component] = normalBetween((from - mean) / width, (to - mean) / width);
    }
  }
}
