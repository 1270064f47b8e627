/** Ascending copy of what was measured. */
export function ascending(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b);
}

/** The smallest value that at least the share `q` of the values do not exceed; NaN of nothing. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = ascending(values);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
}

/** The middle value, or the mean of the two middle ones; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = ascending(values);
  const upper = sorted[sorted.length >> 1] ?? Number.NaN;
  const lower = sorted[(sorted.length - 1) >> 1] ?? Number.NaN;
  return (lower + upper) / 2;
}

export function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/**
 * Median over the rounds of `a / b`, each taken within one round: what slows the machine down for a
 * while slows both, so their ratio holds where their rates do not. Rounds that lack one are left out.
 */
export function pairedRatio(
  a: readonly (number | undefined)[],
  b: readonly (number | undefined)[],
): number {
  return median(pairedRatios(a, b));
}

export function pairedRatios(
  a: readonly (number | undefined)[],
  b: readonly (number | undefined)[],
): number[] {
  const ratios: number[] = [];
  for (const [round, value] of a.entries()) {
    const other = b[round];
    if (value !== undefined && other !== undefined) ratios.push(value / other);
  }
  return ratios;
}

/** Jain, Chiu and Hawe 1984: 1 where all shares are alike, 1/n where one has all; NaN of nothing. */
export function jainFairness(shares: readonly number[]): number {
  const total = sum(shares);
  return (total * total) / (shares.length * sum(shares.map(share => share * share)));
}
