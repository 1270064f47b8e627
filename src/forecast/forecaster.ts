import { Calibrator } from './calibration/calibrator.js';
import { Probes } from './calibration/probes.js';
import type { Forecast, ForecastKey, KeyAhead } from './forecast.js';
import { EVENTS_MAX } from './history/event-rings.js';
import { count, field, STATISTICS } from './history/key-records.js';
import type { Network } from './network/network.js';
import {
  SequenceModel,
  type SequenceOptions,
  sequenceDefaults,
} from './sequence/sequence-model.js';
import { statisticNames } from './statistics/statistics.js';
import { type Heard, TimeModel, type TimeModelOptions, timeModelDefaults } from './time-model.js';

export interface ForecasterOptions extends TimeModelOptions, SequenceOptions {
  /** The forecast window: what scores are calibrated for. */
  readonly windowMs: number;
  /** A key unheard of for so long is forgotten. */
  readonly forecastForgetMs: number;
}

export const forecasterDefaults: ForecasterOptions = {
  ...timeModelDefaults,
  ...sequenceDefaults,
  windowMs: 500,
  forecastForgetMs: 600_000,
};

/** Gaps of a template that say something of a key that has none of its own. */
const GAPS_MIN = 5;
/** Scores that each refresh watches, to learn what they come to. */
const WATCHED_PER_REFRESH = 64;
/** The network acts for a key where it is believed more than the statistics. */
const TRUSTED = 0.5;

/**
 * The forecast that acts: the time model tells when a key is asked for again, the sequence model which
 * key comes after which, and the two are taken for independent. Scores are corrected by what such
 * scores have come to.
 */
export class Forecaster implements Forecast {
  readonly time: TimeModel;
  readonly sequence: SequenceModel;
  readonly calibrator = new Calibrator();
  private readonly probes: Probes;
  private hand = 0;
  private readonly gapsMs = new Float32Array(EVENTS_MAX);
  private readonly holdsMs = new Float32Array(EVENTS_MAX);
  private readonly bins = new Uint8Array(EVENTS_MAX);

  constructor(private readonly options: ForecasterOptions) {
    this.time = new TimeModel(options);
    this.sequence = new SequenceModel(options);
    this.probes = new Probes(options.windowMs, this.calibrator);
  }

  /** The network that is read from now on; null: the statistics act alone. */
  use(network: Network | null): void {
    this.time.use(network);
  }

  /** What is returned is only valid until the next request. */
  requested(database: number, key: string, clientId: number, atMs: number): Heard {
    this.sequence.requested(database, key, clientId, atMs);
    const heard = this.time.requested(database, key, clientId, atMs);
    if (Number.isNaN(heard.gapMs)) this.probes.forget(heard.slot);
    else this.probes.requested(heard.slot, atMs);
    return heard;
  }

  granted(database: number, key: string): void {
    this.time.answered(database, key, 'granted');
  }

  refused(database: number, key: string): void {
    this.time.answered(database, key, 'refused');
  }

  released(database: number, key: string, heldMs: number): void {
    this.time.released(database, key, heldMs);
  }

  reservationEnded(): void {}

  score(database: number, key: string, windowMs: number, nowMs: number): number {
    return this.calibrator.corrected(this.uncorrected(database, key, windowMs, nowMs));
  }

  /** The score as the models have it. */
  uncorrected(database: number, key: string, windowMs: number, nowMs: number): number {
    const follows = this.sequence.score(database, key, windowMs, nowMs);
    const slot = this.time.records.find(database, key);
    const returns = slot < 0 ? 0 : this.returning(slot, windowMs, nowMs);
    return 1 - (1 - follows) * (1 - returns);
  }

