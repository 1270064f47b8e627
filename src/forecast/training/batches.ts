import * as tf from '@tensorflow/tfjs-core';
import { INPUT_DEVIATIONS_MAX } from '../network/network.js';
import type { NetworkWeights } from '../network/weights.js';
import { type Lanes, NO_ROW } from './lanes.js';
import { boundedLn, grainOf, isAtOnce, type LossRows, lnGapOf } from './loss.js';
import type { TrainingSet } from './training-set.js';

/** Some steps of all lanes. */
export interface Batch extends LossRows {
  /** Each lanes x inputs. */
  readonly steps: readonly tf.Tensor2D[];
  /** All of them in one: (steps * lanes) x inputs. */
  readonly inputs: tf.Tensor2D;
  /** For each step lanes x 1, or null where all lanes go on. */
  readonly kept: readonly (tf.Tensor2D | null)[];
}

/** Rows of a set as tensors. */
export class Batches {
  private readonly normal: Float32Array;

  /** Inputs are normalised as `weights` says: training does not change that. */
  constructor(
    private readonly set: TrainingSet,
    weights: NetworkWeights,
  ) {
    this.normal = normalised(set, weights);
  }

  /** Steps [from, to) of the lanes. The tensors belong to the scope in which this is called. */
  batch(lanes: Lanes, from: number, to: number): Batch {
    const { inputs } = this.set.shape;
    const width = lanes.lanes;
    const rows = lanes.rows.subarray(from * width, to * width);
    const read = new Float32Array(rows.length * inputs);
    for (const [at, row] of rows.entries()) {
      if (row === NO_ROW) continue;
      read.set(this.normal.subarray(row * inputs, (row + 1) * inputs), at * inputs);
    }
    const stepLength = width * inputs;
    const steps: tf.Tensor2D[] = [];
    for (let at = 0; at < read.length; at += stepLength) {
      steps.push(tf.tensor2d(read.slice(at, at + stepLength), [width, inputs]));
    }
    return {
      steps,
      inputs: tf.tensor2d(read, [rows.length, inputs]),
      kept: steps.map((_, step) => keptAt(lanes, from + step)),
      ...this.lossRows(rows),
    };
  }

  private lossRows(rows: Int32Array): LossRows {
    const { set } = this;
    const { experts } = set.shape;
    const lnGap = new Float32Array(rows.length);
    const grain = new Float32Array(rows.length);
    const atOnce = new Float32Array(rows.length);
    const share = new Float32Array(rows.length);
    const density = new Float32Array(rows.length * experts);
    const weight = new Float32Array(rows.length * experts);
    const count = rows.reduce((sum, row) => sum + (row === NO_ROW ? 0 : 1), 0);
    for (const [at, row] of rows.entries()) {
      if (row === NO_ROW) continue;
      const gapMs = set.gapMs[row] as number;
      lnGap[at] = lnGapOf(gapMs);
      grain[at] = grainOf(gapMs);
      atOnce[at] = isAtOnce(gapMs) ? 1 : 0;
      share[at] = 1 / count;
      for (let j = 0; j < experts; j++) {
        density[at * experts + j] = boundedLn(set.expertLogDensity[row * experts + j] as number);
        weight[at * experts + j] = boundedLn(set.expertLogWeight[row * experts + j] as number);
      }
    }
    const ofExperts = (numbers: Float32Array): tf.Tensor2D | null =>
      experts > 0 ? tf.tensor2d(numbers, [rows.length, experts]) : null;
    return {
      lnGap: tf.tensor2d(lnGap, [rows.length, 1]),
      grain: tf.tensor2d(grain, [rows.length, 1]),
      atOnce: tf.tensor2d(atOnce, [rows.length, 1]),
      share: tf.tensor2d(share, [rows.length, 1]),
      expertDensity: ofExperts(density),
      expertWeight: ofExperts(weight),
    };
  }
}

function keptAt(lanes: Lanes, step: number): tf.Tensor2D | null {
  const goesOn = lanes.goesOn.subarray(step * lanes.lanes, (step + 1) * lanes.lanes);
  if (goesOn.every(flag => flag === 1)) return null;
  return tf.tensor2d(Float32Array.from(goesOn), [lanes.lanes, 1]);
}

function normalised(set: TrainingSet, weights: NetworkWeights): Float32Array {
  const { inputs } = set.shape;
  const normal = new Float32Array(set.count * inputs);
  for (let at = 0; at < normal.length; at++) {
    const input = at % inputs;
    const mean = weights.inputMean[input] as number;
    const value = ((set.inputs[at] as number) - mean) * (weights.inputScale[input] as number);
    normal[at] = Math.min(Math.max(value, -INPUT_DEVIATIONS_MAX), INPUT_DEVIATIONS_MAX);
  }
  return normal;
}
