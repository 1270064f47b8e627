import type { CsvFile } from './csv.js';
import { type Timed, TimeQueue } from './timeline.js';

/** A time in which a key is kept in reserve, in replayed time. */
export interface Span {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** What is kept, and planned to be, for one key: in order of time, none over another. */
interface Kept {
  readonly key: string;
  spans: readonly Span[];
}

/** Which requests the figures count. */
export interface Progress {
  /** Requests so far. */
  requests: number;
  /** The figures count from this request on. */
  readonly countFrom: number;
}

export interface ReservationCounts {
  hits: number;
  windows: number;
  reservations: number;
  /** Of those, such as a request has used. */
  used: number;
  /** Requests that came before the reservation that was planned for them. */
  late: number;
  /** Requests for keys never seen before, of a template that is known well. */
  newKeys: number;
  newKeyHits: number;
}

const NOTHING: ReservationCounts = {
  hits: 0,
  windows: 0,
  reservations: 0,
  used: 0,
  late: 0,
  newKeys: 0,
  newKeyHits: 0,
};

/** The end of so many windows: a rounding error is no further window. */
export function endOf(fromMs: number, lengthMs: number): number {
  const untilMs = fromMs + lengthMs;
  return untilMs - fromMs > lengthMs ? untilMs * (1 - Number.EPSILON) : untilMs;
}

/**
 * The reservations of one allocator: which are open and which are planned, each written as it ends, at
 * the request that uses it or when its windows are over.
 */
export class Reservations implements Timed {
  readonly counts: ReservationCounts = { ...NOTHING };
  private readonly byKey = new Map<string, Kept>();
  private readonly ends = new TimeQueue<{ readonly kept: Kept; readonly span: Span }>();
  /** Those that ended at this very time: a request that comes now is still within them. */
  private readonly endedNow = new Map<string, boolean>();
  private endedMs = Number.NEGATIVE_INFINITY;

  constructor(
    readonly price: number,
    private readonly windowMs: number,
    private readonly rows: CsvFile,
    private readonly progress: Progress,
  ) {}

  get nextMs(): number {
    return this.ends.nextMs;
  }

  /** The next one ends unused. */
  run(): void {
    const next = this.ends.take();
    if (next === null) return;
    const { kept, span } = next;
    if (kept.spans[0] !== span) return;
    this.write(kept.key, span.fromMs, span.untilMs, false);
    if (span.untilMs > this.endedMs) this.endedNow.clear();
    this.endedMs = span.untilMs;
    const isCounted = this.isCounting;
    this.endedNow.set(kept.key, isCounted);
    this.set(kept, kept.spans.slice(1));
  }

  /**
   * A request comes: it uses what is open, and what was planned is planned anew. `isNew`: for a key
   * never seen before, of a template that is known well.
   */
  requested(key: string, atMs: number, isNew: boolean): void {
    const { counts, isCounting } = this;
    const kept = this.byKey.get(key);
    const isHit = this.use(key, kept?.spans[0], atMs);
    if (kept !== undefined) this.set(kept, []);
    if (!isCounting) return;
    if (isHit) counts.hits++;
    if (isNew) counts.newKeys++;
    if (isNew && isHit) counts.newKeyHits++;
  }

  private use(key: string, span: Span | undefined, atMs: number): boolean {
    const { counts } = this;
    if (span !== undefined && span.fromMs < atMs) {
      this.write(key, span.fromMs, atMs, true);
      return true;
    }
    if (this.endedMs === atMs && this.endedNow.has(key)) {
      if (this.endedNow.get(key) === true) counts.used++;
      this.endedNow.delete(key);
      return true;
    }
    if (span !== undefined && span.fromMs > atMs && this.isCounting) counts.late++;
    return false;
  }

