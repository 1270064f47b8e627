import { GatedDensity } from '../network/density.js';
import { Network } from '../network/network.js';
import type { NetworkWeights } from '../network/weights.js';
import type { TrainingSet } from './training-set.js';

/** So many events of a key before the slice make its memory what it would be in earnest. */
const EVENTS_BEFORE = 128;

/**
 * Mean negative log-likelihood, in nats per row, of rows [from, to) under a network that has read the
 * events before them, computed by the code that acts.
 */
export function meanLoss(
  set: TrainingSet,
  weights: NetworkWeights,
  from: number,
  to: number,
): number {
  const network = new Network(weights);
  const density = new GatedDensity(set.shape);
  const { inputs, experts } = set.shape;
  const outputs = new Float32Array(network.outputs);
  const states = new Map<number, Float32Array>();
  let sum = 0;
  const read = rowsToRead(set, from, to);
  for (let row = 0; row < to; row++) {
    if (read[row] === 0) continue;
    const key = set.sequence[row] as number;
    let state = states.get(key);
    if (state === undefined) {
      state = new Float32Array(network.stateLength);
      states.set(key, state);
    }
    network.step(set.inputs.subarray(row * inputs, (row + 1) * inputs), state, outputs);
    if (row < from) continue;
    const gapMs = set.gapMs[row] as number;
    const at = row * experts;
    sum -= density.ln(outputs, gapMs, set.expertLogDensity, set.expertLogWeight, at);
  }
  return sum / (to - from);
}

/** The same of the experts alone. */
export function meanLossOfExperts(set: TrainingSet, from: number, to: number): number {
  const density = new GatedDensity(set.shape);
  const { experts } = set.shape;
  let sum = 0;
  for (let row = from; row < to; row++) {
    sum -= density.lnOfExperts(set.expertLogDensity, set.expertLogWeight, row * experts);
  }
  return sum / (to - from);
}

/** 1 for the rows of the slice and the last events before it of each of its keys. */
function rowsToRead(set: TrainingSet, from: number, to: number): Uint8Array {
  const read = new Uint8Array(to).fill(1, from);
  const missing = new Map<number, number>();
  for (let row = from; row < to; row++) missing.set(set.sequence[row] as number, EVENTS_BEFORE);
  for (let row = from - 1; row >= 0 && missing.size > 0; row--) {
    const key = set.sequence[row] as number;
    const left = missing.get(key);
    if (left === undefined) continue;
    read[row] = 1;
    if (left > 1) missing.set(key, left - 1);
    else missing.delete(key);
  }
  return read;
}
