import { EVENTS_MAX } from '../history/event-rings.js';
import { count, field, type KeyRecords } from '../history/key-records.js';
import { countedBetween, uniformBetween } from './binned.js';
import { Histogram } from './histogram.js';
import { likeness } from './likeness.js';
import { binOf, LEVELS, levelOf } from './log-bins.js';
import { nearBelow, nearbyMs } from './nearby.js';
import { normalBetween } from './normal.js';
import type { TemplateStatistics, Templates } from './templates.js';

/** The simple models, in the order of their numbers. */
export const statisticNames = [
  /** All gaps of the template, drawn towards those of all keys. */
  'background',
  /** The key's own gaps, drawn towards the background. */
  'histogram',
  /** What followed a gap like the last one, with any key. */
  'context',
  /** Log-normal, from about the last fifty gaps and the last five. */
  'log-normal',
  'ewma',
  /** A constant rate, from about the last fifty gaps and the last seven. */
  'poisson',
  'poisson-recent',
  /** The last gaps come again as they were. */
  'recurrence',
  /** What followed on gaps of the key like the last one, and like the last two. */
  'analogue',
  'analogue-2',
  /** What followed two gaps like the last ones, with any key. */
  'context-2',
  /** Gaps as multiples of the key's own mean gap, with any key: of about fifty gaps, and of seven. */
  'shape',
  'shape-recent',
  /** The key's own pauses from the release to the next request, drawn towards those of the template. */
  'pause',
] as const;

/** Gaps of others that a key's own are drawn towards. */
const DRAWN_BY = 10;
const PAUSES_DRAWN_BY = 4;
const UNIFORM_WEIGHT = 2;
/** Weight of what a key's history says of its future, with nothing alike in it. */
const UNLIKE_WEIGHT = 0.5;

const AFTER_RELEASE_PACE = 0.05;
const SLOW = 0.02;
const FAST = 0.2;
const FAST_MEAN = 0.15;
/** Variance of the logarithm of a gap before anything is known: a factor of e², either way. */
const FIRST_VARIANCE = 4;
const VARIANCE_MIN = 1e-4;
/** Clocks tell no shorter gap. */
const GAP_MIN_MS = 0.5;
const MEAN_MIN_MS = 0.05;

/** Rows of long histograms: beyond these many keys, the ring has to do. */
const LONG_MAX = 4096;

/** The mean gap, in the unit of bins. */
const SHAPE_UNIT = 512;
const PAIRS = Math.ceil(LEVELS / 2);

/** Which pair of gaps came last, told apart by two levels each. */
function pairOf(last: number, before: number): number {
  return (levelOf(last) >> 1) * PAIRS + (levelOf(before) >> 1);
}

/** Drawn towards a constant rate. */
function shapedBetween(shape: Histogram, from: number, to: number, constant: number): number {
  const counted = shape.countBetween(from * SHAPE_UNIT, to * SHAPE_UNIT);
  return (counted + DRAWN_BY * constant) / (shape.total + DRAWN_BY);
}

const recency = Float64Array.from({ length: EVENTS_MAX }, (_, age) => 0.93 ** age);
const memory = Float64Array.from({ length: EVENTS_MAX }, (_, age) => 0.97 ** age);

/**
 * Distributions of the time to a key's next request, each from a simple rule. `focus` on a key
 * first, then ask for as many spans as you like. Allocates nothing but the long histograms of keys
 * that were asked for often.
 */
export class Statistics {
  private readonly all = new Histogram();
  private readonly allPauses = new Histogram();
  private readonly contexts = Array.from({ length: LEVELS }, () => new Histogram());
  private readonly pairs = Array.from({ length: PAIRS * PAIRS }, () => new Histogram());
  private readonly shapeSlow = new Histogram();
  private readonly shapeFast = new Histogram();
  private readonly long = new Map<number, Histogram>();

