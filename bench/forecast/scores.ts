/** Scores of one model at many moments, and what came of them. */
export interface ScoreFigures {
  readonly moments: number;
  /** Share of the moments after which the request came within the window. */
  readonly cameTrue: number | null;
  readonly brier: number | null;
  readonly ece: number | null;
  readonly auc: number | null;
}

const BINS = 10;

/** `truths` holds 1 where the request came, else 0. */
export function scoreFigures(scores: Float64Array, truths: Uint8Array): ScoreFigures {
  const moments = scores.length;
  if (moments === 0) return { moments, cameTrue: null, brier: null, ece: null, auc: null };
  const sums = new Float64Array(BINS);
  let squares = 0;
  let positives = 0;
  for (let moment = 0; moment < moments; moment++) {
    const score = scores[moment] as number;
    const off = score - (truths[moment] as number);
    squares += off * off;
    positives += truths[moment] as number;
    const bin = Math.min(BINS - 1, Math.floor(score * BINS));
    sums[bin] = (sums[bin] as number) + off;
  }
  const ece = sums.reduce((sum, off) => sum + Math.abs(off), 0) / moments;
  return {
    moments,
    cameTrue: positives / moments,
    brier: squares / moments,
    ece,
    auc: areaUnderCurve(scores, truths, positives),
  };
}

/** Probability that a moment before a request has a higher score than one before none; ties count half. */
function areaUnderCurve(
  scores: Float64Array,
  truths: Uint8Array,
  positives: number,
): number | null {
  const negatives = scores.length - positives;
  if (positives === 0 || negatives === 0) return null;
  const order = Uint32Array.from(scores, (_, moment) => moment);
  order.sort((one, other) => (scores[one] as number) - (scores[other] as number));
  let ranks = 0;
  for (let from = 0; from < order.length; ) {
    const score = scores[order[from] as number];
    let until = from;
    let ups = 0;
    while (until < order.length && scores[order[until] as number] === score) {
      ups += truths[order[until] as number] as number;
      until++;
    }
    ranks += ups * ((from + until + 1) / 2);
    from = until;
  }
  return (ranks - (positives * (positives + 1)) / 2) / (positives * negatives);
}
