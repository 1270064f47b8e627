import { BINS, binOf, shareBelow } from './log-bins.js';

/** Gaps among these bins that lie between two; within a bin they are taken for evenly spread. */
export function countedBetween(
  bins: Uint8Array,
  length: number,
  fromMs: number,
  toMs: number,
): number {
  const from = binOf(fromMs);
  const to = binOf(toMs);
  let inFrom = 0;
  let inTo = 0;
  let inside = 0;
  for (let age = 0; age < length; age++) {
    const bin = bins[age] as number;
    if (bin === from) inFrom++;
    else if (bin === to) inTo++;
    else if (bin > from && bin < to) inside++;
  }
  if (from === to) return inFrom * (shareBelow(toMs, to) - shareBelow(fromMs, from));
  return inside + inFrom * (1 - shareBelow(fromMs, from)) + inTo * shareBelow(toMs, to);
}

/** Probability that a gap lies between two where all bins are alike. */
export function uniformBetween(fromMs: number, toMs: number): number {
  return (placeOf(toMs) - placeOf(fromMs)) / BINS;
}

/** Where a gap lies in the row of bins. */
function placeOf(gapMs: number): number {
  const bin = binOf(gapMs);
  return bin + shareBelow(gapMs, bin);
}
