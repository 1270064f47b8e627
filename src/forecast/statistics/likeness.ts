import { BINS, binEdgesMs } from './log-bins.js';

/** How fast likeness falls with the difference of two gaps, as logarithms. */
const STEEPNESS = 2;

/** How alike two gaps are, 0 to 1, by their bins. */
const table = new Float32Array(BINS * BINS);
for (let one = 0; one < BINS; one++) {
  for (let other = 0; other < BINS; other++) {
    const apart = Math.abs(logOf(one) - logOf(other));
    table[one * BINS + other] = Math.exp(-STEEPNESS * apart);
  }
}

function logOf(bin: number): number {
  const from = binEdgesMs[bin] as number;
  const to = binEdgesMs[bin + 1] as number;
  return Math.log((from + to) / 2 + 1);
}

export function likeness(bin: number, other: number): number {
  return table[bin * BINS + other] as number;
}
