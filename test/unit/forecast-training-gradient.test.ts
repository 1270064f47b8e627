/** That what is descended along is the gradient of what is judged. */
import * as tf from '@tensorflow/tfjs-core';
import t from 'tap';
import { PARTS, partLengths } from '../../src/forecast/network/weights.js';
import { chooseBackend } from '../../src/forecast/training/backend.js';
import type { BackendName } from '../../src/forecast/training/backend-names.js';
import { Batches } from '../../src/forecast/training/batches.js';
import { meanLoss } from '../../src/forecast/training/judge.js';
import type { Lanes } from '../../src/forecast/training/lanes.js';
import { Learner, noState } from '../../src/forecast/training/learner.js';
import { firstWeights } from '../../src/forecast/training/parameters.js';
import { TrainingRandom } from '../../src/forecast/training/random.js';
import { turns } from '../harness/training-sets.js';

const ROWS = 24;
const set = turns({
  rows: ROWS,
  keys: 3,
  units: 3,
  seed: 5,
  gapMs: (_, nth) => 5 + 40 * (nth % 3),
});
const weights = firstWeights(set, ROWS, 1, new TrainingRandom(2));
// Larger than at first, so that every part of the network has a say.
for (let i = 0; i < weights.headKernel.length; i++) {
  weights.headKernel[i] = 4 * Number(weights.headKernel[i]);
}

/** All keys in one lane: what begins anew within a lane is tried too. */
const byKey = [0, 1, 2].flatMap(key =>
  Array.from({ length: ROWS }, (_, row) => row).filter(row => set.sequence[row] === key),
);
const lanes: Lanes = {
  lanes: 1,
  steps: ROWS,
  rows: Int32Array.from(byKey),
  goesOn: Uint8Array.from(byKey, (row, at) => {
    return at > 0 && set.sequence[row] === set.sequence[byKey[at - 1] ?? -1] ? 1 : 0;
  }),
};

function lossAndGradients(): { loss: number; gradients: readonly Float32Array[] } {
  const learner = new Learner(weights, 0.001);
  const found = tf.tidy(() => {
    const batch = new Batches(set, weights).batch(lanes, 0, ROWS);
    const { loss, gradients } = learner.gradients(batch, noState(1, set.shape.units));
    return {
      loss: Number(loss.dataSync()[0]),
      gradients: gradients.map(gradient => Float32Array.from(gradient.dataSync())),
    };
  });
  learner.dispose();
  return found;
}

for (const name of ['wasm', 'cpu'] as const satisfies readonly BackendName[]) {
  t.test(`on ${name}`, async t => {
    await chooseBackend([name]);
    const tensors = tf.memory().numTensors;
    const { loss, gradients } = lossAndGradients();
    t.equal(tf.memory().numTensors, tensors, 'no tensor is left over');

    t.test('the loss is the one that judges', async t => {
      t.ok(Math.abs(loss - meanLoss(set, weights, 0, ROWS)) < 1e-4);
    });

    t.test('each gradient is the slope of the loss', async t => {
      const { units } = set.shape;
      // Training has the output gate before the cell.
      const trainingPlace = (at: number): number => {
        const column = at % (4 * units);
        const gate = [0, 1, 3, 2][Math.floor(column / units)] ?? 0;
        return at - column + gate * units + (column % units);
      };
      const learnt = PARTS.filter(part => part !== 'inputMean' && part !== 'inputScale');
      for (const [index, part] of learnt.entries()) {
        for (let at = 0; at < partLengths(set.shape)[part]; at++) {
          const place = part.startsWith('head') ? at : trainingPlace(at);
          const slope = slopeAt(part, at);
          const found = gradients[index]?.[place] ?? Number.NaN;
          const near = Math.abs(found - slope) < 2e-4 + 0.005 * Math.abs(slope);
          if (!near) t.fail(`${part}[${at}]: ${found} instead of ${slope}`);
        }
      }
      t.equal(learnt.length, gradients.length);
    });
  });
}

function slopeAt(part: (typeof PARTS)[number], at: number): number {
  const numbers = weights[part];
  const before = numbers[at] as number;
  const step = 1e-3;
  numbers[at] = before + step;
  const above = meanLoss(set, weights, 0, ROWS);
  numbers[at] = before - step;
  const below = meanLoss(set, weights, 0, ROWS);
  numbers[at] = before;
  return (above - below) / (2 * step);
}
