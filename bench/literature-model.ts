import { sigmaOf } from '../src/forecast/network/density.js';
import { Network } from '../src/forecast/network/network.js';
import { type NetworkShape, outputLayout } from '../src/forecast/network/shape.js';
import type { NetworkWeights } from '../src/forecast/network/weights.js';
import { train } from '../src/forecast/training/train.js';
import {
  type TrainingOptions,
  trainingDefaults,
} from '../src/forecast/training/training-options.js';
import type { TrainingSet } from '../src/forecast/training/training-set.js';
import { perEvent } from './literature-baselines.js';
import { DAY_HOURS, gapsOf, type Sequence, type Split } from './literature-sequences.js';

const HOUR_MS = 3_600_000;
const HARMONICS = 3;
/** Of the newest in a mean of ln gaps. */
const EWMA_WEIGHTS = [0.5, 0.2, 0.05];
/** Stands for the gap before the first event of a day. */
const UNKNOWN_GAP_MS = 600_000;
const INPUTS = 1 + EWMA_WEIGHTS.length + 2 * HARMONICS + 1;

export interface Learnt {
  /** As the literature counts: nats, of densities per hour. */
  readonly testNll: number;
  readonly validateNll: number;
  readonly epochs: number;
}

/** Trains on the first sequences, stops by the next, and is measured on the last. */
export function learn(
  sets: Split,
  units: number,
  components: number,
  options: Partial<TrainingOptions>,
): Learnt {
  const shape = { inputs: INPUTS, units, components, experts: 0 };
  const set = trainingSet([...sets.train, ...sets.validate, ...sets.test], shape);
  const events = (sequences: readonly Sequence[]): number =>
    sequences.reduce((sum, { length }) => sum + length, 0);
  const result = train(set, {
    ...trainingDefaults,
    ...options,
    // Half a row more, so that rounding hits the border.
    fitShare: (events(sets.train) + 0.5) / set.count,
    stopShare: events(sets.validate) / set.count,
  });
  if (result.outcome === 'refused') throw new Error(result.reason);
  const nll = (sequence: Sequence): number => nllOf(sequence, result.weights);
  return {
    testNll: perEvent(sets.test, sets.train, nll),
    validateNll: perEvent(sets.validate, sets.train, nll),
    epochs: result.epochs,
  };
}

function trainingSet(sequences: readonly Sequence[], shape: NetworkShape): TrainingSet {
  const rows = sequences.flatMap((sequence, number) => {
    const gaps = gapsOf(sequence).hours;
    return inputsOf(sequence)
      .slice(0, gaps.length)
      .map((inputs, index) => ({ inputs, gapMs: Number(gaps[index]) * HOUR_MS, number }));
  });
  return {
    count: rows.length,
    shape,
    inputs: Float32Array.from(rows.flatMap(row => row.inputs)),
    expertLogDensity: new Float32Array(0),
    expertLogWeight: new Float32Array(0),
    gapMs: Float64Array.from(rows, row => row.gapMs),
    sequence: Int32Array.from(rows, row => row.number),
  };
}

/** What is known at the beginning of the day and after each event: one more than events. */
function inputsOf(sequence: Sequence): readonly (readonly number[])[] {
  const means = EWMA_WEIGHTS.map(() => Math.log(UNKNOWN_GAP_MS));
  const inputs = [inputsAt(0, 0, Math.log(UNKNOWN_GAP_MS), means)];
  for (const [index, hours] of gapsOf(sequence).hours.entries()) {
    const lnGap = Math.log(Math.max(hours * HOUR_MS, 1));
    for (const [i, weight] of EWMA_WEIGHTS.entries()) {
      means[i] = Number(means[i]) + weight * (lnGap - Number(means[i]));
    }
    inputs.push(inputsAt(Number(sequence[index]), index + 1, lnGap, means));
  }
  return inputs;
}

function inputsAt(
  hours: number,
  events: number,
  lnGap: number,
  means: readonly number[],
): number[] {
  const inputs = [lnGap, ...means];
  for (let harmonic = 1; harmonic <= HARMONICS; harmonic++) {
    const angle = (2 * Math.PI * harmonic * hours) / DAY_HOURS;
    inputs.push(Math.sin(angle), Math.cos(angle));
  }
  return [...inputs, Math.log1p(events)];
}

/** Negative log-likelihood of a whole sequence: of its gaps, and of no event after the last. */
function nllOf(sequence: Sequence, weights: NetworkWeights): number {
  const network = new Network(weights);
  const state = new Float32Array(network.stateLength);
  const outputs = new Float32Array(network.outputs);
  const { hours, restHours } = gapsOf(sequence);
  let nll = 0;
  for (const [index, inputs] of inputsOf(sequence).entries()) {
    network.step(Float32Array.from(inputs), state, outputs);
    const gap = hours[index];
    nll -=
      gap === undefined
        ? Math.log(mixture(outputs, weights.shape, restHours).survival)
        : Math.log(mixture(outputs, weights.shape, gap).density);
  }
  return nll;
}

/** Density per hour at a gap, and the probability of a longer one. */
function mixture(
  outputs: Float32Array,
  shape: NetworkShape,
  gapHours: number,
): { readonly density: number; readonly survival: number } {
  const layout = outputLayout(shape);
  const lnGap = Math.log(Math.max(gapHours * HOUR_MS, 1));
  let all = 0;
  let density = 0;
  let survival = 0;
  for (let k = 0; k < shape.components; k++) {
    const weight = Math.exp(Number(outputs[layout.logits + k]));
    const sigma = sigmaOf(Number(outputs[layout.lnSigmas + k]));
    const away = (lnGap - Number(outputs[layout.means + k])) / sigma;
    all += weight;
    density += (weight * Math.exp(-0.5 * away * away)) / (sigma * Math.sqrt(2 * Math.PI));
    survival += weight * normalTail(away);
  }
  const perHour = HOUR_MS / Math.exp(lnGap);
  return { density: (density / all) * perHour, survival: survival / all };
}

/** Probability that a standard normal exceeds `x`: Abramowitz and Stegun 26.2.17, to 7.5e-8. */
function normalTail(x: number): number {
  if (x < 0) return 1 - normalTail(-x);
  const t = 1 / (1 + 0.2316419 * x);
  const polynomial =
    t *
    (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return (Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI)) * polynomial;
}
