import { WindowPlan } from '../../src/pool/window-plan.js';
import { median } from '../statistics.js';
import type { Seen } from './planning.js';
import type { Progress } from './reservations.js';

/** Of one simple policy at one price. */
export interface PolicyCounts {
  hits: number;
  windows: number;
}

/** Windows to keep, from so many ms after the request on. */
interface Stretch {
  readonly startMs: number;
  readonly windows: number;
}

/** What a simple policy keeps after a request of a key, at a price. */
type Policy = (seen: Seen, price: number) => readonly Stretch[];

/** What was planned at a key's last request: by policy, then by price. */
interface Planned {
  readonly atMs: number;
  readonly stretches: readonly (readonly (readonly Stretch[])[])[];
}

const RETAINED_MS = [500, 2_000, 10_000] as const;
/** The periodic policy wants so many gaps. */
const GAPS_MIN = 3;

/** Simple policies on the same events, for comparison; each keeps what it planned at the last request. */
export class Policies {
  private readonly policies: readonly (readonly [string, Policy])[];
  private readonly counts: readonly (readonly PolicyCounts[])[];
  private readonly planned = new Map<string, Planned>();
  private readonly plan: WindowPlan;
  /** Requests that who knows the future would have kept a window for. */
  private knowable = 0;

  constructor(
    private readonly prices: readonly number[],
    private readonly windowMs: number,
    private readonly progress: Progress,
  ) {
    this.plan = new WindowPlan(windowMs);
    this.policies = [
      ['never', () => []],
      ...RETAINED_MS.map((ms): readonly [string, Policy] => {
        const retained = [{ startMs: 0, windows: Math.ceil(ms / windowMs) }];
        return [`retain-${ms / 1000}s`, () => retained];
      }),
      ['periodic', seen => this.periodic(seen)],
      ['histogram-plan', (seen, price) => this.byHistogram(seen, price)],
    ];
    this.counts = this.policies.map(() => prices.map(() => ({ hits: 0, windows: 0 })));
  }

  /** What is seen of the key's next request, now that the forecast has heard of this one. */
  requested(key: string, nowMs: number, seen: Seen | null): void {
    const before = this.planned.get(key);
    const isCounted = this.progress.requests > this.progress.countFrom;
    if (isCounted && nowMs !== before?.atMs) this.knowable++;
    if (isCounted && before !== undefined) this.settle(before, nowMs, true);
    const stretches = this.policies.map(([, policy]) =>
      this.prices.map(price => policy(seen ?? NOTHING_SEEN, price)),
    );
    this.planned.set(key, { atMs: nowMs, stretches });
  }

  /** Hits and windows by policy and price, with those of who knows the future: a bound for all. */
  finish(endMs: number): Readonly<Record<string, readonly PolicyCounts[]>> {
    for (const planned of this.planned.values()) this.settle(planned, endMs, false);
    const named = this.policies.map(([name], at) => [name, this.counts[at] ?? []] as const);
    const bound = this.prices.map(() => ({ hits: this.knowable, windows: this.knowable }));
    return Object.fromEntries([...named, ['oracle', bound] as const]);
  }

  private settle({ atMs, stretches }: Planned, nowMs: number, isRequest: boolean): void {
    const gapMs = nowMs - atMs;
    if (gapMs <= 0) return;
    for (const [policy, byPrice] of stretches.entries()) {
      for (const [price, list] of byPrice.entries()) {
        const counts = this.counts[policy]?.[price];
        if (counts !== undefined) settleOne(list, gapMs, this.windowMs, isRequest, counts);
      }
    }
  }

  /** A window about the median of the last gaps. */
  private periodic({ gapsMs, gaps }: Seen): readonly Stretch[] {
    if (gaps < GAPS_MIN) return [];
    const usualMs = median([...gapsMs.subarray(0, gaps)]);
    return [{ startMs: Math.max(0, usualMs - this.windowMs / 2), windows: 1 }];
  }

  /** As the allocator plans, by the histogram of the key's gaps alone. */
  private byHistogram(seen: Seen, price: number): readonly Stretch[] {
    const { plan } = this;
    if (seen === NOTHING_SEEN) return [];
    if (price === this.prices[0]) seen.lookByHistogram(plan);
    plan.choose(price, seen.goesOn);
    return Array.from({ length: plan.length }, (_, stretch) => ({
      startMs: plan.startsMs[stretch] as number,
      windows: plan.windows[stretch] as number,
    }));
  }
}

const NOTHING_SEEN: Seen = {
  gapsMs: new Float32Array(0),
  gaps: 0,
  goesOn: 0,
  lookByHistogram: () => undefined,
};

function settleOne(
  stretches: readonly Stretch[],
  gapMs: number,
  windowMs: number,
  isRequest: boolean,
  counts: PolicyCounts,
): void {
  for (const { startMs, windows } of stretches) {
    if (gapMs <= startMs) return;
    counts.windows += Math.min(windows, Math.ceil((gapMs - startMs) / windowMs));
    if (isRequest && gapMs <= startMs + windows * windowMs) {
      counts.hits++;
      return;
    }
  }
}
