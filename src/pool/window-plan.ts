/** The time to a key's next request, as far as it is known. */
export interface TimeAhead {
  /** Probability that the next gap lies between two, in ms; given that there is a next request. */
  between(fromMs: number, toMs: number): number;
}

/** Starts that are looked at in each window, near the last request … */
const STARTS_PER_WINDOW = 20;
/** … so many windows far; from there on windows stand side by side … */
const FINE_WINDOWS = 4;
/** … one by one, and farther away in stretches that are kept or not as a whole. */
const STRETCH_GROWTH = 0.08;
/** Where in a window a gap that came before may lie. */
const PLACES = [0.2, 0.5, 0.8] as const;

/**
 * A choice that gains nearly as much as the best is taken where it begins earlier: a reservation takes a
 * round trip, and a request that comes a little sooner than ever should find it.
 */
const NEARLY = 0.98;

/** Stretches that are looked at, at most. */
const STRETCHES_MAX = 512;

/**
 * When a lock is worth being kept, from the last request of its key on. A window gains the probability
 * that the request comes in it, and costs its price as often as it is begun, which is as often as no
 * request has come before. The plan is the best choice among all stretches of windows of which none
 * lies over another (weighted interval scheduling): a window that begins a little later may have more
 * of the same requests in it, and one that is begun now can't be begun again before it is over.
 *
 * Allocates nothing but at its making.
 */
export class WindowPlan {
  /** What was chosen: begin, in ms after the last request, and length in windows. */
  readonly startsMs = new Float64Array(STRETCHES_MAX);
  readonly windows = new Uint32Array(STRETCHES_MAX);
  length = 0;
  /** Of all that was chosen, in hits for each request. */
  gain = 0;

  private count = 0;
  private readonly at = new Float64Array(STRETCHES_MAX);
  private readonly lengths = new Uint32Array(STRETCHES_MAX);
  private readonly within = new Float64Array(STRETCHES_MAX);
  /** Sum over the windows of the probability that the request came before. */
  private readonly before = new Float64Array(STRETCHES_MAX);
  private readonly best = new Float64Array(STRETCHES_MAX + 1);
  private readonly following = new Uint16Array(STRETCHES_MAX);

  constructor(private readonly windowMs: number) {}

  /**
   * What may be chosen from: stretches from `fromMs` after the last request to `horizonMs`, and
   * windows around the gaps that came before. `atOnce` is the probability that the next request comes
   * in the same moment, too early for any window. To be called before `choose`.
   */
  look(
    ahead: TimeAhead,
    fromMs: number,
    horizonMs: number,
    gapsMs: Float32Array,
    gaps: number,
    atOnce: number,
  ): void {
    this.count = this.list(fromMs, horizonMs, gapsMs, gaps);
    const { at, lengths, windowMs, count } = this;
    let before = fromMs > 0 ? ahead.between(0, fromMs) : atOnce;
    let lastMs = fromMs;
    for (let stretch = 0; stretch < count; stretch++) {
      const startMs = at[stretch] as number;
      const length = lengths[stretch] as number;
      if (startMs > lastMs) {
        before += ahead.between(lastMs, startMs) - (lastMs > 0 ? 0 : atOnce);
        lastMs = startMs;
      }
      const endMs = startMs + length * windowMs;
      const within = ahead.between(startMs, endMs) - (startMs > 0 ? 0 : atOnce);
      this.within[stretch] = within;
      this.before[stretch] = length * before + ((length - 1) / 2) * within;
      let reached = stretch + 1;
      // A rounding error is no reason to leave a step between two windows.
      while (reached < count && (at[reached] as number) < endMs - 1) reached++;
      this.following[stretch] = reached;
    }
  }

  private list(fromMs: number, horizonMs: number, gapsMs: Float32Array, gaps: number): number {
    const { windowMs, at, lengths } = this;
    const fineMs = fromMs + FINE_WINDOWS * windowMs;
    let count = 0;
    for (let step = 0; step < FINE_WINDOWS * STARTS_PER_WINDOW; step++) {
      at[count++] = fromMs + (step * windowMs) / STARTS_PER_WINDOW;
    }
    const others = (STRETCHES_MAX - count) / 2;
    for (let gap = 0; gap < gaps && count < others; gap++) {
      for (const place of PLACES) {
        const near = (gapsMs[gap] as number) - place * windowMs;
        if (near > fineMs && near < horizonMs) at[count++] = near;
      }
    }
    const singles = count;
    let startMs = fineMs;
    while (startMs < horizonMs && count < STRETCHES_MAX) {
      at[count++] = startMs;
      startMs += stretchOf(startMs - fromMs, windowMs) * windowMs;
    }
    at.subarray(0, count).sort();
    lengths.fill(1, 0, count);
    if (singles === count) return count;
    // Sorted with the others, the stretches are found again by where they begin.
    startMs = fineMs;
    for (let stretch = 0; stretch < count; stretch++) {
      if (at[stretch] !== startMs) continue;
      const length = stretchOf(startMs - fromMs, windowMs);
      lengths[stretch] = length;
      startMs += length * windowMs;
    }
    return count;
  }

  /**
   * Chooses windows that cost so much of what a hit gains, where a next request comes at all with this
   * probability.
   */
  choose(price: number, goesOn: number): void {
    const { count, best, following } = this;
    best[count] = 0;
    for (let stretch = count - 1; stretch >= 0; stretch--) {
      const gain =
        this.gainOf(stretch, price, goesOn) + (best[following[stretch] as number] as number);
      best[stretch] = Math.max(gain, best[stretch + 1] as number);
    }
    this.gain = count > 0 ? (best[0] as number) : 0;
    this.length = 0;
    for (let stretch = 0; stretch < count; ) {
      const left = best[stretch] as number;
      if (left <= 0) return;
      const gain =
        this.gainOf(stretch, price, goesOn) + (best[following[stretch] as number] as number);
      if (gain < NEARLY * left) stretch++;
      else {
        this.startsMs[this.length] = this.at[stretch] as number;
        this.windows[this.length++] = this.lengths[stretch] as number;
        stretch = following[stretch] as number;
      }
    }
  }

  private gainOf(stretch: number, price: number, goesOn: number): number {
    const hit = goesOn * (this.within[stretch] as number);
    const begun = (this.lengths[stretch] as number) - goesOn * (this.before[stretch] as number);
    return hit - price * begun;
  }
}

/** Windows in the stretch that begins so long after the start. */
function stretchOf(afterMs: number, windowMs: number): number {
  return Math.max(1, Math.floor((afterMs * STRETCH_GROWTH) / windowMs));
}
