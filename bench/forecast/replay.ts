import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Forecaster, type ForecasterOptions } from '../../src/forecast/forecaster.js';
import { sequenceDefaults } from '../../src/forecast/sequence/sequence-model.js';
import { templateOf } from '../../src/forecast/template.js';
import { ActingModels } from './acting.js';
import { CsvFile } from './csv.js';
import { Densities } from './densities.js';
import { ChanceMoments, type Moment, ProbedMoments } from './moments.js';
import { KeyPlanning, SuccessorPlanning } from './planning.js';
import { Policies } from './policies.js';
import { Refreshes } from './refreshes.js';
import { type Report, reportOf } from './report.js';
import { type Progress, Reservations } from './reservations.js';
import { Retraining } from './retraining.js';
import { Scoring } from './scoring.js';
import { Timeline } from './timeline.js';
import type { TraceEvent, TraceSize } from './trace.js';

export const WINDOW_MS = 500;
/** What keeping a key for one window costs, of what a hit gains. */
export const PRICES = [0.5, 0.25, 0.1] as const;
/** The figures leave out so much of the requests: nothing is known yet. */
const LEARNING_SHARE = 0.3;
/** From so many keys on a template is known well. */
const TEMPLATE_KNOWN_FROM = 20;

const forecasterOptions: ForecasterOptions = {
  ...sequenceDefaults,
  windowMs: WINDOW_MS,
  forecastKeysMax: 100_000,
  forecastTemplatesMax: 10_000,
  // Requests for any key seen before are to be judged, however long it was quiet.
  forecastForgetMs: Number.POSITIVE_INFINITY,
  requestsOverMs: 2_000,
  requestsOverUnknownMs: 10_000,
  trainingRowsMax: 20_000,
};

export interface ReplayOptions {
  readonly seed: number;
  /** Requests between two trainings; 0: none. */
  readonly retrainEvery: number;
  /** Where scores are asked for; null: at moments by chance. */
  readonly probes: readonly Moment[] | null;
  readonly folder: string;
  readonly size: TraceSize;
}

/** When a key was last asked for, and whether it was released since. */
interface Asked {
  readonly atMs: number;
  isReleased: boolean;
}

/** A trace passes through history, models and planning in simulated time, and the files are written. */
export class Replay {
  private readonly forecaster = new Forecaster(forecasterOptions);
  private readonly progress: Progress;
  private readonly refreshes: Refreshes;
  private readonly retraining: Retraining;
  private readonly densityRows: CsvFile;
  private readonly densities: Densities;
  private readonly allocators: readonly Reservations[];
  private readonly planning: KeyPlanning;
  private readonly successors: SuccessorPlanning;
  private readonly policies: Policies;
  private readonly scoreRows: CsvFile;
  private readonly scoring: Scoring;
  private readonly moments: ProbedMoments | ChanceMoments;
  private readonly acting = new ActingModels();
  private readonly timeline: Timeline;
  private readonly clients = new Map<string, number>();
  private readonly keyBefore = new Map<number, string>();
  /** Keys seen of each template. */
  private readonly templates = new Map<string, number>();
  private readonly asked = new Map<string, Asked>();