  /** Until when what has begun is kept anyway; `nowMs` where nothing has. */
  begunUntil(key: string, nowMs: number): number {
    const span = this.byKey.get(key)?.spans[0];
    if (span === undefined || span.fromMs >= nowMs) return nowMs;
    const windows = Math.floor((nowMs - span.fromMs) / this.windowMs) + 1;
    return Math.min(span.untilMs, endOf(span.fromMs, windows * this.windowMs));
  }

  /** Windows that have begun stay, all else is as is planned here. */
  plan(key: string, nowMs: number, planned: readonly Span[]): void {
    const kept = this.byKey.get(key) ?? { key, spans: [] };
    const [open] = kept.spans;
    if (open === undefined || open.fromMs >= nowMs) {
      this.set(kept, planned);
      return;
    }
    const untilMs = this.begunUntil(key, nowMs);
    const begun = untilMs === open.untilMs ? open : { fromMs: open.fromMs, untilMs };
    this.set(kept, joined([begun, ...planned], this.windowMs));
  }

  /** Keeps the key for a window from now on, and says until when; in one with what it is kept for anyway. */
  keep(key: string, nowMs: number): number {
    const { windowMs } = this;
    const kept = this.byKey.get(key) ?? { key, spans: [] };
    const [open] = kept.spans;
    if (open !== undefined && open.fromMs <= nowMs && open.untilMs > nowMs) return open.untilMs;
    const isGoingOn = open !== undefined && open.untilMs === nowMs;
    const fromMs = isGoingOn ? open.fromMs : nowMs;
    const windows = isGoingOn ? Math.ceil((open.untilMs - fromMs) / windowMs) + 1 : 1;
    let untilMs = endOf(fromMs, windows * windowMs);
    const rest = isGoingOn ? kept.spans.slice(1) : [...kept.spans];
    for (let next = rest[0]; next !== undefined && next.fromMs <= untilMs; next = rest[0]) {
      untilMs = Math.max(untilMs, next.untilMs);
      rest.shift();
    }
    this.set(kept, [{ fromMs, untilMs }, ...rest]);
    return untilMs;
  }

  /** What is still open is written too. */
  finish(endMs: number): void {
    for (const { key, spans } of this.byKey.values()) {
      const [open] = spans;
      if (open !== undefined) this.write(key, open.fromMs, Math.min(open.untilMs, endMs), false);
    }
    this.byKey.clear();
    this.rows.close();
  }

  private get isCounting(): boolean {
    return this.progress.requests > this.progress.countFrom;
  }

  private set(kept: Kept, spans: readonly Span[]): void {
    const [before] = kept.spans;
    const [first] = spans;
    kept.spans = spans;
    if (first === undefined) {
      this.byKey.delete(kept.key);
      return;
    }
    this.byKey.set(kept.key, kept);
    if (first !== before) this.ends.add(first.untilMs, { kept, span: first });
  }

  private write(key: string, fromMs: number, untilMs: number, isUsed: boolean): void {
    if (untilMs <= fromMs) return;
    this.rows.add(`${key},${fromMs},${untilMs}`);
    if (!this.isCounting) return;
    const { counts } = this;
    counts.reservations++;
    counts.windows += Math.ceil((untilMs - fromMs) / this.windowMs);
    if (isUsed) counts.used++;
  }
}

/** Windows that touch are one reservation; those that overlap by a rounding error are moved up. */
export function joined(spans: readonly Span[], windowMs: number): readonly Span[] {
  const result: Span[] = [];
  for (const span of spans) {
    const last = result.at(-1);
    if (last === undefined || span.fromMs > last.untilMs + ROUNDING_MS) {
      result.push(span);
      continue;
    }
    const windows = Math.round(
      (last.untilMs - last.fromMs + span.untilMs - span.fromMs) / windowMs,
    );
    result[result.length - 1] = {
      fromMs: last.fromMs,
      untilMs: endOf(last.fromMs, windows * windowMs),
    };
  }
  return result;
}

const ROUNDING_MS = 1e-3;
