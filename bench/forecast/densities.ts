import { STATISTICS } from '../../src/forecast/history/key-records.js';
import { WEIGHED } from '../../src/forecast/mixture/mixture.js';
import { statisticNames } from '../../src/forecast/statistics/statistics.js';
import type { Heard, TimeModel } from '../../src/forecast/time-model.js';
import type { CsvFile } from './csv.js';
import type { Progress } from './reservations.js';

/** A gap is told to the millisecond: densities are those, per second, of a probability over 1 ms. */
const PER_SECOND = 1000;

class MeanLoss {
  private sum = 0;
  private events = 0;

  add(probability: number): void {
    this.sum -= logDensity(probability);
    this.events++;
  }

  get nll(): number | null {
    return this.events === 0 ? null : this.sum / this.events;
  }

  get count(): number {
    return this.events;
  }
}

/** What each model had made of the gaps that came, and the row of the model that acts. */
export class Densities {
  private readonly byStatistic = statisticNames.map(() => new MeanLoss());
  /** All statistics, by belief; the network, where it said something; what acts; and that for those requests alone. */
  private readonly statistics = new MeanLoss();
  private readonly network = new MeanLoss();
  private readonly acting = new MeanLoss();
  private readonly beliefs = new Float64Array(STATISTICS);
  private readonly gated = new Float64Array(WEIGHED);
  private isGated = false;

  constructor(
    private readonly time: TimeModel,
    private readonly rows: CsvFile,
    private readonly progress: Progress,
  ) {}

  /** Before the request: it changes the weights. */
  expect(key: string): void {
    const { mixture, records } = this.time;
    const slot = records.find(0, key);
    if (slot < 0) return;
    mixture.readWeights(slot);
    this.beliefs.set(mixture.beliefs.subarray(0, STATISTICS));
    this.gated.set(mixture.gated);
    this.isGated = mixture.isGated;
  }

  /** `lastMs`: of the request before; null for the first. */
  heard(key: string, heard: Heard, lastMs: number | null, atMs: number): void {
    if (lastMs === null) return;
    const probability = Number.isNaN(heard.gapMs)
      ? this.ofForgotten(heard.slot, atMs - lastMs)
      : heard.probability;
    this.rows.add(`${atMs},${key},${logDensity(probability)}`);
    if (this.progress.requests <= this.progress.countFrom) return;
    const { probabilities } = this.time.mixture;
    this.acting.add(probability);
    for (const [statistic, loss] of this.byStatistic.entries()) {
      loss.add(probabilities[statistic] as number);
    }
    this.statistics.add(weighed(this.beliefs, probabilities));
    if (this.isGated) this.network.add(weighed(this.gated, probabilities));
  }

  /** The key had made room for others: what is said of one that nothing is known of. */
  private ofForgotten(slot: number, gapMs: number): number {
    const { mixture } = this.time;
    mixture.focus(slot);
    this.beliefs.set(mixture.beliefs.subarray(0, STATISTICS));
    this.isGated = false;
    return mixture.probability(gapMs);
  }

  nlls(): Readonly<Record<string, { readonly nll: number | null; readonly requests: number }>> {
    const named: [string, MeanLoss][] = this.byStatistic.map((loss, index) => [
      statisticNames[index] ?? '',
      loss,
    ]);
    named.push(['statistics', this.statistics], ['network', this.network]);
    named.push(['mixture', this.acting]);
    return Object.fromEntries(
      named.map(([name, { nll, count }]) => [name, { nll, requests: count }]),
    );
  }
}

function logDensity(probability: number): number {
  return Math.log(Math.min(1, probability) * PER_SECOND);
}

function weighed(weights: Float64Array, probabilities: Float64Array): number {
  let sum = 0;
  for (const [index, weight] of weights.entries()) sum += weight * (probabilities[index] as number);
  return sum;
}
