import type { Backend } from './backend-names.js';
import type { Trained, TrainingOptions, Untrained } from './training-options.js';
import type { TrainingSet } from './training-set.js';

/** To the thread: learn from this. All buffers are handed over, none is copied. */
export interface TrainingOrder {
  readonly set: TrainingSet;
  readonly options: TrainingOptions;
  /** Encoded weights to go on from. */
  readonly from: ArrayBuffer | null;
}

/** What it learnt: the weights encoded, so that they too are handed over. */
export type TrainingAnswer =
  | Untrained
  | (Omit<Trained, 'weights'> & { readonly weights: ArrayBuffer });

/** From the thread: which backend it has found, once; then an answer to each order. */
export type FromThread =
  | { readonly kind: 'backend'; readonly backend: Backend }
  | { readonly kind: 'answer'; readonly answer: TrainingAnswer };
