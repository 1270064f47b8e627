import { sameShape } from '../network/shape.js';
import { brokenPart, type NetworkWeights } from '../network/weights.js';
import { Batches } from './batches.js';
import { meanLoss, meanLossOfExperts } from './judge.js';
import { intoLanes } from './lanes.js';
import { Learner } from './learner.js';
import { firstWeights, renormalised } from './parameters.js';
import { TrainingRandom } from './random.js';
import type { TrainingOptions, TrainingResult, Untrained, Verdict } from './training-options.js';
import { rowsByKey, rowsOf, soundRows, type TrainingSet } from './training-set.js';

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
