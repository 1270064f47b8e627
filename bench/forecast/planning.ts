import type { Forecaster } from '../../src/forecast/forecaster.js';
import type { Mixture } from '../../src/forecast/mixture/mixture.js';
import type { Successor } from '../../src/forecast/sequence/successor.js';
import { statisticNames } from '../../src/forecast/statistics/statistics.js';
import { type TimeAhead, WindowPlan } from '../../src/pool/window-plan.js';
import { endOf, joined, type Reservations, type Span } from './reservations.js';
import { type Timed, TimeQueue } from './timeline.js';

/** What lies farther ahead is planned after the next request. */
const HORIZON_MS = 300_000;
/** Windows are tried around so many gaps that came before. */
const GAPS_TRIED = 16;
/** The forecast of successors looks no farther. */
const FOLLOWS_WITHIN_MS = 10_000;
/** What comes sooner comes in the same moment. */
const AT_ONCE_MS = 1e-3;

const HISTOGRAM = statisticNames.indexOf('histogram');

/** What was seen of a key at its request; valid until the next. */
export interface Seen {
  /** Gaps that came before, the newest first, and how many there are. */
  readonly gapsMs: Float32Array;
  readonly gaps: number;
  readonly goesOn: number;
  /** Lets a plan look at the histogram of the key's gaps alone; once. */
  lookByHistogram(plan: WindowPlan): void;
}

const NO_GAPS = new Float32Array(0);

/** What the histogram alone says of the spans that a plan asks the mixture about, in their order. */
class HistogramBeside {
  private readonly said: number[] = [];
  private asked = 0;

  constructor(private readonly mixture: Mixture) {}

  /** As `ahead`, and notes beside it. */
  noting(ahead: TimeAhead): TimeAhead {
    this.said.length = 0;
    return {
      between: (fromMs, toMs) => {
        const between = ahead.between(fromMs, toMs);
        this.said.push(this.mixture.each[HISTOGRAM] as number);
        return between;
      },
    };
  }

  /** To be asked about the same spans again. */
  again(): TimeAhead {
    this.asked = 0;
    return { between: () => this.said[this.asked++] as number };
  }
}

/** Plans reservations of a key from the time of its next request, for every price. */
export class KeyPlanning {
  private readonly plan: WindowPlan;
  private readonly beside: HistogramBeside;

  constructor(
    private readonly forecaster: Forecaster,
    private readonly allocators: readonly Reservations[],
    private readonly windowMs: number,
  ) {
    this.plan = new WindowPlan(windowMs);
    this.beside = new HistogramBeside(forecaster.time.mixture);
  }

  /** At a request of this key. What it has seen is returned for the policies; null where it is nothing. */
  requested(key: string, nowMs: number): Seen | null {
    const ahead = this.forecaster.ahead(0, key, nowMs);
    if (ahead === null) return null;
    const { gapsMs, atOnce, goesOn } = ahead;
    const gaps = Math.min(ahead.gaps, GAPS_TRIED);
    this.plan.look(this.beside.noting(ahead), 0, HORIZON_MS, gapsMs, gaps, atOnce);
    for (const allocator of this.allocators) {
      this.plan.choose(allocator.price, goesOn);
      allocator.plan(key, nowMs, this.spans(nowMs));
    }
    const plan = (other: WindowPlan): void => {
      other.look(this.beside.again(), 0, HORIZON_MS, gapsMs, gaps, atOnce);
    };
    return { gapsMs, gaps, goesOn, lookByHistogram: plan };
  }

  /** At a release: more is known of the next request. What has begun stays. */
  released(key: string, nowMs: number): void {
    const ahead = this.forecaster.ahead(0, key, nowMs);
    if (ahead === null) return;
    const { gapsMs, goesOn, sinceMs } = ahead;
    const gaps = Math.min(ahead.gaps, GAPS_TRIED);
    let lookedMs = Number.NaN;
    for (const allocator of this.allocators) {
      const begunMs = allocator.begunUntil(key, nowMs);
      const fromMs = sinceMs + begunMs - nowMs;
      if (fromMs !== lookedMs) this.plan.look(ahead, fromMs, fromMs + HORIZON_MS, gapsMs, gaps, 0);
      lookedMs = fromMs;
      this.plan.choose(allocator.price, goesOn);
      allocator.plan(key, nowMs, this.spans(nowMs - sinceMs, begunMs));
    }
  }

  private spans(requestMs: number, fromMs = requestMs): readonly Span[] {
    const { plan, windowMs } = this;
    const spans: Span[] = [];
    for (let stretch = 0; stretch < plan.length; stretch++) {
      const beginsMs = Math.max(fromMs, requestMs + (plan.startsMs[stretch] as number));
      const lengthMs = (plan.windows[stretch] as number) * windowMs;
      spans.push({ fromMs: beginsMs, untilMs: endOf(beginsMs, lengthMs) });
    }
    return joined(spans, windowMs);
  }
}

/** A window that is to begin, if the key is still expected then. */
interface Start {
  readonly key: string;
  readonly allocator: Reservations;
  /** Windows that are to begin one after another. */
  readonly windows: number;
}

/**
 * Reservations of keys that are asked for after others, never seen before or not. Which window is worth
 * its price is planned at the request before; whether it still is, is looked at when it begins.
 */
export class SuccessorPlanning implements Timed {
  private readonly plan: WindowPlan;
  private readonly starts = new TimeQueue<Start>();
  private readonly least: number;

  constructor(
    private readonly forecaster: Forecaster,
    private readonly allocators: readonly Reservations[],
    private readonly windowMs: number,
  ) {
    this.plan = new WindowPlan(windowMs);
    this.least = Math.min(...allocators.map(({ price }) => price));
  }

  get nextMs(): number {
    return this.starts.nextMs;
  }

  /** A window that was planned begins. */
  run(): void {
    const atMs = this.nextMs;
    const start = this.starts.take();
    if (start === null) return;
    const { key, allocator, windows } = start;
    const { forecaster, windowMs } = this;
    // The client has gone on to something else.
    if (forecaster.sequence.score(0, key, windowMs, atMs) === 0) return;
    let endMs = endOf(atMs, windowMs);
    if (forecaster.uncorrected(0, key, windowMs, atMs) > allocator.price) {
      endMs = allocator.keep(key, atMs);
    }
    if (windows > 1) this.starts.add(endMs, { key, allocator, windows: windows - 1 });
  }

  /** At a request: what may come after it. */
  requested(key: string, keyBefore: string, nowMs: number): void {
    for (const successor of this.forecaster.sequence.successors(0, key, keyBefore)) {
      if (successor.probability <= this.least) return;
      if (successor.key !== key) this.planOne(successor, nowMs);
    }
  }

  private planOne(successor: Successor, nowMs: number): void {
    const { plan } = this;
    const ahead: TimeAhead = {
      between: (fromMs, toMs) => successor.below(toMs) - successor.below(fromMs),
    };
    const atOnce = successor.below(AT_ONCE_MS);
    plan.look(ahead, 0, FOLLOWS_WITHIN_MS, NO_GAPS, 0, atOnce);
    for (const allocator of this.allocators) {
      plan.choose(allocator.price, successor.probability);
      for (let stretch = 0; stretch < plan.length; stretch++) {
        const windows = plan.windows[stretch] as number;
        const atMs = nowMs + (plan.startsMs[stretch] as number);
        this.starts.add(atMs, { key: successor.key, allocator, windows });
      }
    }
  }
}
