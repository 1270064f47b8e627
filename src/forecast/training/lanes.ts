import type { TrainingRandom } from './random.js';

/** No row: a lane is over. */
export const NO_ROW = -1;

/** Rows read side by side: in each lane the rows of one key after the other, end to end. */
export interface Lanes {
  readonly lanes: number;
  readonly steps: number;
  /** steps * lanes: which row is read at a step of a lane, or NO_ROW. */
  readonly rows: Int32Array;
  /** steps * lanes: 1 where the row goes on where the row before it in the lane ended, else 0. */
  readonly goesOn: Uint8Array;
}

/**
 * Lays the keys' rows end to end and cuts that into lanes of one length, so that many are learnt from
 * at once and none is filled up with nothing. Keys come in an order of chance, and the first cut falls
 * anywhere: else each epoch would forget at the same places.
 */
export function intoLanes(
  keys: readonly Int32Array[],
  lanes: number,
  random: TrainingRandom,
): Lanes {
  const order = [...keys];
  random.shuffle(order);
  const count = order.reduce((sum, rows) => sum + rows.length, 0);
  const line = new Int32Array(count);
  const begins = new Uint8Array(count);
  let at = 0;
  for (const rows of order) {
    begins[at] = 1;
    line.set(rows, at);
    at += rows.length;
  }
  const steps = Math.ceil(count / lanes);
  const shift = random.below(steps);
  const rows = new Int32Array(steps * lanes).fill(NO_ROW);
  const goesOn = new Uint8Array(steps * lanes);
  for (let lane = 0; lane < lanes; lane++) {
    for (let step = 0; step < steps; step++) {
      const place = lane * steps + step;
      if (place >= count) break;
      const from = (place + shift) % count;
      rows[step * lanes + lane] = line[from] as number;
      goesOn[step * lanes + lane] = step > 0 && begins[from] === 0 ? 1 : 0;
    }
  }
  return { lanes, steps, rows, goesOn };
}
