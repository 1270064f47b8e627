/**
 * Gaps, sorted into bins: one for each millisecond up to LINEAR, since clocks of a millisecond are
 * common and 1 and 2 ms are different things; then a fixed number for each octave, since 20 and 25
 * seconds are not.
 */
const LINEAR = 16;
const PER_OCTAVE = 6;
/** From 15.5 ms to twelve days. */
const OCTAVES = 26;

/** The last one holds everything that is longer. */
export const BINS = LINEAR + PER_OCTAVE * OCTAVES + 1;

const FIRST_OCTAVE_MS = LINEAR - 0.5;

/** Where each bin begins, in ms; bin 0 is [0, 0.5), bin 1 [0.5, 1.5). One more than there are bins. */
export const binEdgesMs: Float64Array = Float64Array.from({ length: BINS + 1 }, (_, bin) => {
  if (bin === 0) return 0;
  return bin <= LINEAR ? bin - 0.5 : FIRST_OCTAVE_MS * 2 ** ((bin - LINEAR) / PER_OCTAVE);
});

export function binOf(gapMs: number): number {
  if (gapMs < FIRST_OCTAVE_MS) return gapMs < 0.5 ? 0 : Math.floor(gapMs + 0.5);
  const bin = LINEAR + Math.floor(Math.log2(gapMs / FIRST_OCTAVE_MS) * PER_OCTAVE);
  return bin < BINS ? bin : BINS - 1;
}

/** The part of its bin that lies below a gap, 0 to 1. */
export function shareBelow(gapMs: number, bin: number): number {
  const from = binEdgesMs[bin] as number;
  const share = (gapMs - from) / ((binEdgesMs[bin + 1] as number) - from);
  return share < 0 ? 0 : share > 1 ? 1 : share;
}

/** Levels that a gap is told apart by where it only says what the next one may be like. */
export const LEVELS = 5 + OCTAVES + 1;

/** The level of a bin: the first few milliseconds one by one, then octaves. */
export function levelOf(bin: number): number {
  if (bin < LINEAR) return bin < 4 ? bin : 4;
  return 5 + Math.floor((bin - LINEAR) / PER_OCTAVE);
}
