import * as tf from '@tensorflow/tfjs-core';

/**
 * An LSTM over several steps of many lanes, and its gradient. Both are written out in operations of
 * TensorFlow.js: its own gradient records and replays twice as many of them, and at this size each
 * costs the same, however little it computes.
 *
 * Gates stand in the order input, forget, output, cell, so that those with a sigmoid are neighbours.
 */
export interface LstmParameters {
  /** inputs x 4 units. */
  readonly kernel: tf.Tensor2D;
  /** units x 4 units. */
  readonly recurrent: tf.Tensor2D;
  /** 4 units. */
  readonly bias: tf.Tensor1D;
}

export interface LstmState {
  /** lanes x units. */
  readonly hidden: tf.Tensor2D;
  readonly cell: tf.Tensor2D;
}

/** What one step leaves for its gradient; each lanes x units but where noted. */
interface Step {
  readonly hiddenBefore: tf.Tensor2D;
  readonly cellBefore: tf.Tensor2D;
  /** Input, forget and output gate: lanes x 3 units. */
  readonly sigmoids: tf.Tensor2D;
  readonly input: tf.Tensor2D;
  readonly forget: tf.Tensor2D;
  readonly output: tf.Tensor2D;
  readonly candidate: tf.Tensor2D;
  readonly shownCell: tf.Tensor2D;
  /** lanes x 1: 0 where the lane forgot before this step; null where none did. */
  readonly kept: tf.Tensor2D | null;
}

export interface LstmRun {
  readonly steps: readonly Step[];
  /** (steps * lanes) x units. */
  readonly hidden: tf.Tensor2D;
  readonly last: LstmState;
}

/**
 * Reads `inputs` (each lanes x inputs), beginning with `state`. `kept` says for each step which lanes
 * go on (1) and which begin anew (0).
 */
export function runLstm(
  parameters: LstmParameters,
  inputs: readonly tf.Tensor2D[],
  kept: readonly (tf.Tensor2D | null)[],
  state: LstmState,
): LstmRun {
  const units = state.hidden.shape[1];
  const steps: Step[] = [];
  const hiddens: tf.Tensor2D[] = [];
  let { hidden, cell } = state;
  for (const [index, read] of inputs.entries()) {
    const keep = kept[index] ?? null;
    if (keep !== null) {
      hidden = tf.mul(hidden, keep);
      cell = tf.mul(cell, keep);
    }
    const fromInputs = tf.fused.matMul({ a: read, b: parameters.kernel, bias: parameters.bias });
    const sums = tf.add(fromInputs, tf.matMul(hidden, parameters.recurrent));
    const [forSigmoid, forTanh] = tf.split<tf.Tensor2D>(sums as tf.Tensor2D, [3 * units, units], 1);
    const sigmoids = tf.sigmoid(forSigmoid as tf.Tensor2D);
    const candidate = tf.tanh(forTanh as tf.Tensor2D);
    const [input, forget, output] = tf.split<tf.Tensor2D>(sigmoids, 3, 1) as [
      tf.Tensor2D,
      tf.Tensor2D,
      tf.Tensor2D,
    ];
    const next: tf.Tensor2D = tf.add(tf.mul(forget, cell), tf.mul(input, candidate));
    const shownCell = tf.tanh(next);
    steps.push({
      hiddenBefore: hidden,
      cellBefore: cell,
      sigmoids,
      input,
      forget,
      output,
      candidate,
      shownCell,
      kept: keep,
    });
    cell = next;
    hidden = tf.mul(output, shownCell);
    hiddens.push(hidden);
  }
  return { steps, hidden: tf.concat2d(hiddens, 0), last: { hidden, cell } };
}

/**
 * The gradient of a loss by the parameters, from its gradient by all hidden values
 * ((steps * lanes) x units). What came before the first step takes no part.
 */
export function lstmGradient(
  parameters: LstmParameters,
  run: LstmRun,
  inputs: tf.Tensor2D,
  byHidden: tf.Tensor2D,
): LstmParameters {
  const recurrentTransposed = tf.transpose(parameters.recurrent);
  const bySteps = tf.split<tf.Tensor2D>(byHidden, run.steps.length, 0);
  const bySums: tf.Tensor2D[] = [];
  let hiddenLater: tf.Tensor2D | null = null;
  let cellLater: tf.Tensor2D | null = null;
  for (let index = run.steps.length - 1; index >= 0; index--) {
    const step = run.steps[index] as Step;
    const here = bySteps[index] as tf.Tensor2D;
    const hidden: tf.Tensor2D = hiddenLater === null ? here : tf.add(here, hiddenLater);
    // Of tanh(cell), by the cell: 1 - tanh².
    const shown = tf.mul(hidden, step.output);
    const throughShown: tf.Tensor2D = tf.sub(shown, tf.mul(shown, tf.square(step.shownCell)));
    const cell: tf.Tensor2D = cellLater === null ? throughShown : tf.add(throughShown, cellLater);
    const bySigmoids = tf.concat2d(
      [tf.mul(cell, step.candidate), tf.mul(cell, step.cellBefore), tf.mul(hidden, step.shownCell)],
      1,
    );
    const sigmoidSlope = tf.sub(step.sigmoids, tf.square(step.sigmoids));
    const throughInput = tf.mul(cell, step.input);
    const byCandidate: tf.Tensor2D = tf.sub(
      throughInput,
      tf.mul(throughInput, tf.square(step.candidate)),
    );
    const sums = tf.concat2d([tf.mul(bySigmoids, sigmoidSlope), byCandidate], 1);
    bySums.push(sums);
    if (index === 0) break;
    hiddenLater = tf.matMul(sums, recurrentTransposed);
    cellLater = tf.mul(cell, step.forget);
    if (step.kept !== null) {
      hiddenLater = tf.mul(hiddenLater, step.kept);
      cellLater = tf.mul(cellLater, step.kept);
    }
  }
  const all = tf.concat2d(bySums.reverse(), 0);
  const before = tf.concat2d(
    run.steps.map(step => step.hiddenBefore),
    0,
  );
  return {
    // Not by the flag of matMul: the wasm backend takes a slow path for it.
    kernel: tf.matMul(tf.transpose(inputs), all),
    recurrent: tf.matMul(tf.transpose(before), all),
    bias: tf.sum(all, 0),
  };
}
