import { type Outcome, outcomes } from './history/event-rings.js';
import { FEATURES, writeFeatures } from './history/features.js';
import {
  COMPONENTS,
  count,
  field,
  KeyRecords,
  STATISTICS,
  share,
  UNITS,
} from './history/key-records.js';
import { RequestPace } from './history/request-pace.js';
import { TrainingRows } from './history/training-rows.js';
import { Beliefs } from './mixture/beliefs.js';
import { HALF_MS, Mixture, SHARE_UNIT, WEIGHED, WIDTH_UNIT } from './mixture/mixture.js';
import type { Network } from './network/network.js';
import { type NetworkShape, outputLayout } from './network/shape.js';
import { binOf } from './statistics/log-bins.js';
import { Statistics, statisticNames } from './statistics/statistics.js';
import { Templates } from './statistics/templates.js';
import { templateOf } from './template.js';

export interface TimeModelOptions {
  /** Keys with a history; those unheard of for longest make room. */
  readonly forecastKeysMax: number;
  /** Templates that are remembered; those used before all others make room. */
  readonly forecastTemplatesMax: number;
  /** Unheard of for `ENDED_GAPS` usual gaps and for so long, the requests of a key are over. */
  readonly requestsOverMs: number;
  /** The same where no gap is known. */
  readonly requestsOverUnknownMs: number;
  /** Requests that the network is trained on, at most. */
  readonly trainingRowsMax: number;
}

export const timeModelDefaults: TimeModelOptions = {
  forecastKeysMax: 100_000,
  forecastTemplatesMax: 10_000,
  requestsOverMs: 2_000,
  requestsOverUnknownMs: 10_000,
  trainingRowsMax: 20_000,
};

/** The shape of the network that this model reads. */
export const networkShape: NetworkShape = {
  inputs: FEATURES,
  units: UNITS,
  components: COMPONENTS,
  experts: STATISTICS,
};

const layout = outputLayout(networkShape);

/** A request of a key, as the forecast hears of it. */
export interface Heard {
  readonly slot: number;
  /** Since the request before; NaN for the first. */
  readonly gapMs: number;
  /** Probability that the acting model had given to this gap, to the millisecond; NaN likewise. */
  readonly probability: number;
}

/**
 * When a lock key is asked for next: all that is known of keys' times, brought up to date with each
 * request. Times are monotonic and passed in; a clock that goes back is a gap of 0.
 */
export class TimeModel {
  readonly records: KeyRecords;
  readonly templates: Templates;
  readonly mixture: Mixture;
  readonly rows: TrainingRows;
  private readonly statistics: Statistics;
  private readonly beliefs: Beliefs;
  private readonly pace = new RequestPace();
  private network: Network | null = null;
  /** Gaps of less than half a millisecond, and those of them that were none. */
  private shortGaps = 0;
  private gapsAtOnce = 0;
  private readonly features = new Float32Array(FEATURES);
  private readonly state = new Float32Array(2 * UNITS);
  private readonly outputs = new Float32Array(layout.length);
  private readonly logits = new Float64Array(WEIGHED);
  private readonly heard = { slot: -1, gapMs: Number.NaN, probability: Number.NaN };
  private readonly occasion = {
    atMs: 0,
    gapMs: 0,
    isSameClient: false,
    isRefused: false,
    surprise: 0,
  };

  constructor(private readonly options: TimeModelOptions) {
    this.records = new KeyRecords(options.forecastKeysMax, slot => this.statistics.forget(slot));
    this.templates = new Templates(options.forecastTemplatesMax, () => this.beliefs.everywhere);
    this.statistics = new Statistics(this.records, this.templates);
    this.beliefs = new Beliefs(this.records, this.templates);
    this.mixture = new Mixture(this.records, this.statistics, this.templates);
    this.rows = new TrainingRows(options.trainingRowsMax, FEATURES, STATISTICS);
  }

  /** The network that is read from now on; what the one before has said of a key holds until its next request. */
  use(network: Network | null): void {
    this.network = network;
    this.records.clearStates();
    if (network === null) this.records.clearGates();
  }