  ahead(database: number, key: string, nowMs: number): KeyAhead | null {
    const slot = this.time.records.find(database, key);
    if (slot < 0 || !this.isKnown(slot)) return null;
    const { mixture, records } = this.time;
    mixture.focus(slot);
    return {
      sinceMs: Math.max(0, nowMs - (records.lastAtMs[slot] as number)),
      goesOn: this.time.goesOn(slot),
      atOnce: this.time.atOnce(),
      gapsMs: this.gapsMs,
      gaps: records.rings.read(slot, this.gapsMs, this.bins, this.holdsMs),
      between: (fromMs, toMs) => mixture.between(fromMs, toMs),
    };
  }

  modelOf(database: number, key: string): string {
    const { records, mixture, templates } = this.time;
    const slot = records.find(database, key);
    if (slot < 0) return 'sequence';
    mixture.readWeights(slot);
    const { trust } = templates.get(records.count(slot, count.template));
    if (mixture.isGated && trust >= TRUSTED) return 'network';
    let best = 0;
    for (let statistic = 1; statistic < STATISTICS; statistic++) {
      const belief = mixture.beliefs[statistic] as number;
      if (belief > (mixture.beliefs[best] as number)) best = statistic;
    }
    return statisticNames[best] ?? '';
  }

  intervalMs(database: number, key: string): number | null {
    const { records } = this.time;
    const slot = records.find(database, key);
    if (slot < 0 || records.rings.length(slot) === 0) return null;
    return Math.exp(records.number(slot, field.logMeanFast));
  }

  *due(fromMs: number, toMs: number): Generator<ForecastKey> {
    const { records } = this.time;
    for (let slot = 0; slot < records.end; slot++) {
      const name = records.name(slot);
      if (name === null || records.rings.length(slot) === 0) continue;
      const mean = records.number(slot, field.logMeanSlow);
      const away = 3 * Math.sqrt(records.number(slot, field.logVarianceSlow)) + 0.1;
      const sinceMs = fromMs - (records.lastAtMs[slot] as number);
      if (sinceMs > Math.exp(mean + away)) continue;
      if (sinceMs + toMs - fromMs >= Math.exp(mean - away)) yield name;
    }
    yield* this.sequence.due(fromMs, toMs);
  }

  *keys(): Generator<ForecastKey> {
    const { records } = this.time;
    for (let slot = 0; slot < records.end; slot++) {
      const name = records.name(slot);
      if (name !== null) yield name;
    }
  }

  refresh(nowMs: number): void {
    this.time.endQuiet(nowMs, this.options.forecastForgetMs);
    this.sequence.refresh(nowMs);
    this.probes.refresh(nowMs);
    this.watch(nowMs);
  }

  private returning(slot: number, windowMs: number, nowMs: number): number {
    if (!this.isKnown(slot)) return 0;
    const { mixture, records } = this.time;
    mixture.focus(slot);
    const sinceMs = Math.max(0, nowMs - (records.lastAtMs[slot] as number));
    const goesOn = this.time.goesOn(slot);
    const before = sinceMs > 0 ? goesOn * mixture.between(0, sinceMs) : 0;
    const within = goesOn * mixture.between(sinceMs, sinceMs + windowMs);
    return before >= 1 ? 0 : Math.min(1, within / (1 - before));
  }

  private isKnown(slot: number): boolean {
    const { records, templates } = this.time;
    if (records.rings.length(slot) > 0) return true;
    return templates.get(records.count(slot, count.template)).gaps.total >= GAPS_MIN;
  }

  /** Looks at some keys, the next ones in each refresh, so that moments and keys are as they come. */
  private watch(nowMs: number): void {
    const { records } = this.time;
    const watched = Math.min(WATCHED_PER_REFRESH, records.end);
    for (let looked = 0; looked < watched; looked++) {
      this.hand = (this.hand + 1) % records.end;
      const name = records.name(this.hand);
      if (name === null) continue;
      const score = this.uncorrected(name.database, name.key, this.options.windowMs, nowMs);
      this.probes.begin(this.hand, score, nowMs);
    }
  }
}
