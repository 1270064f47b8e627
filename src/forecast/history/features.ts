import { count, field, type KeyRecords } from './key-records.js';
import type { RequestPace } from './request-pace.js';

/** What the network reads at each request of a key. */
export const featureNames = [
  'ln gap',
  'ln hold',
  'refused',
  'same client',
  ...['second', 'minute', 'hour', 'day'].flatMap(turn => [`sine of ${turn}`, `cosine of ${turn}`]),
  ...['template 1', 'template 2', 'template 3'],
  'ln usual gap',
  'ln latest gap',
  'spread of gaps',
  'ln requests',
  'ln gap of all keys',
  'ln pace of all keys',
  'surprise',
] as const;

export const FEATURES = featureNames.length;

const TURNS_MS = [1000, 60_000, 3_600_000, 86_400_000] as const;

/** What of a request only the moment tells. */
export interface Occasion {
  readonly atMs: number;
  readonly gapMs: number;
  readonly isSameClient: boolean;
  readonly isRefused: boolean;
  /** Minus the logarithm of the probability that this gap had. */
  readonly surprise: number;
}

/** Writes them down, for the key as it stands after this request. Allocates nothing. */
export function writeFeatures(
  records: KeyRecords,
  slot: number,
  pace: RequestPace,
  templateHash: number,
  occasion: Occasion,
  out: Float32Array,
): void {
  let at = 0;
  out[at++] = Math.log(occasion.gapMs + 0.5);
  out[at++] = Math.log(records.number(slot, field.lastHoldMs) + 0.5);
  out[at++] = occasion.isRefused ? 1 : 0;
  out[at++] = occasion.isSameClient ? 1 : 0;
  for (const turnMs of TURNS_MS) {
    const angle = (2 * Math.PI * (occasion.atMs % turnMs)) / turnMs;
    out[at++] = Math.sin(angle);
    out[at++] = Math.cos(angle);
  }
  for (let bit = 0; bit < 3; bit++) out[at++] = (templateHash >>> bit) & 1 ? 1 : -1;
  out[at++] = records.number(slot, field.logMeanSlow);
  out[at++] = records.number(slot, field.logMeanFast);
  out[at++] = Math.sqrt(records.number(slot, field.logVarianceSlow));
  out[at++] = Math.log(records.count(slot, count.requests));
  out[at++] = Math.log(pace.gapMs + 0.05);
  out[at++] = Math.log(pace.meanGapMs + 0.05);
  out[at++] = Math.min(occasion.surprise, 12);
}
