import { outputLayout, stateLength } from './shape.js';
import { GATES, type NetworkWeights } from './weights.js';

/** An input farther from the mean than so many deviations says no more than that. */
export const INPUT_DEVIATIONS_MAX = 8;

/** Outputs whose sums are formed in one pass through the hidden values. */
const HEADS_AT_ONCE = 4;

/**
 * One step of an LSTM and its head: what TensorFlow.js computes in training, in plain arrays, since on
 * the path of a request even its smallest batch would cost more than all the rest.
 */
export class Network {
  readonly inputs: number;
  readonly outputs: number;
  readonly stateLength: number;
  private readonly units: number;
  private readonly mean: Float64Array;
  private readonly scale: Float64Array;
  /**
   * Of each unit, for each input, each hidden value and the bias: its four gates side by side, so that
   * one pass through memory in its order feeds four sums at once. In double precision, which saves
   * converting each of them at each step.
   */
  private readonly gates: Float64Array;
  /** The same of the head, for four outputs at once. */
  private readonly head: Float64Array;
  /** Normalised inputs, the hidden values as they were before this step, and 1 for the bias. */
  private readonly read: Float64Array;
  /** The hidden values after this step, and 1 for the bias. */
  private readonly hidden: Float64Array;

  constructor(weights: NetworkWeights) {
    const { inputs, units } = weights.shape;
    this.inputs = inputs;
    this.units = units;
    this.outputs = outputLayout(weights.shape).length;
    this.stateLength = stateLength(weights.shape);
    this.mean = Float64Array.from(weights.inputMean);
    this.scale = Float64Array.from(weights.inputScale);
    this.gates = gatesByUnit(weights);
    this.head = headByOutput(weights, this.outputs);
    this.read = new Float64Array(inputs + units + 1).fill(1);
    this.hidden = new Float64Array(units + 1).fill(1);
  }

  /**
   * Reads one event. `inputs` has one number for each input, `state` (2 * units: hidden values, then
   * cells; all 0 before the first event) is brought forward in place, and `outputs` is filled as
   * `outputLayout` says. Allocates nothing.
   */
  step(inputs: Float32Array, state: Float32Array, outputs: Float32Array): void {
    this.take(inputs, state);
    const { units, gates, read, hidden } = this;
    const length = read.length;
    let at = 0;
    for (let unit = 0; unit < units; unit++) {
      let input = 0;
      let forget = 0;
      let cell = 0;
      let output = 0;
      for (let i = 0; i < length; i++, at += GATES) {
        const value = read[i] as number;
        input += value * (gates[at] as number);
        forget += value * (gates[at + 1] as number);
        cell += value * (gates[at + 2] as number);
        output += value * (gates[at + 3] as number);
      }
      const kept = sigmoid(forget) * (state[units + unit] as number) + sigmoid(input) * tanh(cell);
      const shown = sigmoid(output) * tanh(kept);
      state[units + unit] = kept;
      state[unit] = shown;
      hidden[unit] = shown;
    }
    this.give(outputs);
  }

  private take(inputs: Float32Array, state: Float32Array): void {
    const { read, mean, scale, units } = this;
    const count = this.inputs;
    for (let i = 0; i < count; i++) {
      const value = ((inputs[i] as number) - (mean[i] as number)) * (scale[i] as number);
      read[i] =
        value > INPUT_DEVIATIONS_MAX
          ? INPUT_DEVIATIONS_MAX
          : value < -INPUT_DEVIATIONS_MAX
            ? -INPUT_DEVIATIONS_MAX
            : value;
    }
    for (let unit = 0; unit < units; unit++) read[count + unit] = state[unit] as number;
  }

  private give(outputs: Float32Array): void {
    const { units, head, hidden } = this;
    const count = this.outputs;
    let at = 0;
    for (let output = 0; output < count; output += HEADS_AT_ONCE) {
      let first = 0;
      let second = 0;
      let third = 0;
      let fourth = 0;
      // The last hidden value is 1, for the bias.
      for (let unit = 0; unit <= units; unit++, at += HEADS_AT_ONCE) {
        const value = hidden[unit] as number;
        first += value * (head[at] as number);
        second += value * (head[at + 1] as number);
        third += value * (head[at + 2] as number);
        fourth += value * (head[at + 3] as number);
      }
      // Written beyond the end, a number is lost: so it should be.
      outputs[output] = first;
      outputs[output + 1] = second;
      outputs[output + 2] = third;
      outputs[output + 3] = fourth;
    }
  }
}

function gatesByUnit(weights: NetworkWeights): Float64Array {
  const { inputs, units } = weights.shape;
  const rows = inputs + units + 1;
  const gates = new Float64Array(GATES * units * rows);
  for (let unit = 0; unit < units; unit++) {
    for (let gate = 0; gate < GATES; gate++) {
      const column = gate * units + unit;
      const put = (row: number, from: Float32Array, fromRow: number): void => {
        gates[(unit * rows + row) * GATES + gate] = from[
          fromRow * GATES * units + column
        ] as number;
      };
      for (let row = 0; row < inputs; row++) put(row, weights.kernel, row);
      for (let row = 0; row < units; row++) put(inputs + row, weights.recurrent, row);
      put(inputs + units, weights.bias, 0);
    }
  }
  return gates;
}

function headByOutput(weights: NetworkWeights, outputs: number): Float64Array {
  const { units } = weights.shape;
  const blocks = Math.ceil(outputs / HEADS_AT_ONCE);
  const head = new Float64Array(blocks * HEADS_AT_ONCE * (units + 1));
  for (let output = 0; output < outputs; output++) {
    const block = Math.floor(output / HEADS_AT_ONCE) * HEADS_AT_ONCE * (units + 1);
    const at = (unit: number): number => block + unit * HEADS_AT_ONCE + (output % HEADS_AT_ONCE);
    for (let unit = 0; unit < units; unit++) {
      head[at(unit)] = weights.headKernel[unit * outputs + output] as number;
    }
    head[at(units)] = weights.headBias[output] as number;
  }
  return head;
}

function sigmoid(x: number): number {
  return 0.5 + 0.5 * tanh(0.5 * x);
}

/** Beyond it the hyperbolic tangent is 1 in single precision. */
const TANH_ONE_FROM = 7.905311107635498;

/**
 * The hyperbolic tangent as a ratio of two polynomials: exact to single precision, and several times
 * faster than Math.tanh. The coefficients are those of Eigen (MathFunctionsImpl.h, `ptanh_float`).
 */
function tanh(value: number): number {
  const x = value > TANH_ONE_FROM ? TANH_ONE_FROM : value < -TANH_ONE_FROM ? -TANH_ONE_FROM : value;
  const y = x * x;
  let above = -2.76076847742355e-16;
  above = above * y + 2.00018790482477e-13;
  above = above * y - 8.60467152213735e-11;
  above = above * y + 5.12229709037114e-8;
  above = above * y + 1.48572235717979e-5;
  above = above * y + 6.37261928875436e-4;
  above = above * y + 4.89352455891786e-3;
  let below = 1.19825839466702e-6;
  below = below * y + 1.18534705686654e-4;
  below = below * y + 2.268434632439e-3;
  below = below * y + 4.89352518554385e-3;
  return (x * above) / below;
}
