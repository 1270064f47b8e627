import { ByKey } from './by-key.js';
import type { Forecast, ForecastKey } from './forecast.js';

export interface EwmaOptions {
  /** Keys with a history; those unheard of for longest make room. */
  readonly forecastKeysMax: number;
}

export const ewmaDefaults: EwmaOptions = { forecastKeysMax: 100_000 };

/** Weight of the newest gap; the memory is about the last ten requests. */
const NEWEST_WEIGHT = 0.2;
/** Probability, after each request, that no further one comes: what lets an overdue key go quiet. */
const END_PROBABILITY = 0.05;
/** Spread of the logarithm of a gap before anything is known: a factor of e either way. */
const FIRST_SPREAD = 1;
/** The most regular requests are spread by about that part of their gap … */
const SPREAD_MIN = 0.05;
/** … and by that many milliseconds, for timers, networks and busy event loops. */
const JITTER_MS = 5;
/** Two requests nearer than the clock's own resolution. */
const GAP_MIN_MS = 1;
/** Unheard of for so many usual gaps, and this long: the key is forgotten. */
const FORGET_GAPS = 20;
const FORGET_AFTER_MS = 600_000;

/** What is remembered of a key: of the logarithms of the gaps between its requests. */
interface History extends ForecastKey {
  lastAtMs: number;
  gaps: number;
  mean: number;
  variance: number;
  /** Of the logarithm, with all that spreads it. */
  spread: number;
  holdMs: number;
  /**
   * How much longer than usual the lock was held since the last request: who waits for its own
   * release before it asks again, asks later by as much, and is not overdue.
   */
  delayMs: number;
  /** The gap after which a request becomes likely, and the one after which it is overdue. */
  earliestGapMs: number;
  latestGapMs: number;
}

/**
 * The baseline that a better model has to beat: an exponentially weighted mean of a key's gaps and
 * of their spread, on a logarithmic scale, since gaps of 20 ms and of 20 s are forecast alike. The
 * time to the next request is taken for log-normal with that mean and spread.
 */
export class EwmaForecast implements Forecast {
  readonly name = 'ewma';
  private readonly histories = new ByKey<History>();

  constructor(private readonly options: EwmaOptions = ewmaDefaults) {}

  requested(database: number, key: string, _clientId: number, atMs: number): void {
    const known = this.histories.get(database, key);
    if (known === undefined) {
      if (this.histories.size >= this.options.forecastKeysMax) {
        this.histories.evict(history => atMs - history.lastAtMs);
      }
      this.histories.add(newHistory(database, key, atMs));
      return;
    }
    const gap = Math.log(Math.max(atMs - known.lastAtMs - known.delayMs, GAP_MIN_MS));
    known.lastAtMs = Math.max(known.lastAtMs, atMs);
    known.delayMs = 0;
    // Equal weights at first: the newest of three tells no more than the first.
    const weight = Math.max(NEWEST_WEIGHT, 1 / (known.gaps + 1));
    const off = gap - known.mean;
    if (known.gaps > 0) known.variance = (1 - weight) * (known.variance + weight * off * off);
    known.mean += weight * off;
    known.gaps++;
    const usualMs = Math.exp(known.mean);
    known.spread = Math.sqrt(known.variance + SPREAD_MIN ** 2 + (JITTER_MS / usualMs) ** 2);
    known.earliestGapMs = usualMs * Math.exp(-3 * known.spread);
    known.latestGapMs = usualMs * Math.exp(3 * known.spread);
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
    if (history === undefined || history.gaps === 0) return 0;
    const since = Math.max(nowMs - history.lastAtMs - history.delayMs, 0);
    const before = gapBelow(history, since);
    const within = gapBelow(history, since + windowMs) - before;
    const goesOn = (1 - END_PROBABILITY) * (1 - before);
    return Math.min(1, Math.max(0, ((1 - END_PROBABILITY) * within) / (goesOn + END_PROBABILITY)));
  }

  intervalMs(database: number, key: string): number | null {
    const history = this.histories.get(database, key);
    return history === undefined || history.gaps === 0 ? null : Math.exp(history.mean);
  }

  *due(fromMs: number, toMs: number): Generator<ForecastKey> {
    for (const history of this.histories.values()) {
      if (history.gaps === 0) continue;
      const from = history.lastAtMs + history.delayMs;
      const earliest = from + history.earliestGapMs;
      const latest = from + history.latestGapMs;
      if (earliest <= toMs && latest >= fromMs) yield history;
    }
  }

  keys(): Iterable<ForecastKey> {
    return this.histories.values();
  }

  refresh(nowMs: number): void {
    for (const history of this.histories.values()) {
      const quietMs = nowMs - history.lastAtMs;
      if (quietMs > FORGET_AFTER_MS && quietMs > FORGET_GAPS * history.latestGapMs) {
        this.histories.delete(history);
      }
    }
  }
}

function newHistory(database: number, key: string, atMs: number): History {
  return {
    database,
    key,
    lastAtMs: atMs,
    gaps: 0,
    mean: 0,
    variance: FIRST_SPREAD * FIRST_SPREAD,
    spread: FIRST_SPREAD,
    holdMs: 0,
    delayMs: 0,
    earliestGapMs: 0,
    latestGapMs: 0,
  };
}

/** Probability that a gap is shorter. */
function gapBelow(history: History, gapMs: number): number {
  if (gapMs <= 0) return 0;
  return normalBelow((Math.log(gapMs) - history.mean) / history.spread);
}

/** The normal distribution function, by Abramowitz and Stegun 7.1.26; its error is below 2e-7. */
function normalBelow(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * x);
  const poly =
    t *
    (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const tail = 0.5 * poly * Math.exp(-x * x);
  return z < 0 ? tail : 1 - tail;
}
