/** How far off a gap that is remembered may be, as a part of it; at least a millisecond. */
const WIDE = 0.15;

/** How far from a gap that is remembered another may be to be taken for it, in ms. */
export function nearbyMs(nearMs: number): number {
  return nearMs * WIDE > 1 ? nearMs * WIDE : 1;
}

/** The part of a gap's neighbourhood that is shorter: three evenly spread, one in the other. */
export function nearBelow(gapMs: number, nearMs: number, wideMs: number): number {
  if (gapMs <= nearMs - wideMs) return 0;
  if (gapMs >= nearMs + wideMs) return 1;
  const middleMs = nearMs * 0.01 > 0.5 ? nearMs * 0.01 : 0.5;
  return (
    0.33 * evenBelow(gapMs, nearMs, 0.5) +
    0.32 * evenBelow(gapMs, nearMs, middleMs) +
    0.35 * evenBelow(gapMs, nearMs, wideMs)
  );
}

function evenBelow(gapMs: number, nearMs: number, widthMs: number): number {
  const from = nearMs > widthMs ? nearMs - widthMs : 0;
  const share = (gapMs - from) / (nearMs + widthMs - from);
  return share < 0 ? 0 : share > 1 ? 1 : share;
}
