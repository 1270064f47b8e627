import { Gaps } from './gaps.js';

/** Probability, after a request, that no further one comes, where nothing is known yet … */
const END_PROBABILITY = 0.05;
/** … and how many observations that guess weighs. */
const GUESS_WEIGHT = 2;
/** Uses are told apart up to this one; later ones are alike. */
const USES_TOLD_APART = 16;
/** Observations of one use that are kept; the older half is forgotten then. */
const OBSERVED_MAX = 200;
/** Gaps of a template that say something of a key that has none of its own. */
const GAPS_MIN = 5;

/**
 * How the keys of one template are used: how many times in a row, and at which pace. `order:{}` is
 * locked for three steps and never again: so its first two uses foretell the next, and its third
 * foretells none, for an order that was never seen before too.
 */
export class TemplateUses {
  private readonly allGaps = new Gaps();
  private readonly wentOn = new Float64Array(USES_TOLD_APART);
  private readonly ended = new Float64Array(USES_TOLD_APART);

  /** The gaps of all keys; null while they are too few. */
  get gaps(): Gaps | null {
    return this.allGaps.count >= GAPS_MIN ? this.allGaps : null;
  }

  /** Probability that a key which was asked for so many times in a row is asked for again. */
  goesOnAfter(uses: number): number {
    const at = slot(uses);
    const wentOn = this.wentOn[at] ?? 0;
    const ended = this.ended[at] ?? 0;
    return (wentOn + (1 - END_PROBABILITY) * GUESS_WEIGHT) / (wentOn + ended + GUESS_WEIGHT);
  }

  noteWentOn(uses: number, gapMs: number): void {
    this.allGaps.add(gapMs);
    this.count(this.wentOn, slot(uses));
  }

  noteEnded(uses: number): void {
    this.count(this.ended, slot(uses));
  }

  private count(counts: Float64Array, at: number): void {
    counts[at] = (counts[at] ?? 0) + 1;
    if ((this.wentOn[at] ?? 0) + (this.ended[at] ?? 0) < OBSERVED_MAX) return;
    this.wentOn[at] = (this.wentOn[at] ?? 0) / 2;
    this.ended[at] = (this.ended[at] ?? 0) / 2;
  }
}

function slot(uses: number): number {
  return Math.min(uses, USES_TOLD_APART) - 1;
}
