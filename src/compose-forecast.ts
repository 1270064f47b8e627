import type { Options } from './config.js';
import type { KeptNetwork } from './fleet/kept-network.js';
import { Forecaster } from './forecast/forecaster.js';
import type { NetworkWeights } from './forecast/network/weights.js';
import { scheduleRefresh } from './forecast/schedule.js';
import { networkShape } from './forecast/time-model.js';
import { Trainer, type TrainingView } from './forecast/trainer.js';
import { BACKENDS, type Backend } from './forecast/training/backend-names.js';
import { trainingDefaults } from './forecast/training/training-options.js';
import { TrainingWorker } from './forecast/training/training-worker.js';
import type { Log } from './observe/log.js';
import type { ForecastView } from './observe/sources.js';

/** The one thread in which the networks of all listeners are trained. */
export interface SharedTraining {
  readonly worker: TrainingWorker;
  /** With what it computes; null: it was not needed yet. */
  backend(): Backend | null;
  stop(): Promise<void>;
}

export function composeTraining(options: Options, log: Log): SharedTraining {
  let backend: Backend | null = null;
  const worker = new TrainingWorker(
    { ...options, backends: BACKENDS },
    {
      started: chosen => {
        // Once: a thread that is started again has nothing new to say.
        if (backend === null) log.info(chosen, 'networks are trained with this backend');
        backend = chosen;
      },
      died: reason => log.warn({ reason }, 'the training thread ended; the network in use stays'),
    },
    () => performance.now(),
  );
  return { worker, backend: () => backend, stop: () => worker.stop() };
}

/** The forecast of one listener, with what trains it. */
export interface ComposedForecast {
  readonly forecaster: Forecaster;
  readonly trainer: Trainer;
  view(): ForecastView;
  /** Run with each refresh. */
  refresh(): void;
  stop(): void;
}

export function composeForecast(
  options: Options,
  training: SharedTraining,
  kept: KeptNetwork | null,
  log: Log,
): ComposedForecast {
  const forecaster = new Forecaster(options);
  const failed = (error: unknown): void => log.error({ err: error }, 'a training failed');
  const trainer = new Trainer(
    options,
    { ...trainingDefaults, version: NETWORK_VERSION },
    forecaster,
    training.worker,
    view => tell(view, log),
    kept === null ? null : { write: weights => kept.write(weights) },
  );
  const weights = kept === null ? null : readKept(kept, log);
  if (weights !== null) trainer.begin(weights);
  const schedule = scheduleRefresh(
    options.trainingSchedule,
    () => void trainer.train().catch(failed),
    failed,
  );
  return {
    forecaster,
    trainer,
    view: () => viewOf(forecaster, trainer, training, options),
    refresh: () => void trainer.whenEnough().catch(failed),
    stop: () => schedule.stop(),
  };
}

/** Of what the inputs of the network mean: to be raised with them. */
const NETWORK_VERSION = 1;

function readKept(kept: KeptNetwork, log: Log): NetworkWeights | null {
  const read = kept.read(networkShape, NETWORK_VERSION);
  if (read === null) return null;
  if (read.weights !== null) return read.weights;
  log.warn(
    { reason: read.reason },
    'the network of an earlier run is of no use: it is trained anew',
  );
  return null;
}

function viewOf(
  { time, calibrator }: Forecaster,
  trainer: Trainer,
  training: SharedTraining,
  options: Options,
): ForecastView {
  const { trainings, replaced, verdict, refusal } = trainer.view();
  const backend = training.backend();
  const error = calibrator.expectedError();
  const offOrNone = options.network === 'off' ? 'off' : 'none yet';
  return {
    keys: time.records.size,
    templates: time.templates.size,
    historyBytes: time.records.bytes,
    network: trainer.hasNetwork ? 'in use' : offOrNone,
    backend: backend?.name ?? null,
    backendRejected: (backend?.rejected ?? []).map(({ name, reason }) => `${name}: ${reason}`),
    rowsToLearnFrom: time.rows.finished,
    trainings,
    trainingsTakenOver: replaced,
    lossOfNewest: verdict?.challenger ?? null,
    lossOfBefore: verdict?.champion ?? null,
    lossOfStatistics: verdict?.noNetwork ?? null,
    lastRefusal: refusal,
    trust: trainer.hasNetwork ? time.templates.trust : 0,
    beliefs: time.believed(),
    calibrationError: Number.isNaN(error) ? null : error,
  };
}

function tell({ verdict, refusal, trainings, replaced }: TrainingView, log: Log): void {
  if (refusal !== null) log.info({ reason: refusal }, 'no network was trained');
  else log.info({ ...verdict, trainings, replaced }, 'a network was trained');
}
