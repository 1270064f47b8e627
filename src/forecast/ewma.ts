import { ByKey } from './by-key.js';
import type { Forecast, ForecastKey } from './forecast.js';
import { Gaps } from './gaps.js';
import { templateOf } from './template.js';
import { TemplateUses } from './template-uses.js';

export interface EwmaOptions {
  /** Keys with a history; those unheard of for longest make room. */
  readonly forecastKeysMax: number;
  /** Templates that are remembered; those used before all others make room. */
  readonly forecastTemplatesMax: number;
  /** A key unheard of for so long is forgotten. */
  readonly forecastForgetMs: number;
  /** Unheard of for `ENDED_GAPS` usual gaps and for so long, its requests in a row are over. */
  readonly requestsOverMs: number;
  /** The same where no gap is known. */
  readonly requestsOverUnknownMs: number;
}

export const ewmaDefaults: EwmaOptions = {
  forecastKeysMax: 100_000,
  forecastTemplatesMax: 10_000,
  forecastForgetMs: 600_000,
  requestsOverMs: 2_000,
  requestsOverUnknownMs: 10_000,
};

/** Weight of the newest hold. */
const NEWEST_WEIGHT = 0.2;
/** Unheard of for so many usual gaps: its requests in a row are over. */
const ENDED_GAPS = 20;

/** What is remembered of a key. */
interface History extends ForecastKey {
  readonly uses: TemplateUses;
  readonly gaps: Gaps;
  lastAtMs: number;
  /** Requests in a row, the last included; 0 once they are over. */
  inARow: number;
  holdMs: number;
  /**
   * How much longer than usual the lock was held since the last request: who waits for its own
   * release before it asks again, asks later by as much, and is not overdue.
   */
  delayMs: number;
}

/**
 * The baseline that a better model has to beat: when a key is asked for again, from the gaps between
 * its own requests or, where it has none, of its template's; and whether it is, from how the keys of
 * its template are used.
 */
export class EwmaForecast implements Forecast {
  readonly name = 'ewma';
  private readonly histories = new ByKey<History>();
  /** In the order of last use. */
  private readonly templates = new Map<string, TemplateUses>();

  constructor(private readonly options: EwmaOptions = ewmaDefaults) {}

  requested(database: number, key: string, _clientId: number, atMs: number): void {
    const known = this.histories.get(database, key);
    if (known === undefined) {
      this.begin(database, key, atMs);
      return;
    }
    const gapMs = atMs - known.lastAtMs - known.delayMs;
    if (this.isOver(known, atMs)) end(known);
    if (known.inARow > 0) known.uses.noteWentOn(known.inARow, gapMs);
    known.inARow++;
    known.gaps.add(gapMs);
    known.lastAtMs = Math.max(known.lastAtMs, atMs);
    known.delayMs = 0;
  }

  released(database: number, key: string, heldMs: number): void {
    const history = this.histories.get(database, key);
    if (history === undefined) return;
    history.delayMs = Math.max(0, heldMs - history.holdMs);
    history.holdMs += NEWEST_WEIGHT * (heldMs - history.holdMs);
  }

  granted(): void {}
  refused(): void {}
  reservationEnded(): void {}

  score(database: number, key: string, windowMs: number, nowMs: number): number {
    const history = this.histories.get(database, key);
    const gaps = history === undefined ? null : gapsOf(history);
    if (history === undefined || gaps === null) return 0;
    const since = Math.max(nowMs - history.lastAtMs - history.delayMs, 0);
    const before = gaps.below(since);
    const within = gaps.below(since + windowMs) - before;
    const goesOn = history.uses.goesOnAfter(Math.max(history.inARow, 1));
    const stillOpen = goesOn * (1 - before) + (1 - goesOn);
    return Math.min(1, Math.max(0, (goesOn * within) / stillOpen));
  }

  intervalMs(database: number, key: string): number | null {
    const history = this.histories.get(database, key);
    return history === undefined || history.gaps.count === 0 ? null : history.gaps.usualMs;
  }

  *due(fromMs: number, toMs: number): Generator<ForecastKey> {
    for (const history of this.histories.values()) {
      if (history.gaps.count === 0) continue;
      const from = history.lastAtMs + history.delayMs;
      if (from + history.gaps.earliestMs <= toMs && from + history.gaps.latestMs >= fromMs) {
        yield history;
      }
    }
  }

  keys(): Iterable<ForecastKey> {
    return this.histories.values();
  }

  refresh(nowMs: number): void {
    for (const history of this.histories.values()) {
      if (!this.isOver(history, nowMs)) continue;
      end(history);
      if (nowMs - history.lastAtMs > this.options.forecastForgetMs) this.histories.delete(history);
    }
  }

  private begin(database: number, key: string, atMs: number): void {
    if (this.histories.size >= this.options.forecastKeysMax) {
      this.histories.evict(history => atMs - history.lastAtMs);
    }
    this.histories.add({
      database,
      key,
      uses: this.usesOf(`${database} ${templateOf(key)}`),
      gaps: new Gaps(),
      lastAtMs: atMs,
      inARow: 1,
      holdMs: 0,
      delayMs: 0,
    });
  }

  private isOver(history: History, nowMs: number): boolean {
    const quietMs = nowMs - history.lastAtMs - history.delayMs;
    const gaps = gapsOf(history);
    if (gaps === null) return quietMs > this.options.requestsOverUnknownMs;
    return quietMs > this.options.requestsOverMs && quietMs > ENDED_GAPS * gaps.latestMs;
  }

  private usesOf(template: string): TemplateUses {
    const uses = this.templates.get(template) ?? new TemplateUses();
    this.templates.delete(template);
    this.templates.set(template, uses);
    if (this.templates.size > this.options.forecastTemplatesMax) {
      const [oldest] = this.templates.keys();
      if (oldest !== undefined) this.templates.delete(oldest);
    }
    return uses;
  }
}

/** Its own gaps, or else its template's; null where neither are known. */
function gapsOf(history: History): Gaps | null {
  return history.gaps.count > 0 ? history.gaps : history.uses.gaps;
}

/** Nobody asked for it again: that, too, is known of its template now. */
function end(history: History): void {
  if (history.inARow === 0) return;
  history.uses.noteEnded(history.inARow);
  history.inARow = 0;
}
