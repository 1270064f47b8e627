/** The thread that learns: TensorFlow.js is loaded here, and nowhere else. */
import { parentPort, workerData } from 'node:worker_threads';
import { decode, encode } from '../network/weights.js';
import { chooseBackend } from './backend.js';
import type { BackendName } from './backend-names.js';
import type { FromThread, TrainingAnswer, TrainingOrder } from './messages.js';
import { train } from './train.js';

const port = parentPort;
if (port === null) throw new Error('this file runs as a thread only');

const { backends } = workerData as { readonly backends: readonly BackendName[] };
tell({ kind: 'backend', backend: await chooseBackend(backends) });

port.on('message', (order: TrainingOrder) => {
  const answer = carryOut(order);
  tell({ kind: 'answer', answer }, answer.outcome === 'trained' ? [answer.weights] : []);
});

function tell(message: FromThread, handedOver: readonly ArrayBuffer[] = []): void {
  port?.postMessage(message, [...handedOver]);
}

function carryOut({ set, options, from }: TrainingOrder): TrainingAnswer {
  const champion = from === null ? undefined : decode(from, set.shape, options.version).weights;
  const result = train(set, options, champion);
  if (result.outcome === 'refused') return result;
  return { ...result, weights: encode(result.weights) };
}
