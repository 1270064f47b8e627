import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { ExplainedError } from './run-to-exit.js';

/** Each set is days, laid end to end. */
export const DAY_HOURS = 24;
const HOUR_MS = 3_600_000;

/** Times of the events of one day, in hours from its beginning. */
export type Sequence = Float64Array;

export interface Split {
  readonly train: readonly Sequence[];
  readonly validate: readonly Sequence[];
  readonly test: readonly Sequence[];
}

/**
 * Reads `t_ms,client,key,op`, plain or .gz, where the client is `s` and the number of the day. Times
 * count from the first event of the first day: how late on that day it was follows from all others,
 * no event of which may lie outside its own day.
 */
export function readSequences(path: string): readonly Sequence[] {
  const bytes = readFileSync(path);
  const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  const [, ...lines] = text.trimEnd().split('\n');
  const days = new Map<number, number[]>();
  let earliest = Number.NEGATIVE_INFINITY;
  let latest = Number.POSITIVE_INFINITY;
  for (const line of lines) {
    const [time, client = ''] = line.split(',');
    const hours = Number(time) / HOUR_MS;
    const day = Number(client.slice(1));
    if (!Number.isFinite(hours) || !Number.isInteger(day)) {
      throw new ExplainedError(`${path}: "${line}" is no event of a sequence`);
    }
    const inDay = hours - day * DAY_HOURS;
    earliest = Math.max(earliest, -inDay);
    latest = Math.min(latest, DAY_HOURS - inDay);
    const events = days.get(day);
    if (events === undefined) days.set(day, [inDay]);
    else events.push(inDay);
  }
  if (earliest > latest) throw new ExplainedError(`${path}: these are not days laid end to end`);
  const shift = (earliest + latest) / 2;
  return [...days.entries()]
    .sort(([one], [other]) => one - other)
    .map(([, events]) => Float64Array.from(events, hours => hours + shift));
}

/** The first 60 % of the sequences, the next 20 %, and the rest: as Shchur et al. (2020) have it. */
export function split(sequences: readonly Sequence[]): Split {
  const trainEnd = Math.floor(0.6 * sequences.length);
  const validateEnd = Math.floor(0.8 * sequences.length);
  return {
    train: sequences.slice(0, trainEnd),
    validate: sequences.slice(trainEnd, validateEnd),
    test: sequences.slice(validateEnd),
  };
}

export function meanEvents(sequences: readonly Sequence[]): number {
  return sequences.reduce((sum, { length }) => sum + length, 0) / sequences.length;
}

/** From each event, the beginning of the day being one, to the next, and to the end of the day. */
export function gapsOf(sequence: Sequence): {
  readonly hours: number[];
  readonly restHours: number;
} {
  const hours = Array.from(sequence, (at, index) => at - (sequence[index - 1] ?? 0));
  return { hours, restHours: DAY_HOURS - (sequence.at(-1) ?? 0) };
}
