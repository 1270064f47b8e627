import {
  DAY_HOURS,
  gapsOf,
  meanEvents,
  type Sequence,
  type Split,
} from './literature-sequences.js';

/** Mean over sequences of the negative log-likelihood of one, by the mean number of events in training. */
export function perEvent(
  sequences: readonly Sequence[],
  train: readonly Sequence[],
  nll: (sequence: Sequence) => number,
): number {
  const sum = sequences.reduce((total, sequence) => total + nll(sequence), 0);
  return sum / sequences.length / meanEvents(train);
}

/** One rate at all times. */
export function homogeneousPoisson({ train, test }: Split): number {
  const rate = meanEvents(train) / DAY_HOURS;
  return perEvent(test, train, ({ length }) => rate * DAY_HOURS - length * Math.log(rate));
}

const BINS = [4, 8, 12, 16, 24, 32, 40, 48, 64, 80, 96, 120];
/** Events that are added to each bin, so that none has a rate of 0. */
const PSEUDO_EVENTS = 0.5;

/** A rate that depends on the time of the day alone; the number of bins is chosen on `validate`. */
export function inhomogeneousPoisson({ train, validate, test }: Split): number {
  const nllWith = (bins: number): ((sequence: Sequence) => number) => {
    const width = DAY_HOURS / bins;
    const binOf = (hours: number): number => Math.min(bins - 1, Math.floor(hours / width));
    const counts = new Float64Array(bins).fill(PSEUDO_EVENTS);
    for (const at of train.flatMap(sequence => [...sequence])) {
      counts[binOf(at)] = Number(counts[binOf(at)]) + 1;
    }
    const rates = counts.map(count => count / (train.length * width));
    const expected = rates.reduce((sum, rate) => sum + rate * width, 0);
    return sequence =>
      sequence.reduce((sum, at) => sum - Math.log(rates[binOf(at)] ?? Number.NaN), expected);
  };
  return bestOnValidation({ train, validate, test }, nllWith);
}

/** Gaps that are independent of each other, their hazard constant between quantiles of the gaps. */
export function renewal({ train, validate, test }: Split): number {
  const gaps = train.map(gapsOf);
  const sorted = gaps.flatMap(({ hours }) => hours).sort((one, other) => one - other);
  const nllWith = (bins: number): ((sequence: Sequence) => number) => {
    const edges = Array.from({ length: bins + 1 }, (_, bin) => {
      if (bin === 0) return 0;
      return bin === bins
        ? Number.POSITIVE_INFINITY
        : Number(sorted[Math.floor((bin / bins) * sorted.length)]);
    });
    const within = (gap: number, bin: number): number =>
      Math.max(0, Math.min(gap, Number(edges[bin + 1])) - Number(edges[bin]));
    const binOf = (gap: number): number => edges.findLastIndex(edge => gap >= edge);
    const events = new Float64Array(bins).fill(PSEUDO_EVENTS);
    const exposure = new Float64Array(bins).fill(PSEUDO_EVENTS);
    for (const { hours, restHours } of gaps) {
      for (const gap of hours) events[binOf(gap)] = Number(events[binOf(gap)]) + 1;
      for (const gap of [...hours, restHours]) {
        for (let bin = 0; bin < bins; bin++)
          exposure[bin] = Number(exposure[bin]) + within(gap, bin);
      }
    }
    const hazards = events.map((count, bin) => count / Number(exposure[bin]));
    const cumulated = (gap: number): number =>
      hazards.reduce((sum, hazard, bin) => sum + hazard * within(gap, bin), 0);
    return sequence => {
      const { hours, restHours } = gapsOf(sequence);
      const ended = hours.reduce(
        (sum, gap) => sum + cumulated(gap) - Math.log(Number(hazards[binOf(gap)])),
        0,
      );
      return ended + cumulated(restHours);
    };
  };
  return bestOnValidation({ train, validate, test }, nllWith);
}

function bestOnValidation(
  { train, validate, test }: Split,
  nllWith: (bins: number) => (sequence: Sequence) => number,
): number {
  const tried = BINS.map(bins => perEvent(validate, train, nllWith(bins)));
  const best = BINS[tried.indexOf(Math.min(...tried))] ?? 1;
  return perEvent(test, train, nllWith(best));
}
