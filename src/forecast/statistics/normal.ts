/** The normal distribution function, by Abramowitz and Stegun 7.1.26; its error is below 2e-7. */
export function normalBelow(z: number): number {
  if (z < -8) return 0;
  if (z > 8) return 1;
  const x = z < 0 ? -z * Math.SQRT1_2 : z * Math.SQRT1_2;
  const t = 1 / (1 + 0.3275911 * x);
  const poly =
    t *
    (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const tail = 0.5 * poly * Math.exp(-x * x);
  return z < 0 ? tail : 1 - tail;
}

/** Probability between two; 0 where rounding would make it negative. */
export function normalBetween(from: number, to: number): number {
  // In the upper tail both are near 1, and their difference is lost: the lower tail has it.
  const between =
    from > 0 ? normalBelow(-from) - normalBelow(-to) : normalBelow(to) - normalBelow(from);
  return between > 0 ? between : 0;
}
