import type { NetworkShape } from '../network/shape.js';

/**
 * What a network learns from. A row is an event of a key that was followed by another, in order of
 * that other's time: so a split by row is one by time, and no row knows what came after the split.
 */
export interface TrainingSet {
  readonly count: number;
  readonly shape: NetworkShape;
  /** count * inputs: the inputs as they stood after the event. */
  readonly inputs: Float32Array;
  /** count * experts: ln of the density, per ms, that each expert gave to the gap. */
  readonly expertLogDensity: Float32Array;
  /** count * experts: ln of each expert's weight before the gap was known. */
  readonly expertLogWeight: Float32Array;
  /** The gap to the key's next event. */
  readonly gapMs: Float64Array;
  /** A number for the key. */
  readonly sequence: Int32Array;
}

/** The rows of a set that hold numbers alone; null where all do. */
export function soundRows(set: TrainingSet): Int32Array | null {
  const sound = new Int32Array(set.count);
  let count = 0;
  for (let row = 0; row < set.count; row++) if (isSound(set, row)) sound[count++] = row;
  return count === set.count ? null : sound.subarray(0, count);
}

/** A density or weight of 0 is a number like others: its ln alone may be without end. */
function isSound(set: TrainingSet, row: number): boolean {
  const { inputs, experts } = set.shape;
  const gapMs = set.gapMs[row] as number;
  if (!Number.isFinite(gapMs) || gapMs < 0) return false;
  for (let i = row * inputs; i < (row + 1) * inputs; i++) {
    if (!Number.isFinite(set.inputs[i])) return false;
  }
  for (let i = row * experts; i < (row + 1) * experts; i++) {
    if (!((set.expertLogDensity[i] as number) < Number.POSITIVE_INFINITY)) return false;
    if (!((set.expertLogWeight[i] as number) < Number.POSITIVE_INFINITY)) return false;
  }
  return true;
}

/** The set with these rows alone, in this order. */
export function rowsOf(set: TrainingSet, rows: Int32Array): TrainingSet {
  const { inputs, experts } = set.shape;
  return {
    count: rows.length,
    shape: set.shape,
    inputs: picked(set.inputs, rows, inputs),
    expertLogDensity: picked(set.expertLogDensity, rows, experts),
    expertLogWeight: picked(set.expertLogWeight, rows, experts),
    gapMs: Float64Array.from(rows, row => set.gapMs[row] as number),
    sequence: Int32Array.from(rows, row => set.sequence[row] as number),
  };
}

function picked(from: Float32Array, rows: Int32Array, width: number): Float32Array {
  const to = new Float32Array(rows.length * width);
  for (const [at, row] of rows.entries()) {
    to.set(from.subarray(row * width, (row + 1) * width), at * width);
  }
  return to;
}

/** Rows [from, to) by key: of each key all its rows in order of time, keys in order of appearance. */
export function rowsByKey(set: TrainingSet, from: number, to: number): readonly Int32Array[] {
  const byKey = new Map<number, number[]>();
  for (let row = from; row < to; row++) {
    const key = set.sequence[row] as number;
    const rows = byKey.get(key);
    if (rows === undefined) byKey.set(key, [row]);
    else rows.push(row);
  }
  return [...byKey.values()].map(rows => Int32Array.from(rows));
}
