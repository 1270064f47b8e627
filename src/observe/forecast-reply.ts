import { type AdminReply, mapOf, ratio } from './admin-reply.js';
import type { ForecastView } from './sources.js';

/** What FORELOCK FORECAST answers. */
export function forecastReply(view: ForecastView): AdminReply {
  return mapOf({
    network: view.network,
    trust: ratio(view.trust),
    backend: view.backend ?? 'none needed yet',
    'backend-rejected': view.backendRejected.join('; '),
    'rows-to-learn-from': view.rowsToLearnFrom,
    trainings: view.trainings,
    'trainings-taken-over': view.trainingsTakenOver,
    'last-refusal': view.lastRefusal,
    'loss-of-newest': nats(view.lossOfNewest),
    'loss-of-the-one-before': nats(view.lossOfBefore),
    'loss-of-statistics': nats(view.lossOfStatistics),
    'calibration-error': nats(view.calibrationError),
    keys: view.keys,
    templates: view.templates,
    'history-bytes': view.historyBytes,
    beliefs: new Map(view.beliefs.map(([statistic, belief]) => [statistic, ratio(belief)])),
  });
}

function nats(loss: number | null): string | null {
  return loss === null ? null : loss.toFixed(4);
}
