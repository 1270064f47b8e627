import { sameShape } from '../network/shape.js';
import { brokenPart, type NetworkWeights } from '../network/weights.js';
import { Batches } from './batches.js';
import { meanLoss, meanLossOfExperts } from './judge.js';
import { intoLanes } from './lanes.js';
import { Learner } from './learner.js';
import { firstWeights, renormalised } from './parameters.js';
import { TrainingRandom } from './random.js';
import { rowsByKey, rowsOf, soundRows, type TrainingSet } from './training-set.js';

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

/** A gain smaller than this many nats per row is none. */
const GAIN_MIN = 1e-4;
/** What the learning rate is multiplied by after each epoch without gain. */
const RATE_SHRINKS_BY = 0.5;
/** Each lane is to be at least so many updates long, else there are fewer of them. */
const UPDATES_PER_LANE_MIN = 4;

/**
 * Learns from a set: from nothing, or from `from` on. The oldest rows are fitted, those after them
 * say when to stop, and the newest judge the result; so whoever takes only what `replaces` never gets
 * worse on what came last. Computes with the backend chosen before (`chooseBackend`).
 */
export function train(
  given: TrainingSet,
  options: TrainingOptions,
  from?: NetworkWeights,
): TrainingResult {
  const sound = soundRows(given);
  const set = sound === null ? given : rowsOf(given, sound);
  const rowsDropped = given.count - set.count;
  const fitEnd = Math.floor(set.count * options.fitShare);
  const stopEnd = Math.floor(set.count * (options.fitShare + options.stopShare));
  const refused = (reason: string): Untrained => ({ outcome: 'refused', reason, rowsDropped });
  if (set.count < options.rowsMin) {
    return refused(`${set.count} rows are too few to learn from (${options.rowsMin})`);
  }
  if (fitEnd < 1 || stopEnd <= fitEnd || set.count <= stopEnd) {
    return refused(`${set.count} rows cannot be split in three`);
  }
  const champion = usable(from, set, options);
  const { weights, epochs } = fit(set, fitEnd, stopEnd, options, champion);
  const broken = brokenPart(weights);
  if (broken !== null) return refused(`training ended in numbers that are none, in ${broken}`);
  const verdict: Verdict = {
    rows: set.count - stopEnd,
    challenger: meanLoss(set, weights, stopEnd, set.count),
    champion: champion === null ? null : meanLoss(set, champion, stopEnd, set.count),
    noNetwork: set.shape.experts === 0 ? null : meanLossOfExperts(set, stopEnd, set.count),
  };
  return {
    outcome: 'trained',
    weights,
    replaces: isBest(verdict),
    verdict,
    rows: set.count,
    rowsDropped,
    epochs,
  };
}

function usable(
  from: NetworkWeights | undefined,
  set: TrainingSet,
  { version }: TrainingOptions,
): NetworkWeights | null {
  if (from === undefined || from.version !== version) return null;
  return sameShape(from.shape, set.shape) && brokenPart(from) === null ? from : null;
}

function fit(
  set: TrainingSet,
  fitEnd: number,
  stopEnd: number,
  options: TrainingOptions,
  champion: NetworkWeights | null,
): { readonly weights: NetworkWeights; readonly epochs: number } {
  const random = new TrainingRandom(options.seed);
  const begun =
    champion === null
      ? firstWeights(set, fitEnd, options.version, random)
      : renormalised(champion, set, fitEnd);
  let rate = champion === null ? options.learningRate : options.learningRateWarm;
  const rowsReadMax = champion === null ? options.rowsReadMax : options.rowsReadWarmMax;
  const epochsMax = Math.min(options.epochsMax, Math.max(1, Math.floor(rowsReadMax / fitEnd)));
  const keys = rowsByKey(set, 0, fitEnd);
  const lanes = lanesFor(fitEnd, options);
  const batches = new Batches(set, begun);
  const learner = new Learner(begun, rate);
  let best = { weights: begun, loss: meanLoss(set, begun, fitEnd, stopEnd), epoch: 0 };
  let epoch = 0;
  try {
    while (epoch < epochsMax && epoch - best.epoch < options.patienceEpochs) {
      learner.learn(batches, intoLanes(keys, lanes, random), options.stepsPerUpdate);
      epoch++;
      const weights = learner.weights();
      const loss = meanLoss(set, weights, fitEnd, stopEnd);
      if (loss < best.loss - GAIN_MIN) {
        best = { weights, loss, epoch };
      } else {
        rate *= RATE_SHRINKS_BY;
        learner.learningRate = rate;
      }
    }
  } finally {
    learner.dispose();
  }
  return { weights: best.weights, epochs: epoch };
}

function lanesFor(rows: number, { lanesMax, stepsPerUpdate }: TrainingOptions): number {
  const longEnough = Math.floor(rows / (stepsPerUpdate * UPDATES_PER_LANE_MIN));
  return Math.min(lanesMax, Math.max(1, longEnough));
}

function isBest({ challenger, champion, noNetwork }: Verdict): boolean {
  if (!Number.isFinite(challenger)) return false;
  return [champion, noNetwork].every(other => other === null || challenger < other);
}