  private template: TemplateStatistics | null = null;
  private own: Histogram | null = null;
  private context: Histogram | null = null;
  private pair: Histogram | null = null;
  private meanSlowMs = 1;
  private meanFastMs = 1;
  private events = 0;
  private readonly gapsMs = new Float32Array(EVENTS_MAX);
  private readonly bins = new Uint8Array(EVENTS_MAX);
  private readonly holdsMs = new Float32Array(EVENTS_MAX);
  private readonly pauseBins = new Uint8Array(EVENTS_MAX);
  private pauses = 0;
  private heldMs = Number.NaN;
  private afterRelease = 0;
  private readonly once = new Float64Array(EVENTS_MAX);
  private readonly twice = new Float64Array(EVENTS_MAX);
  private recencySum = 0;
  private onceSum = 0;
  private twiceSum = 0;
  private meanLogSlow = 0;
  private meanLogFast = 0;
  private spreadSlow = 1;
  private spreadFast = 1;

  constructor(
    private readonly records: KeyRecords,
    private readonly templates: Templates,
  ) {}

  /** The key that `below` is asked about from now on; to be repeated when it has changed. */
  focus(slot: number): void {
    const { records, gapsMs, bins } = this;
    this.template = this.templates.get(records.count(slot, count.template));
    this.own = this.long.get(slot) ?? null;
    this.events = records.rings.read(slot, gapsMs, bins, this.holdsMs);
    if (this.events === 0) return;
    const last = bins[0] as number;
    const before = bins[1] as number;
    this.context = this.contexts[levelOf(last)] ?? null;
    this.pair = this.events > 1 ? (this.pairs[pairOf(last, before)] ?? null) : null;
    this.recencySum = 0;
    this.onceSum = 0;
    this.twiceSum = 0;
    for (let age = 0; age < this.events; age++) {
      this.recencySum += recency[age] as number;
      const isOldest = age + 1 >= this.events;
      const like = isOldest ? 0 : (memory[age] as number) * likeness(bins[age + 1] as number, last);
      const twice = age + 2 >= this.events ? 0 : like * likeness(bins[age + 2] as number, before);
      this.once[age] = like;
      this.twice[age] = twice;
      this.onceSum += like;
      this.twiceSum += twice;
    }
    this.focusPauses(slot);
    this.meanLogSlow = records.number(slot, field.logMeanSlow);
    this.meanLogFast = records.number(slot, field.logMeanFast);
    this.spreadSlow = Math.sqrt(records.number(slot, field.logVarianceSlow));
    this.spreadFast = Math.sqrt(records.number(slot, field.logVarianceFast));
    this.meanSlowMs = records.number(slot, field.meanSlowMs);
    this.meanFastMs = records.number(slot, field.meanFastMs);
  }

  private focusPauses(slot: number): void {
    const { records } = this;
    const isReleased = records.count(slot, count.released) === 1;
    this.heldMs = isReleased ? records.number(slot, field.lastHoldMs) : Number.NaN;
    this.afterRelease = records.number(slot, field.afterRelease);
    this.pauses = 0;
    if (!isReleased) return;
    for (let age = 0; age < this.events; age++) {
      const pauseMs = (this.gapsMs[age] as number) - (this.holdsMs[age] as number);
      if (pauseMs >= 0) this.pauseBins[this.pauses++] = binOf(pauseMs);
    }
  }

  /** Probability that the next gap lies between two, by each statistic. */
  between(fromMs: number, toMs: number, out: Float64Array): void {
    const background = this.backgroundBetween(fromMs, toMs);
    out[0] = background;
    if (this.events === 0) {
      for (let statistic = 1; statistic < statisticNames.length; statistic++) {
        out[statistic] = background;
      }
      return;
    }
    const own = this.ownBetween(fromMs, toMs, background);
    out[1] = own;
    const { context } = this;
    const followed =
      context === null
        ? background
        : (context.countBetween(fromMs, toMs) + DRAWN_BY * background) / (context.total + DRAWN_BY);
    out[2] = followed;
    const { pair } = this;
    out[10] =
      pair === null
        ? followed
        : (pair.countBetween(fromMs, toMs) + DRAWN_BY * followed) / (pair.total + DRAWN_BY);
    this.parametric(fromMs, toMs, out);
    out[13] = this.pausedBetween(fromMs, toMs, own);
    this.remembered(fromMs, toMs, own, out);
  }

