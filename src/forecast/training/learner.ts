import * as tf from '@tensorflow/tfjs-core';
import type { NetworkShape } from '../network/shape.js';
import type { NetworkWeights } from '../network/weights.js';
import type { Batch, Batches } from './batches.js';
import type { Lanes } from './lanes.js';
import { loss } from './loss.js';
import { type LstmState, lstmGradient, runLstm } from './lstm.js';
import { Parameters } from './parameters.js';

/** A gradient longer than this is shortened to it: one odd row does not undo what was learnt. */
const GRADIENT_LENGTH_MAX = 1;

/** Adam, at a rate that may be changed under way. */
class Adam extends tf.AdamOptimizer {
  constructor(rate: number) {
    super(rate, 0.9, 0.999, 1e-7);
  }

  set rate(rate: number) {
    this.learningRate = rate;
  }
}

/** Weights on their way from one batch to the next. */
export class Learner {
  private readonly parameters: Parameters;
  private readonly optimizer: Adam;
  private readonly shape: NetworkShape;

  constructor(weights: NetworkWeights, learningRate: number) {
    this.shape = weights.shape;
    this.parameters = new Parameters(weights);
    this.optimizer = new Adam(learningRate);
  }

  set learningRate(rate: number) {
    this.optimizer.rate = rate;
  }

  weights(): NetworkWeights {
    return this.parameters.weights();
  }

  /** Reads all rows of the lanes once; after each `stepsPerUpdate` steps the weights move. */
  learn(batches: Batches, lanes: Lanes, stepsPerUpdate: number): void {
    let state = noState(lanes.lanes, this.shape.units);
    for (let from = 0; from < lanes.steps; from += stepsPerUpdate) {
      const to = Math.min(from + stepsPerUpdate, lanes.steps);
      const before = state;
      state = tf.tidy(() => {
        const { gradients, last } = this.gradients(batches.batch(lanes, from, to), before);
        this.apply(gradients);
        return last;
      });
      tf.dispose([before.hidden, before.cell]);
    }
    tf.dispose([state.hidden, state.cell]);
  }

  /** The mean loss of a batch, its gradient by each of `parameters.variables`, and the last state. */
  gradients(
    batch: Batch,
    state: LstmState,
  ): {
    readonly loss: tf.Scalar;
    readonly gradients: readonly tf.Tensor[];
    readonly last: { hidden: tf.Tensor2D; cell: tf.Tensor2D };
  } {
    const { lstm, headKernel, headBias } = this.parameters;
    const run = runLstm(lstm, batch.steps, batch.kept, state);
    const outputs: tf.Tensor2D = tf.add(tf.matMul(run.hidden, headKernel), headBias);
    const { value, grad: byOutputs } = tf.valueAndGrad(given =>
      loss(given as tf.Tensor2D, batch, this.shape),
    )(outputs) as { value: tf.Scalar; grad: tf.Tensor2D };
    const byHidden: tf.Tensor2D = tf.matMul(byOutputs, tf.transpose(headKernel));
    const { kernel, recurrent, bias } = lstmGradient(lstm, run, batch.inputs, byHidden);
    const byHeadKernel = tf.matMul(tf.transpose(run.hidden), byOutputs);
    return {
      loss: value,
      gradients: [kernel, recurrent, bias, byHeadKernel, tf.sum(byOutputs, 0)],
      last: { ...run.last },
    };
  }

  dispose(): void {
    this.parameters.dispose();
    this.optimizer.dispose();
  }

  private apply(gradients: readonly tf.Tensor[]): void {
    const squares = gradients.map(gradient => tf.sum(tf.square(gradient)));
    const length = tf.sqrt(tf.addN(squares));
    const share = tf.div(GRADIENT_LENGTH_MAX, tf.maximum(length, GRADIENT_LENGTH_MAX));
    const named = this.parameters.variables.map(({ name }, index) => ({
      name,
      tensor: tf.mul(gradients[index] as tf.Tensor, share),
    }));
    this.optimizer.applyGradients(named);
  }
}

export function noState(lanes: number, units: number): LstmState {
  return { hidden: tf.zeros([lanes, units]), cell: tf.zeros([lanes, units]) };
}