  constructor(private readonly options: ReplayOptions) {
    const { seed, retrainEvery, probes, folder, size } = options;
    const { forecaster } = this;
    mkdirSync(folder, { recursive: true });
    const file = (name: string, header: string) => new CsvFile(join(folder, name), header);
    this.progress = { requests: 0, countFrom: Math.floor(size.requests * LEARNING_SHARE) };
    this.refreshes = new Refreshes(forecaster, seed);
    this.retraining = new Retraining(forecaster, retrainEvery, seed);
    this.densityRows = file('densities.csv', 't_ms,key,log_density');
    this.densities = new Densities(forecaster.time, this.densityRows, this.progress);
    this.allocators = PRICES.map(price => {
      const rows = file(`reservations-${price}.csv`, 'key,from_ms,until_ms');
      return new Reservations(price, WINDOW_MS, rows, this.progress);
    });
    this.planning = new KeyPlanning(forecaster, this.allocators, WINDOW_MS);
    this.successors = new SuccessorPlanning(forecaster, this.allocators, WINDOW_MS);
    this.policies = new Policies(PRICES, WINDOW_MS, this.progress);
    this.scoreRows = file('scores.csv', 't_ms,key,score');
    const asTheyCome = probes === null ? this.scoreRows : null;
    this.scoring = new Scoring(forecaster, WINDOW_MS, this.progress, asTheyCome);
    const look = (moment: Moment): void => this.scoring.look(moment);
    this.moments =
      probes === null ? new ChanceMoments(seed, look) : new ProbedMoments(probes, look);
    // A window that goes on from another begins before that one has ended.
    this.timeline = new Timeline([
      this.refreshes,
      this.successors,
      ...this.allocators,
      this.moments,
    ]);
  }

  event(event: TraceEvent): void {
    this.timeline.advance(event.atMs);
    this.refreshes.event(event.atMs);
    if (event.op === 'acquire') this.acquire(event);
    else this.release(event);
  }

  /** Writes what is left. */
  finish(): Report {
    const { scoring, moments, options, scoreRows } = this;
    const { endMs } = options.size;
    this.timeline.advance(endMs);
    for (const allocator of this.allocators) allocator.finish(endMs);
    this.acting.finish();
    if (moments instanceof ProbedMoments) {
      while (moments.nextMs < Number.POSITIVE_INFINITY) moments.run();
      for (const { atMs, key, row } of moments.moments) {
        scoreRows.add(`${atMs},${key},${scoring.actingByRow[row]}`);
      }
    }
    scoreRows.close();
    this.densityRows.close();
    return reportOf({
      requests: this.progress.requests,
      countedRequests: this.progress.requests - this.progress.countFrom,
      nlls: this.densities.nlls(),
      scores: scoring.figures(endMs),
      allocators: this.allocators,
      prices: PRICES,
      policies: this.policies.finish(endMs),
      acting: this.acting.list,
      trainings: this.retraining.trainings,
    });
  }

  private acquire({ atMs, client, key }: TraceEvent): void {
    const { forecaster, progress } = this;
    const clientId = this.clientId(client);
    progress.requests++;
    this.scoring.requested(key, atMs);
    const isNew = this.isNewOfKnown(key);
    for (const allocator of this.allocators) allocator.requested(key, atMs, isNew);
    this.densities.expect(key);
    this.acting.requested(forecaster.modelOf(0, key));
    const heard = forecaster.requested(0, key, clientId, atMs);
    this.densities.heard(key, heard, this.asked.get(key)?.atMs ?? null, atMs);
    this.policies.requested(key, atMs, this.planning.requested(key, atMs));
    this.successors.requested(key, this.keyBefore.get(clientId) ?? '', atMs);
    this.keyBefore.set(clientId, key);
    this.asked.set(key, { atMs, isReleased: false });
    if (this.moments instanceof ChanceMoments) this.moments.requested(key, atMs);
    this.retraining.requested(progress.requests);
  }

  private release({ atMs, key }: TraceEvent): void {
    const asked = this.asked.get(key);
    if (asked === undefined) return;
    this.forecaster.released(0, key, atMs - asked.atMs);
    if (asked.isReleased || atMs === asked.atMs) return;
    asked.isReleased = true;
    this.planning.released(key, atMs);
  }

  private isNewOfKnown(key: string): boolean {
    if (this.asked.has(key)) return false;
    const template = templateOf(key);
    const seen = this.templates.get(template) ?? 0;
    this.templates.set(template, seen + 1);
    return seen >= TEMPLATE_KNOWN_FROM && template !== key;
  }

  private clientId(client: string): number {
    const known = this.clients.get(client);
    if (known !== undefined) return known;
    this.clients.set(client, this.clients.size);
    return this.clients.size - 1;
  }
}