  /** The gap that came, before the ring has it. */
  learn(slot: number, gapMs: number, bin: number): void {
    const { records } = this;
    const events = records.rings.read(slot, this.gapsMs, this.bins, this.holdsMs);
    const last = this.bins[0] as number;
    if (events > 0) {
      this.contexts[levelOf(last)]?.add(bin);
      this.shapeSlow.add(binOf((gapMs / records.number(slot, field.meanSlowMs)) * SHAPE_UNIT));
      this.shapeFast.add(binOf((gapMs / records.number(slot, field.meanFastMs)) * SHAPE_UNIT));
    }
    if (events > 1) this.pairs[pairOf(last, this.bins[1] as number)]?.add(bin);
    this.all.add(bin);
    this.templates.get(records.count(slot, count.template)).gaps.add(bin);
    this.learnLong(slot, bin);
    this.learnMoments(slot, gapMs);
    this.learnPause(slot, gapMs);
  }

  /** Another key will have this slot. */
  forget(slot: number): void {
    this.long.delete(slot);
  }

  private backgroundBetween(fromMs: number, toMs: number): number {
    const { all, template } = this;
    const uniform = uniformBetween(fromMs, toMs);
    const everywhere =
      (all.countBetween(fromMs, toMs) + UNIFORM_WEIGHT * uniform) / (all.total + UNIFORM_WEIGHT);
    if (template === null) return everywhere;
    const { gaps } = template;
    return (gaps.countBetween(fromMs, toMs) + DRAWN_BY * everywhere) / (gaps.total + DRAWN_BY);
  }

  private ownBetween(fromMs: number, toMs: number, background: number): number {
    const { own } = this;
    if (own !== null) {
      return (own.countBetween(fromMs, toMs) + DRAWN_BY * background) / (own.total + DRAWN_BY);
    }
    const counted = countedBetween(this.bins, this.events, fromMs, toMs);
    return (counted + DRAWN_BY * background) / (this.events + DRAWN_BY);
  }

  /**
   * Who waits for its own release before it asks again: as long as the lock is held, what comes are the
   * others. Once it was given back, the pause is what counts.
   */
  private pausedBetween(fromMs: number, toMs: number, own: number): number {
    const { heldMs, afterRelease } = this;
    // Until the release is heard of it may come at any moment, and is asked about just when it does.
    if (Number.isNaN(heldMs)) return own;
    if (toMs <= heldMs) return (1 - afterRelease) * own;
    const from = fromMs > heldMs ? fromMs - heldMs : 0;
    const to = toMs - heldMs;
    const { template } = this;
    const everywhere =
      (this.allPauses.countBetween(from, to) + DRAWN_BY * uniformBetween(from, to)) /
      (this.allPauses.total + DRAWN_BY);
    const pauses = template?.pauses;
    const usual =
      pauses === undefined
        ? everywhere
        : (pauses.countBetween(from, to) + DRAWN_BY * everywhere) / (pauses.total + DRAWN_BY);
    const counted = countedBetween(this.pauseBins, this.pauses, from, to);
    const paused = (counted + PAUSES_DRAWN_BY * usual) / (this.pauses + PAUSES_DRAWN_BY);
    if (fromMs >= heldMs) return afterRelease * paused;
    // What others do counts up to the release, and no part of it twice or not at all.
    const until = this.ownBetween(fromMs, heldMs, this.backgroundBetween(fromMs, heldMs));
    return afterRelease * paused + (1 - afterRelease) * until;
  }

  private parametric(fromMs: number, toMs: number, out: Float64Array): void {
    const from = fromMs > 0 ? Math.log(fromMs) : -Infinity;
    const to = Math.log(toMs);
    const { meanLogSlow, meanLogFast, spreadSlow, spreadFast, meanSlowMs, meanFastMs } = this;
    out[3] = normalBetween((from - meanLogSlow) / spreadSlow, (to - meanLogSlow) / spreadSlow);
    out[4] = normalBetween((from - meanLogFast) / spreadFast, (to - meanLogFast) / spreadFast);
    const slow = Math.exp(-fromMs / meanSlowMs) - Math.exp(-toMs / meanSlowMs);
    const fast = Math.exp(-fromMs / meanFastMs) - Math.exp(-toMs / meanFastMs);
    out[5] = slow;
    out[6] = fast;
    out[11] = shapedBetween(this.shapeSlow, fromMs / meanSlowMs, toMs / meanSlowMs, slow);
    out[12] = shapedBetween(this.shapeFast, fromMs / meanFastMs, toMs / meanFastMs, fast);
  }

