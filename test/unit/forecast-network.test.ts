/** The network on the path of a request: that it computes what TensorFlow.js would, and its bytes. */
import * as cpu from '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import t from 'tap';
import { GatedDensity, lnComponentDensity } from '../../src/forecast/network/density.js';
import { INPUT_DEVIATIONS_MAX, Network } from '../../src/forecast/network/network.js';
import { type NetworkShape, outputLayout } from '../../src/forecast/network/shape.js';
import {
  decode,
  emptyWeights,
  encode,
  type NetworkWeights,
  PARTS,
} from '../../src/forecast/network/weights.js';
import { SeededRandom } from '../simulation/random.js';

const VERSION = 3;
const shape: NetworkShape = { inputs: 20, units: 24, components: 6, experts: 9 };

/** Weights of about the size that training leaves. */
function weightsOf(of: NetworkShape, seed: number): NetworkWeights {
  const random = new SeededRandom(seed);
  const weights = emptyWeights(of, VERSION);
  for (const part of PARTS) {
    for (let i = 0; i < weights[part].length; i++) weights[part][i] = random.next() * 2 - 1;
  }
  return weights;
}

function inputsOf(count: number, inputs: number): Float32Array {
  const random = new SeededRandom(99);
  return Float32Array.from({ length: count * inputs }, () => random.next() * 4 - 2);
}

/** The same by the LSTM and the dense layer of TensorFlow.js. */
async function byTensorFlow(weights: NetworkWeights, inputs: Float32Array): Promise<Float32Array> {
  const { inputs: width, units } = weights.shape;
  const outputs = outputLayout(weights.shape).length;
  const rows = inputs.length / width;
  t.ok(cpu.version_cpu);
  await tf.setBackend('cpu');
  return tf.tidy(() => {
    const lstm = layers.layers.lstm({
      units,
      returnSequences: true,
      recurrentActivation: 'sigmoid',
      recurrentInitializer: 'glorotUniform',
      inputShape: [rows, width],
    });
    const dense = layers.layers.dense({ units: outputs });
    const model = layers.sequential({ layers: [lstm, dense] });
    lstm.setWeights([
      tf.tensor2d(weights.kernel, [width, 4 * units]),
      tf.tensor2d(weights.recurrent, [units, 4 * units]),
      tf.tensor1d(weights.bias),
    ]);
    dense.setWeights([
      tf.tensor2d(weights.headKernel, [units, outputs]),
      tf.tensor1d(weights.headBias),
    ]);
    const normal = tf.mul(
      tf.sub(tf.tensor2d(inputs, [rows, width]), weights.inputMean),
      weights.inputScale,
    );
    const predicted = model.predict(tf.reshape(normal, [1, rows, width]));
    return (Array.isArray(predicted) ? predicted[0] : predicted)?.dataSync() as Float32Array;
  });
}

function forward(weights: NetworkWeights, inputs: Float32Array): Float32Array {
  const network = new Network(weights);
  const state = new Float32Array(network.stateLength);
  const rows = inputs.length / network.inputs;
  const all = new Float32Array(rows * network.outputs);
  for (let row = 0; row < rows; row++) {
    const from = row * network.inputs;
    const at = row * network.outputs;
    const outputs = all.subarray(at, at + network.outputs);
    network.step(inputs.subarray(from, from + network.inputs), state, outputs);
  }
  return all;
}

for (const each of [
  shape,
  { inputs: 1, units: 1, components: 1, experts: 0 },
  { inputs: 3, units: 5, components: 2, experts: 1 },
]) {
  t.test(`${JSON.stringify(each)} gives what TensorFlow.js gives, event after event`, async t => {
    const weights = weightsOf(each, 1);
    const inputs = inputsOf(64, each.inputs);
    const expected = await byTensorFlow(weights, inputs);
    const found = forward(weights, inputs);
    t.equal(found.length, expected.length);
    const worst = found.reduce((most, value, i) => {
      return Math.max(most, Math.abs(value - (expected[i] ?? Number.NaN)));
    }, 0);
    t.ok(worst < 1e-5, `differs by ${worst}`);
  });
}

