import { Chance } from './chance.js';
import { linesOf, wrongLine } from './csv.js';
import type { Timed } from './timeline.js';

/** A moment at which the score of a key is asked for. */
export interface Moment {
  readonly atMs: number;
  readonly key: string;
  /** Where it stands in the file of probes. */
  readonly row: number;
}

/** Moments from a file, in order of time. */
export class ProbedMoments implements Timed {
  private next = 0;
  private readonly ordered: readonly Moment[];

  constructor(
    /** In the order of the file. */
    readonly moments: readonly Moment[],
    private readonly look: (moment: Moment) => void,
  ) {
    this.ordered = [...moments].sort((one, other) => one.atMs - other.atMs || one.row - other.row);
  }

  get nextMs(): number {
    return this.ordered[this.next]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  run(): void {
    const moment = this.ordered[this.next++];
    if (moment !== undefined) this.look(moment);
  }
}

/** Keys that are drawn from; of more, those seen first. */
const KEYS_MAX = 100_000;
/** As many moments as requests would be too many: one for so many. */
const REQUESTS_PER_MOMENT = 2;

/**
 * Moments by chance, and a key by chance among those seen so far. They come about as often as requests
 * have come so far, whenever these came; so nothing depends on how long the trace will be.
 */
export class ChanceMoments implements Timed {
  nextMs = Number.POSITIVE_INFINITY;
  private readonly keys: string[] = [];
  private readonly known = new Set<string>();
  private readonly chance: Chance;
  private requests = 0;
  private rows = 0;

  constructor(
    seed: number,
    private readonly look: (moment: Moment) => void,
  ) {
    this.chance = new Chance(seed);
  }

  run(): void {
    const atMs = this.nextMs;
    this.look({ atMs, key: this.chance.pick(this.keys), row: this.rows++ });
    this.nextMs = atMs + this.wait(atMs);
  }

  requested(key: string, atMs: number): void {
    this.requests++;
    if (!this.known.has(key) && this.known.size < KEYS_MAX) {
      this.known.add(key);
      this.keys.push(key);
    }
    if (this.nextMs === Number.POSITIVE_INFINITY && atMs > 0) this.nextMs = atMs + this.wait(atMs);
  }

  private wait(atMs: number): number {
    return this.chance.exponential((atMs * REQUESTS_PER_MOMENT) / this.requests);
  }
}

/** Reads `t_ms,key`, in replayed time. */
export async function readProbes(path: string): Promise<readonly Moment[]> {
  const moments: Moment[] = [];
  for await (const lines of linesOf(path, 't_ms,key')) {
    for (const line of lines) {
      const comma = line.text.indexOf(',');
      const time = line.text.slice(0, comma);
      const atMs = Number(time);
      if (comma < 1 || !Number.isFinite(atMs)) throw wrongLine(path, line, 'is no t_ms,key');
      moments.push({ atMs, key: line.text.slice(comma + 1), row: moments.length });
    }
  }
  return moments;
}