  /** By the gaps in the ring, each of which stands for itself and for gaps a little off. */
  private remembered(fromMs: number, toMs: number, own: number, out: Float64Array): void {
    let recurrence = 0;
    let once = 0;
    let twice = 0;
    for (let age = 0; age < this.events; age++) {
      const nearMs = this.gapsMs[age] as number;
      const wideMs = nearbyMs(nearMs);
      if (toMs <= nearMs - wideMs || fromMs >= nearMs + wideMs) continue;
      const between = nearBelow(toMs, nearMs, wideMs) - nearBelow(fromMs, nearMs, wideMs);
      recurrence += (recency[age] as number) * between;
      once += (this.once[age] as number) * between;
      twice += (this.twice[age] as number) * between;
    }
    out[7] = recurrence / this.recencySum;
    out[8] = (once + UNLIKE_WEIGHT * own) / (this.onceSum + UNLIKE_WEIGHT);
    out[9] = (twice + UNLIKE_WEIGHT * own) / (this.twiceSum + UNLIKE_WEIGHT);
  }

  /** Once the ring is about to lose gaps, a histogram keeps them all. */
  private learnLong(slot: number, bin: number): void {
    const known = this.long.get(slot);
    if (known !== undefined) {
      known.add(bin);
      return;
    }
    const { rings } = this.records;
    const length = rings.length(slot);
    if (length < EVENTS_MAX || this.long.size >= LONG_MAX) return;
    const histogram = new Histogram();
    rings.read(slot, this.gapsMs, this.bins, this.holdsMs);
    for (let age = 0; age < length; age++) histogram.add(this.bins[age] as number);
    histogram.add(bin);
    this.long.set(slot, histogram);
  }

  private learnPause(slot: number, gapMs: number): void {
    const { records } = this;
    const isReleased = records.count(slot, count.released) === 1;
    const known = records.number(slot, field.afterRelease);
    const weight = Math.max(AFTER_RELEASE_PACE, 1 / (records.rings.length(slot) + 1));
    records.setNumber(slot, field.afterRelease, known + weight * ((isReleased ? 1 : 0) - known));
    if (!isReleased) return;
    const bin = binOf(Math.max(0, gapMs - records.number(slot, field.lastHoldMs)));
    this.allPauses.add(bin);
    this.templates.get(records.count(slot, count.template)).pauses.add(bin);
  }

  private learnMoments(slot: number, gapMs: number): void {
    const { records } = this;
    const seen = records.rings.length(slot);
    const log = Math.log(Math.max(gapMs, GAP_MIN_MS));
    const mean = Math.max(gapMs, MEAN_MIN_MS);
    this.learnLog(slot, field.logMeanSlow, log, seen, SLOW);
    this.learnLog(slot, field.logMeanFast, log, seen, FAST);
    this.learnMean(slot, field.meanSlowMs, mean, seen, SLOW);
    this.learnMean(slot, field.meanFastMs, mean, seen, FAST_MEAN);
  }

  /** The variance lies beside the mean. */
  private learnLog(slot: number, at: number, log: number, seen: number, least: number): void {
    const { records } = this;
    if (seen === 0) {
      records.setNumber(slot, at, log);
      records.setNumber(slot, at + 1, FIRST_VARIANCE);
      return;
    }
    // Equal weights at first: the newest of three tells no more than the first.
    const weight = Math.max(least, 1 / (seen + 2));
    const off = log - records.number(slot, at);
    const variance = (1 - weight) * (records.number(slot, at + 1) + weight * off * off);
    records.setNumber(slot, at, records.number(slot, at) + weight * off);
    records.setNumber(slot, at + 1, Math.max(variance, VARIANCE_MIN));
  }

  private learnMean(slot: number, at: number, gapMs: number, seen: number, least: number): void {
    const { records } = this;
    const mean = seen === 0 ? gapMs : records.number(slot, at);
    const weight = Math.max(least, 1 / (seen + 1));
    records.setNumber(slot, at, mean + weight * (gapMs - mean));
  }
}