t.test('an input however far from all that was learnt has a bounded effect', async t => {
  const weights = weightsOf(shape, 2);
  weights.inputMean.fill(0);
  weights.inputScale.fill(1);
  const far = forward(weights, new Float32Array(shape.inputs).fill(1e30));
  const bound = new Float32Array(shape.inputs).fill(INPUT_DEVIATIONS_MAX);
  t.same(far, forward(weights, bound));
});

t.test('what was encoded is decoded, number for number', async t => {
  const weights = weightsOf(shape, 3);
  t.same(decode(encode(weights), shape, VERSION).weights, weights);
});

const damages: readonly (readonly [string, RegExp, (bytes: Uint8Array) => Uint8Array])[] = [
  ['nothing', /no network/, () => new Uint8Array(0)],
  ['something else', /no network/, bytes => bytes.fill(7)],
  ['a later format', /format 2/, bytes => bytes.fill(2, 4, 5)],
  ['another meaning', /version 4/, bytes => bytes.fill(4, 8, 9)],
  ['more units', /shape 20\/25\/6\/9/, bytes => bytes.fill(25, 16, 17)],
  ['too little', /bytes, where/, bytes => bytes.slice(0, -4)],
  ['too much', /bytes, where/, bytes => Uint8Array.from([...bytes, 0, 0, 0, 0])],
  ['one changed bit', /checksum/, bytes => bytes.map((byte, i) => (i === 500 ? byte ^ 1 : byte))],
];
for (const [what, reason, damage] of damages) {
  t.test(`${what} is refused with a reason`, async t => {
    const bytes = damage(new Uint8Array(encode(weightsOf(shape, 4))));
    const buffer = Uint8Array.from(bytes).buffer;
    t.match(decode(buffer, shape, VERSION).refused, reason);
  });
}

for (const broken of [Number.NaN, Number.POSITIVE_INFINITY]) {
  t.test(`weights with ${broken} are refused with a reason`, async t => {
    const weights = weightsOf(shape, 5);
    weights.recurrent[17] = broken;
    t.match(decode(encode(weights), shape, VERSION).refused, /recurrent/);
  });
}

t.test('the density of a log-normal', async t => {
  t.test('is the textbook one where the clock is fine against the gap', async t => {
    const ln = lnComponentDensity(Math.log(2000), Math.log(0.5), 1000);
    const away = Math.log(1000) - Math.log(2000);
    const expected =
      -Math.log(1000) - Math.log(0.5) - 0.5 * Math.log(2 * Math.PI) - away ** 2 / 0.5;
    t.ok(Math.abs(ln - expected) < 1e-5);
  });
  t.test('is no more than 1 per ms, however narrow', async t => {
    for (const gapMs of [0, 0.1, 0.5, 1, 2]) {
      t.ok(lnComponentDensity(Math.log(Math.max(gapMs, 0.5)), -20, gapMs) <= 0, `${gapMs} ms`);
    }
  });
});

t.test('a network that says nothing leaves the experts as they are', async t => {
  const density = new GatedDensity({ inputs: 1, units: 1, components: 2, experts: 2 });
  const silent = Float32Array.from([-60, -60, 5, 5, 0, 0, 0, 0]);
  const densities = Float32Array.from([Math.log(0.02), Number.NEGATIVE_INFINITY]);
  const weights = Float32Array.from([Math.log(0.25), Math.log(0.75)]);
  const expected = Math.log(0.25 * 0.02);
  t.ok(Math.abs(density.ln(silent, 100, densities, weights, 0) - expected) < 1e-6);
  t.ok(Math.abs(density.lnOfExperts(densities, weights, 0) - expected) < 1e-6);
});
