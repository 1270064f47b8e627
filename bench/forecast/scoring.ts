import type { Forecaster } from '../../src/forecast/forecaster.js';
import { count, STATISTICS } from '../../src/forecast/history/key-records.js';
import { WEIGHED } from '../../src/forecast/mixture/mixture.js';
import { statisticNames } from '../../src/forecast/statistics/statistics.js';
import type { CsvFile } from './csv.js';
import type { Moment } from './moments.js';
import type { Progress } from './reservations.js';
import { type ScoreFigures, scoreFigures } from './scores.js';

/** What is scored: each statistic alone, the network, both together, the sequences, and what acts. */
const modelNames = [...statisticNames, 'network', 'mixture', 'sequence', 'uncorrected', 'acting'];

/** A moment that waits for what comes. */
interface Open {
  readonly atMs: number;
  readonly index: number;
}

/** Scores at moments, and whether the key was asked for within the window after. */
export class Scoring {
  /** Of all moments, by row: what acts. */
  readonly actingByRow: number[] = [];
  private readonly scores = modelNames.map((): number[] => []);
  private readonly truths: number[] = [];
  private readonly open = new Map<string, Open[]>();
  private readonly before = new Float64Array(WEIGHED);

  constructor(
    private readonly forecaster: Forecaster,
    private readonly windowMs: number,
    private readonly progress: Progress,
    /** Where rows are in the order of time, they are written at once. */
    private readonly rows: CsvFile | null,
  ) {}

  look({ atMs, key, row }: Moment): void {
    const acting = this.forecaster.score(0, key, this.windowMs, atMs);
    this.actingByRow[row] = acting;
    this.rows?.add(`${atMs},${key},${acting}`);
    if (this.progress.requests < this.progress.countFrom) return;
    const index = this.truths.length;
    this.truths.push(0);
    this.note(index, key, atMs, acting);
    const open = this.open.get(key);
    if (open === undefined) this.open.set(key, [{ atMs, index }]);
    else open.push({ atMs, index });
  }

  requested(key: string, nowMs: number): void {
    const open = this.open.get(key);
    if (open === undefined) return;
    for (const { atMs, index } of open) {
      if (nowMs - atMs <= this.windowMs) this.truths[index] = 1;
    }
    this.open.delete(key);
  }

  /** Moments whose window is not over at the end count for nothing. */
  figures(endMs: number): Readonly<Record<string, ScoreFigures>> {
    const unknown = new Set<number>();
    for (const open of this.open.values()) {
      for (const { atMs, index } of open) if (atMs + this.windowMs > endMs) unknown.add(index);
    }
    const isKnown = (_: number, index: number): boolean => !unknown.has(index);
    const truths = Uint8Array.from(this.truths.filter(isKnown));
    return Object.fromEntries(
      modelNames.map((name, model) => {
        const scores = Float64Array.from((this.scores[model] ?? []).filter(isKnown));
        return [name, scoreFigures(scores, truths)];
      }),
    );
  }

  private note(index: number, key: string, atMs: number, acting: number): void {
    const { forecaster, scores, windowMs, before } = this;
    const put = (model: number, score: number): void => {
      const list = scores[model];
      if (list !== undefined) list[index] = score;
    };
    for (let model = 0; model < modelNames.length; model++) put(model, 0);
    put(STATISTICS + 2, forecaster.sequence.score(0, key, windowMs, atMs));
    put(STATISTICS + 3, forecaster.uncorrected(0, key, windowMs, atMs));
    put(STATISTICS + 4, acting);
    const ahead = forecaster.ahead(0, key, atMs);
    if (ahead === null) return;
    const { mixture, records } = forecaster.time;
    const slot = records.find(0, key);
    const { sinceMs, goesOn } = ahead;
    if (sinceMs > 0) mixture.between(0, sinceMs);
    before.set(mixture.each);
    if (sinceMs === 0) before.fill(0);
    mixture.between(sinceMs, sinceMs + windowMs);
    const { each, gated, weights, isGated } = mixture;
    const scoreBy = (weightOf: (weighed: number) => number): number => {
      let past = 0;
      let within = 0;
      for (let weighed = 0; weighed < WEIGHED; weighed++) {
        const weight = goesOn * weightOf(weighed);
        past += weight * (before[weighed] as number);
        within += weight * (each[weighed] as number);
      }
      return past >= 1 ? 0 : Math.min(1, Math.max(0, within / (1 - past)));
    };
    for (let statistic = 0; statistic < STATISTICS; statistic++) {
      const hasGaps = records.count(slot, count.requests) > 1;
      const own = hasGaps ? statistic : 0;
      put(
        statistic,
        scoreBy(weighed => (weighed === own ? 1 : 0)),
      );
    }
    const byWeight = scoreBy(weighed => weights[weighed] as number);
    put(STATISTICS, isGated ? scoreBy(weighed => gated[weighed] as number) : byWeight);
    put(STATISTICS + 1, byWeight);
  }
}
