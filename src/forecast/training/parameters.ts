import * as tf from '@tensorflow/tfjs-core';
import type { NetworkShape } from '../network/shape.js';
import { outputLayout } from '../network/shape.js';
import { emptyWeights, GATES, type NetworkWeights } from '../network/weights.js';
import { lnGapOf } from './loss.js';
import type { LstmParameters } from './lstm.js';
import type { TrainingRandom } from './random.js';
import type { TrainingSet } from './training-set.js';

/** Of a component at first: the experts keep e^3 times its weight until the network knows better. */
const FIRST_LOGIT = -3;
/** A new unit remembers, until it learns to forget. */
const FIRST_FORGET_BIAS = 1;
/** Weights of the head at first are smaller than a layer's by so much: it begins with its bias. */
const FIRST_HEAD_SHARE = 0.1;
/** An input that never changed is not made larger than it is. */
const DEVIATION_MIN = 1e-3;

/** All that training changes, where TensorFlow.js changes it. */
export class Parameters {
  readonly lstm: LstmParameters & Record<keyof LstmParameters, tf.Variable>;
  readonly headKernel: tf.Variable<tf.Rank.R2>;
  readonly headBias: tf.Variable<tf.Rank.R1>;
  private readonly shape: NetworkShape;
  private readonly outputs: number;

  constructor(private readonly begun: NetworkWeights) {
    const { shape } = begun;
    this.shape = shape;
    this.outputs = outputLayout(shape).length;
    const gates = GATES * shape.units;
    const { units } = shape;
    const variable = <R extends tf.Rank>(
      numbers: Float32Array,
      dimensions: tf.ShapeMap[R],
    ): tf.Variable<R> => tf.tidy(() => tf.variable(tf.tensor<R>(numbers, dimensions)));
    this.lstm = {
      kernel: variable<tf.Rank.R2>(exchanged(begun.kernel, units), [shape.inputs, gates]),
      recurrent: variable<tf.Rank.R2>(exchanged(begun.recurrent, units), [units, gates]),
      bias: variable<tf.Rank.R1>(exchanged(begun.bias, units), [gates]),
    };
    // A copy: the cpu backend computes in the very array that it is given.
    this.headKernel = variable(begun.headKernel.slice(), [units, this.outputs]);
    this.headBias = variable(begun.headBias.slice(), [this.outputs]);
  }

  /** In the order in which gradients are given to the optimizer. */
  get variables(): readonly tf.Variable[] {
    const { kernel, recurrent, bias } = this.lstm;
    return [kernel, recurrent, bias, this.headKernel, this.headBias];
  }

  /** A copy of what they are now. */
  weights(): NetworkWeights {
    const { begun, lstm } = this;
    const { units } = this.shape;
    const read = (variable: tf.Variable): Float32Array =>
      Float32Array.from(variable.dataSync<'float32'>());
    return {
      ...begun,
      kernel: exchanged(read(lstm.kernel), units),
      recurrent: exchanged(read(lstm.recurrent), units),
      bias: exchanged(read(lstm.bias), units),
      headKernel: read(this.headKernel),
      headBias: read(this.headBias),
    };
  }

  dispose(): void {
    for (const variable of this.variables) variable.dispose();
  }
}

/** Exchanges cell and output gate in each row, forth and back. */
function exchanged(from: Float32Array, units: number): Float32Array {
  const to = Float32Array.from(from);
  for (let row = 0; row < from.length; row += GATES * units) {
    const cell = row + 2 * units;
    const output = row + 3 * units;
    to.set(from.subarray(output, output + units), cell);
    to.set(from.subarray(cell, cell + units), output);
  }
  return to;
}

/** Weights before any training: they say nothing of the inputs, and little against the experts. */
export function firstWeights(
  set: TrainingSet,
  rows: number,
  version: number,
  random: TrainingRandom,
): NetworkWeights {
  const { shape } = set;
  const weights = emptyWeights(shape, version);
  const { units, components } = shape;
  const layout = outputLayout(shape);
  fillEvenly(weights.kernel, Math.sqrt(6 / (shape.inputs + GATES * units)), random);
  fillEvenly(weights.recurrent, Math.sqrt(6 / (units + GATES * units)), random);
  weights.bias.fill(FIRST_FORGET_BIAS, units, 2 * units);
  const headLimit = FIRST_HEAD_SHARE * Math.sqrt(6 / (units + layout.length));
  fillEvenly(weights.headKernel, headLimit, random);
  const lnGaps = Float64Array.from({ length: rows }, (_, row) => lnGapOf(set.gapMs[row] as number));
  lnGaps.sort();
  const spread = deviation(lnGaps) / Math.sqrt(components);
  for (let k = 0; k < components; k++) {
    weights.headBias[layout.logits + k] = shape.experts > 0 ? FIRST_LOGIT : 0;
    const quantile = Math.floor(((k + 0.5) / components) * rows);
    weights.headBias[layout.means + k] = lnGaps[quantile] ?? 0;
    weights.headBias[layout.lnSigmas + k] = Math.log(Math.max(spread, 0.1));
  }
  normaliseBy(weights, set, rows);
  return weights;
}

/** Weights that do the same as `from`, with inputs normalised by what is usual now. */
export function renormalised(from: NetworkWeights, set: TrainingSet, rows: number): NetworkWeights {
  const weights: NetworkWeights = {
    ...from,
    inputMean: Float32Array.from(from.inputMean),
    inputScale: Float32Array.from(from.inputScale),
    kernel: Float32Array.from(from.kernel),
    bias: Float32Array.from(from.bias),
  };
  normaliseBy(weights, set, rows);
  const gates = GATES * from.shape.units;
  for (let input = 0; input < from.shape.inputs; input++) {
    const scaleBefore = from.inputScale[input] as number;
    const ratio = scaleBefore / (weights.inputScale[input] as number);
    const shift =
      ((weights.inputMean[input] as number) - (from.inputMean[input] as number)) * scaleBefore;
    for (let gate = 0; gate < gates; gate++) {
      const at = input * gates + gate;
      const before = from.kernel[at] as number;
      weights.kernel[at] = before * ratio;
      weights.bias[gate] = (weights.bias[gate] as number) + before * shift;
    }
  }
  return weights;
}

function normaliseBy(weights: NetworkWeights, set: TrainingSet, rows: number): void {
  const { inputs } = set.shape;
  const column = new Float64Array(rows);
  for (let input = 0; input < inputs; input++) {
    for (let row = 0; row < rows; row++) column[row] = set.inputs[row * inputs + input] as number;
    const spread = deviation(column);
    weights.inputMean[input] = mean(column);
    weights.inputScale[input] = spread < DEVIATION_MIN ? 1 : 1 / spread;
  }
}

function fillEvenly(numbers: Float32Array, limit: number, random: TrainingRandom): void {
  for (let i = 0; i < numbers.length; i++) numbers[i] = (2 * random.next() - 1) * limit;
}

function mean(numbers: Float64Array): number {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}

function deviation(numbers: Float64Array): number {
  const middle = mean(numbers);
  const squares = numbers.reduce((sum, number) => sum + (number - middle) ** 2, 0);
  return Math.sqrt(squares / numbers.length);
}
