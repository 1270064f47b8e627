import type { Forecaster } from '../../src/forecast/forecaster.js';
import { Network } from '../../src/forecast/network/network.js';
import type { NetworkWeights } from '../../src/forecast/network/weights.js';
import { networkShape } from '../../src/forecast/time-model.js';
import { train } from '../../src/forecast/training/train.js';
import { trainingDefaults } from '../../src/forecast/training/training-options.js';

/** Requests after which the network is trained for the first time. */
const FIRST_AT = 1000;

/** One training, for the report. */
export interface Training {
  readonly request: number;
  readonly outcome: string;
  readonly rows: number;
  readonly epochs: number;
  readonly challenger: number | null;
  readonly champion: number | null;
  readonly noNetwork: number | null;
  readonly replaces: boolean;
}

/** Trains the network as it comes to enough requests; time stands still meanwhile. */
export class Retraining {
  readonly trainings: Training[] = [];
  private champion: NetworkWeights | undefined;

  constructor(
    private readonly forecaster: Forecaster,
    private readonly every: number,
    private readonly seed: number,
  ) {}

  /** After the request of that number, from 1 on. */
  requested(request: number): void {
    const isFirst = request === Math.min(FIRST_AT, this.every);
    if (this.every === 0 || !(isFirst || request % this.every === 0)) return;
    const set = { ...this.forecaster.time.rows.take(), shape: networkShape };
    const result = train(set, { ...trainingDefaults, seed: this.seed }, this.champion);
    if (result.outcome === 'refused') {
      this.trainings.push({ ...NOTHING, request, outcome: result.reason, rows: set.count });
      return;
    }
    const { rows, epochs, replaces, verdict, outcome, weights } = result;
    const { challenger, champion, noNetwork } = verdict;
    this.trainings.push({
      ...{ request, outcome, rows, epochs, replaces },
      ...{ challenger, champion, noNetwork },
    });
    if (!replaces) return;
    this.champion = weights;
    this.forecaster.use(new Network(weights));
  }
}

const NOTHING = {
  epochs: 0,
  replaces: false,
  challenger: null,
  champion: null,
  noNetwork: null,
} as const;