  /** What is returned is only valid until the next request. */
  requested(database: number, key: string, clientId: number, atMs: number): Heard {
    this.pace.requested(atMs);
    const { records, heard, occasion } = this;
    const known = records.find(database, key);
    heard.slot = known < 0 ? this.begin(database, key) : known;
    const { slot } = heard;
    occasion.atMs = atMs;
    occasion.isRefused = records.count(slot, count.outcome) === outcomes.refused;
    occasion.isSameClient = records.count(slot, count.client) === clientId;
    occasion.surprise = 0;
    if (known < 0) {
      heard.gapMs = Number.NaN;
      heard.probability = Number.NaN;
      occasion.gapMs = 0;
    } else this.learn(slot, clientId, atMs);
    records.lastAtMs[slot] = Math.max(records.lastAtMs[slot] as number, atMs);
    records.setCount(slot, count.requests, records.count(slot, count.requests) + 1);
    records.setCount(slot, count.client, clientId);
    // Not by its first request: in a flood of keys that come once all would be alike.
    if (known >= 0) records.setCount(slot, count.recent, 1);
    records.setNumber(slot, field.delayMs, 0);
    records.setCount(slot, count.released, 0);
    records.setCount(slot, count.outcome, outcomes.unknown);
    this.lookAhead(slot);
    return heard;
  }

  /** How far each statistic is believed, over all keys. */
  believed(): readonly (readonly [statistic: string, belief: number])[] {
    return statisticNames.map((name, at) => [name, this.beliefs.everywhere[at] as number] as const);
  }

  /** What came of the latest request of this key. */
  answered(database: number, key: string, outcome: Outcome): void {
    const slot = this.records.find(database, key);
    if (slot < 0) return;
    this.records.setCount(slot, count.outcome, outcomes[outcome]);
  }

  released(database: number, key: string, heldMs: number): void {
    const { records } = this;
    const slot = records.find(database, key);
    if (slot < 0) return;
    const usualMs = records.number(slot, field.usualHoldMs);
    records.setNumber(slot, field.lastHoldMs, heldMs);
    records.setNumber(slot, field.delayMs, Math.max(0, heldMs - usualMs));
    records.setNumber(slot, field.usualHoldMs, usualMs + NEWEST_HOLD * (heldMs - usualMs));
    records.setCount(slot, count.released, 1);
  }

  /** Probability that the key is asked for again at all. */
  goesOn(slot: number): number {
    const { uses } = this.templates.get(this.records.count(slot, count.template));
    return uses.goesOnAfter(this.records.count(slot, count.requests));
  }

  /** Probability that the next request of the key in focus comes in the same moment as the last. */
  atOnce(): number {
    if (this.shortGaps === 0) return 0;
    return (this.mixture.between(0, HALF_MS) * this.gapsAtOnce) / this.shortGaps;
  }

  /**
   * What was not asked for in a long time is taken to be over, until it comes back after all; after a
   * longer time it is forgotten.
   */
  endQuiet(nowMs: number, forgetMs: number): void {
    const { records } = this;
    for (let slot = 0; slot < records.end; slot++) {
      if (records.name(slot) === null || !this.isQuiet(slot, nowMs)) continue;
      if (records.count(slot, count.over) === 0) {
        records.setCount(slot, count.over, 1);
        const { uses } = this.templates.get(records.count(slot, count.template));
        uses.noteEnded(records.count(slot, count.requests));
      } else if (nowMs - (records.lastAtMs[slot] as number) > forgetMs) records.delete(slot);
    }
  }

  private isQuiet(slot: number, nowMs: number): boolean {
    const { records, options } = this;
    const quietMs = nowMs - (records.lastAtMs[slot] as number);
    if (records.rings.length(slot) === 0) return quietMs > options.requestsOverUnknownMs;
    const usualMs = Math.max(
      records.number(slot, field.meanSlowMs),
      records.number(slot, field.meanFastMs),
    );
    return quietMs > options.requestsOverMs && quietMs > ENDED_GAPS * usualMs;
  }

