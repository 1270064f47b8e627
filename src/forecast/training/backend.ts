import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { BACKENDS, type Backend, type BackendName, type Rejection } from './backend-names.js';

/** As TensorFlow.js calls them. */
const REGISTERED_AS: Readonly<Record<BackendName, string>> = {
  node: 'tensorflow',
  wasm: 'wasm',
  cpu: 'cpu',
};

const load: Readonly<Record<BackendName, () => Promise<void>>> = {
  node: async () => {
    giveWhatNode23Lacks();
    createRequire(import.meta.url)('@tensorflow/tfjs-node');
  },
  wasm: async () => {
    const wasm = await import('@tensorflow/tfjs-backend-wasm');
    const main = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm');
    wasm.setWasmPaths(join(dirname(main), '/'));
  },
  cpu: async () => {
    await import('@tensorflow/tfjs-backend-cpu');
  },
};

/**
 * Takes the first of `wanted` that can be loaded and takes a gradient step as it should. Throws where
 * none can. The native one is absent wherever its library could not be downloaded, which is no fault:
 * it says so in its own ways, none of them with a code to rely on.
 */
export async function chooseBackend(wanted: readonly BackendName[] = BACKENDS): Promise<Backend> {
  // Else each number is checked at each step, and a banner is printed where the native one lacks.
  tf.enableProdMode();
  // In Node.js it is this package that knows the gradients: the core alone has none.
  await import('@tensorflow/tfjs-layers');
  const rejected: Rejection[] = [];
  for (const name of wanted) {
    try {
      await load[name]();
      if (!(await tf.setBackend(REGISTERED_AS[name]))) throw new Error('it does not start');
      probe();
      return { name, rejected };
    } catch (error) {
      rejected.push({ name, reason: reasonOf(error) });
    }
  }
  const reasons = rejected.map(({ name, reason }) => `${name}: ${reason}`);
  throw new Error(`no backend of TensorFlow.js works here: ${reasons.join('; ')}`);
}

/** One gradient whose value is known: a library may load, and compute nonsense or nothing. */
function probe(): void {
  tf.tidy(() => {
    const inputs = tf.tensor2d([1, 2], [1, 2]);
    const loss = (weights: tf.Tensor): tf.Scalar =>
      tf.sum(tf.sigmoid(tf.matMul(inputs, weights as tf.Tensor2D)));
    const [first = Number.NaN, second = Number.NaN] = tf
      .grad(loss)(tf.tensor2d([0.5, 0.25], [2, 1]))
      .dataSync();
    const expected = 0.1966119;
    const wrong = Math.max(Math.abs(first - expected), Math.abs(second - 2 * expected));
    if (!(wrong < 1e-5)) throw new Error('it computes a wrong gradient');
  });
}

/** tfjs-node still calls two functions that Node.js has given up with version 23. */
function giveWhatNode23Lacks(): void {
  const util: Record<string, unknown> = createRequire(import.meta.url)('node:util');
  util['isNullOrUndefined'] ??= (value: unknown) => value === null || value === undefined;
  util['isArray'] ??= Array.isArray;
}

function reasonOf(error: unknown): string {
  const [first = 'unknown'] = String(error instanceof Error ? error.message : error).split('\n');
  return first.startsWith('Cannot find module') ? 'not installed' : first;
}
