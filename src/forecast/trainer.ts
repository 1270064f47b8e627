import type { Forecaster } from './forecaster.js';
import { Network } from './network/network.js';
import type { NetworkWeights } from './network/weights.js';
import { networkShape } from './time-model.js';
import type { TrainingOptions, TrainingResult, Verdict } from './training/training-options.js';
import type { TrainingSet } from './training/training-set.js';

export interface TrainerOptions {
  /** Whether there is to be a network. */
  readonly network: 'on' | 'off';
  /** Requests that are enough to learn from. */
  readonly trainingRowsMin: number;
}

/** Who carries a training out, elsewhere: TrainingWorker is one. */
export interface TrainingPlace {
  readonly isBusy: boolean;
  restMs(): number;
  train(set: TrainingSet, options: TrainingOptions, from?: NetworkWeights): Promise<TrainingResult>;
}

/** What is known of the training, for people. */
export interface TrainingView {
  readonly trainings: number;
  readonly replaced: number;
  /** Of the last one that came to a result. */
  readonly verdict: Verdict | null;
  /** Why the last one came to none; null: it did. */
  readonly refusal: string | null;
}

/** Where weights are kept beyond this process. */
export interface KeptWeights {
  write(weights: NetworkWeights): void;
}

/**
 * Has the network trained on the latest requests, and has the forecast read it where it is better than
 * what there was on requests that neither was fitted to. Whatever goes wrong, the forecast goes on
 * with what it has.
 */
export class Trainer {
  private weights: NetworkWeights | null = null;
  private trainings = 0;
  private replaced = 0;
  private verdict: Verdict | null = null;
  private refusal: string | null = null;

  constructor(
    private readonly options: TrainerOptions,
    private readonly training: TrainingOptions,
    private readonly forecaster: Forecaster,
    private readonly place: TrainingPlace,
    private readonly told: (view: TrainingView) => void,
    private readonly kept: KeptWeights | null,
  ) {}

  /** Goes on from weights of an earlier run. */
  begin(weights: NetworkWeights): void {
    if (this.options.network === 'off') return;
    this.weights = weights;
    this.forecaster.use(new Network(weights));
  }

  /** Run often: the first training does not wait for its schedule. */
  async whenEnough(): Promise<void> {
    if (
      this.trainings === 0 &&
      this.forecaster.time.rows.finished >= this.options.trainingRowsMin
    ) {
      await this.train();
    }
  }

  /** Run by the schedule. */
  async train(): Promise<void> {
    const { place, options, forecaster } = this;
    if (options.network === 'off' || place.isBusy || place.restMs() > 0) return;
    if (forecaster.time.rows.finished < options.trainingRowsMin) return;
    this.trainings++;
    const set: TrainingSet = { ...forecaster.time.rows.take(), shape: networkShape };
    const result = await place.train(set, this.training, this.weights ?? undefined);
    this.finish(result);
    this.told(this.view());
  }

  view(): TrainingView {
    const { trainings, replaced, verdict, refusal } = this;
    return { trainings, replaced, verdict, refusal };
  }

  get hasNetwork(): boolean {
    return this.weights !== null;
  }

  private finish(result: TrainingResult): void {
    if (result.outcome === 'refused') {
      this.refusal = result.reason;
      return;
    }
    this.refusal = null;
    this.verdict = result.verdict;
    if (!result.replaces) return;
    this.replaced++;
    this.weights = result.weights;
    this.forecaster.use(new Network(result.weights));
    this.kept?.write(result.weights);
  }
}
