import type { NetworkWeights } from '../network/weights.js';

export interface TrainingOptions {
  /** The same seed, set and backend give the same weights. */
  readonly seed: number;
  /** What inputs and outputs mean: weights of another version are not gone on from. */
  readonly version: number;
  /** Fewer sound rows are not learnt from. */
  readonly rowsMin: number;
  /** Oldest share of the rows, from which the weights are fitted. */
  readonly fitShare: number;
  /** The share after them that says when to stop; what is left, the newest, judges. */
  readonly stopShare: number;
  /** Rows that are read at most, counted anew in each epoch: bounds the time. */
  readonly rowsReadMax: number;
  /** The same where it goes on from other weights. */
  readonly rowsReadWarmMax: number;
  readonly epochsMax: number;
  /** Epochs without gain after which it stops. */
  readonly patienceEpochs: number;
  readonly learningRate: number;
  /** Where it goes on from other weights. */
  readonly learningRateWarm: number;
  /** Sequences that are read side by side. */
  readonly lanesMax: number;
  /** Events of a sequence between two changes of the weights. */
  readonly stepsPerUpdate: number;
}

export const trainingDefaults: TrainingOptions = {
  seed: 1,
  version: 1,
  rowsMin: 200,
  fitShare: 0.8,
  stopShare: 0.1,
  rowsReadMax: 1_000_000,
  rowsReadWarmMax: 160_000,
  epochsMax: 60,
  patienceEpochs: 6,
  learningRate: 0.01,
  learningRateWarm: 0.002,
  lanesMax: 32,
  stepsPerUpdate: 16,
};

/** Mean negative log-likelihood on the newest rows, in nats per row (of densities per ms). */
export interface Verdict {
  readonly rows: number;
  readonly challenger: number;
  /** Of the weights that it went on from; null where there were none. */
  readonly champion: number | null;
  /** Of the experts alone; null where there are none. */
  readonly noNetwork: number | null;
}

export interface Trained {
  readonly outcome: 'trained';
  readonly weights: NetworkWeights;
  /** Whether they are better than both others on rows that none of them has seen. */
  readonly replaces: boolean;
  readonly verdict: Verdict;
  /** Rows that were used, and such as held something that is no number. */
  readonly rows: number;
  readonly rowsDropped: number;
  readonly epochs: number;
}

export interface Untrained {
  readonly outcome: 'refused';
  readonly reason: string;
  readonly rowsDropped: number;
}

export type TrainingResult = Trained | Untrained;