  private begin(database: number, key: string): number {
    const { records } = this;
    const slot = records.add(database, key);
    records.setCount(
      slot,
      count.template,
      this.templates.numberOf(`${database} ${templateOf(key)}`),
    );
    this.beliefs.begin(slot);
    return slot;
  }

  private learn(slot: number, clientId: number, atMs: number): void {
    const { records, mixture, heard, occasion } = this;
    const gapMs = Math.max(0, atMs - (records.lastAtMs[slot] as number));
    const bin = binOf(gapMs);
    const { uses } = this.templates.get(records.count(slot, count.template));
    const requests = records.count(slot, count.requests);
    if (records.count(slot, count.over) === 0) uses.noteWentOn(requests);
    else uses.noteReturned(requests);
    records.setCount(slot, count.over, 0);
    if (gapMs < HALF_MS) this.countShort(gapMs);
    mixture.focus(slot);
    const probability = mixture.probability(gapMs);
    this.rows.finish(records.count(slot, count.row), gapMs, mixture.probabilities);
    this.beliefs.learn(slot, mixture);
    this.statistics.learn(slot, gapMs, bin);
    const isReleased = records.count(slot, count.released) === 1;
    const holdMs = isReleased ? records.number(slot, field.lastHoldMs) : Number.NaN;
    const outcome = records.count(slot, count.outcome);
    records.rings.add(slot, gapMs, bin, holdMs, clientId, outcome);
    heard.gapMs = gapMs;
    heard.probability = probability;
    occasion.gapMs = gapMs;
    occasion.surprise = -Math.log(probability);
  }

  private countShort(gapMs: number): void {
    if (this.shortGaps >= GAPS_COUNTED) {
      this.shortGaps /= 2;
      this.gapsAtOnce /= 2;
    }
    this.shortGaps++;
    if (gapMs === 0) this.gapsAtOnce++;
  }

  /** Runs the network, and begins the row that the next request will finish. */
  private lookAhead(slot: number): void {
    const { records, features, network, mixture } = this;
    const { hash } = this.templates.get(records.count(slot, count.template));
    writeFeatures(records, slot, this.pace, hash, this.occasion, features);
    mixture.readWeights(slot);
    const row = this.rows.begin(slot, features, mixture.beliefs);
    records.setCount(slot, count.row, row);
    if (network === null) return;
    records.readState(slot, this.state);
    network.step(features, this.state, this.outputs);
    records.writeState(slot, this.state);
    this.writeGates(slot, mixture.beliefs);
  }

  private writeGates(slot: number, beliefs: Float64Array): void {
    const { records, outputs, logits } = this;
    let highest = -Infinity;
    for (let weighed = 0; weighed < WEIGHED; weighed++) {
      const logit =
        weighed < STATISTICS
          ? Math.log((beliefs[weighed] as number) + 1e-6) +
            (outputs[layout.gates + weighed] as number)
          : (outputs[layout.logits + weighed - STATISTICS] as number);
      logits[weighed] = logit;
      if (logit > highest) highest = logit;
    }
    let sum = 0;
    for (let weighed = 0; weighed < WEIGHED; weighed++) {
      const weight = Math.exp((logits[weighed] as number) - highest);
      logits[weighed] = weight;
      sum += weight;
    }
    const at = records.sharesOf(slot);
    for (let weighed = 0; weighed < WEIGHED; weighed++) {
      records.shares[at + share.weights + weighed] = Math.round(
        ((logits[weighed] as number) / sum) * SHARE_UNIT,
      );
    }
    for (let component = 0; component < COMPONENTS; component++) {
      records.setNumber(slot, field.means + component, outputs[layout.means + component] as number);
      const width = Math.exp(outputs[layout.lnSigmas + component] as number);
      records.shares[at + share.widths + component] = Math.round(
        Math.min(5, Math.max(0.01, width)) * WIDTH_UNIT,
      );
    }
  }
}

/** Unheard of for so many usual gaps: its requests are over. */
const ENDED_GAPS = 20;
/** The older half of the gaps is forgotten beyond so many. */
const GAPS_COUNTED = 10_000;
/** Weight of the newest hold. */
const NEWEST_HOLD = 0.2;
