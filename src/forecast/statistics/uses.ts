/** Probability, after a request, that a further one comes, where nothing is known yet … */
const GOES_ON = 0.95;
/** … and how many observations that guess weighs, or what is known of all templates. */
const GUESS_WEIGHT = 4;
/** Uses are told apart up to this one; later ones are alike. */
const USES_TOLD_APART = 16;
/** Observations of one use that are kept; the older half is forgotten then. */
const OBSERVED_MAX = 200;

/**
 * How many times the keys of one template are asked for. `order:{}` is locked for three steps and
 * never again: so its first two uses foretell the next, and its third foretells none, for an order
 * that was never seen before too. Where little is known of a template, all of them say what is usual.
 */
export class Uses {
  private readonly wentOn = new Float32Array(USES_TOLD_APART);
  private readonly ended = new Float32Array(USES_TOLD_APART);

  constructor(private readonly all: Uses | null) {}

  /** Probability that a key which was asked for so many times is asked for again. */
  goesOnAfter(uses: number): number {
    const at = slot(uses);
    const wentOn = this.wentOn[at] as number;
    const ended = this.ended[at] as number;
    const usual = this.all?.goesOnAfter(uses) ?? GOES_ON;
    return (wentOn + usual * GUESS_WEIGHT) / (wentOn + ended + GUESS_WEIGHT);
  }

  noteWentOn(uses: number): void {
    this.count(this.wentOn, slot(uses));
    this.all?.noteWentOn(uses);
  }

  noteEnded(uses: number): void {
    this.count(this.ended, slot(uses));
    this.all?.noteEnded(uses);
  }

  /** It had been taken for ended, and went on. */
  noteReturned(uses: number): void {
    const at = slot(uses);
    this.ended[at] = Math.max(0, (this.ended[at] as number) - 1);
    this.count(this.wentOn, at);
    this.all?.noteReturned(uses);
  }

  private count(counts: Float32Array, at: number): void {
    counts[at] = (counts[at] as number) + 1;
    if ((this.wentOn[at] as number) + (this.ended[at] as number) <= OBSERVED_MAX) return;
    this.wentOn[at] = (this.wentOn[at] as number) / 2;
    this.ended[at] = (this.ended[at] as number) / 2;
  }
}

function slot(uses: number): number {
  return Math.min(Math.max(uses, 1), USES_TOLD_APART) - 1;
}
