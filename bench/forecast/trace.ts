import { type Line, linesOf, wrongLine } from './csv.js';

export interface TraceEvent {
  /** In replayed time. */
  readonly atMs: number;
  readonly client: string;
  /** Binary string. */
  readonly key: string;
  readonly op: 'acquire' | 'release';
}

export interface TraceSize {
  readonly requests: number;
  /** Time of the last event. */
  readonly endMs: number;
}

const HEADER = 't_ms,client,key,op';

/**
 * The events of a trace, as many at a time as are read at a time, with their times divided by `speed`.
 * A clock that goes back stands still instead. Throws ExplainedError on a line that is no event.
 */
export async function* readTrace(
  path: string,
  speed: number,
): AsyncGenerator<readonly TraceEvent[]> {
  let latestMs = 0;
  for await (const lines of linesOf(path, HEADER)) {
    yield lines.map(line => {
      const event = eventOf(path, line, speed, latestMs);
      latestMs = event.atMs;
      return event;
    });
  }
}

/** Reads it once through: what is wrong in it is found before anything is computed. */
export async function sizeOf(path: string, speed: number): Promise<TraceSize> {
  let requests = 0;
  let endMs = 0;
  for await (const events of readTrace(path, speed)) {
    for (const { op } of events) if (op === 'acquire') requests++;
    endMs = events.at(-1)?.atMs ?? endMs;
  }
  return { requests, endMs };
}

/** Client and op hold no comma; a key may. */
function eventOf(path: string, line: Line, speed: number, latestMs: number): TraceEvent {
  const { text } = line;
  const first = text.indexOf(',');
  const second = text.indexOf(',', first + 1);
  const last = text.lastIndexOf(',');
  if (first < 0 || second < 0 || last <= second) {
    throw wrongLine(path, line, `is no ${HEADER}`);
  }
  const time = text.slice(0, first);
  const ms = Number(time);
  if (time.trim() === '' || !Number.isFinite(ms) || ms < 0) {
    throw wrongLine(path, line, 'its time is no number of ms');
  }
  const op = text.slice(last + 1);
  if (op !== 'acquire' && op !== 'release') {
    throw wrongLine(path, line, 'is neither acquire nor release');
  }
  const key = text.slice(second + 1, last);
  if (key === '') throw wrongLine(path, line, 'has no key');
  return { atMs: Math.max(latestMs, ms / speed), client: text.slice(first + 1, second), key, op };
}
