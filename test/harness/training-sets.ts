import type { NetworkShape } from '../../src/forecast/network/shape.js';
import type { TrainingSet } from '../../src/forecast/training/training-set.js';
import { SeededRandom } from '../simulation/random.js';

/** Rows of keys that are asked for in turns. */
export interface Turns {
  readonly rows: number;
  readonly keys: number;
  readonly units: number;
  readonly seed: number;
  /** Gap of a key after its n-th event. */
  gapMs(key: number, nth: number): number;
}

/** What a spread of gaps by 10 % costs at least, in nats above ln gapMs. */
export const SPREAD = 0.1;
const EXPERT_DEVIATIONS = [0.5, 1, 2];

/**
 * A set whose inputs are the last ln gap, the key and a number that means nothing, and whose experts
 * are three log-normals around 300 ms that know nothing of turns.
 */
export function turns({ rows, keys, units, seed, gapMs }: Turns): TrainingSet {
  const shape: NetworkShape = {
    inputs: 3,
    units,
    components: 4,
    experts: EXPERT_DEVIATIONS.length,
  };
  const random = new SeededRandom(seed);
  const set: TrainingSet = {
    count: rows,
    shape,
    inputs: new Float32Array(rows * shape.inputs),
    expertLogDensity: new Float32Array(rows * shape.experts),
    expertLogWeight: new Float32Array(rows * shape.experts).fill(-Math.log(shape.experts)),
    gapMs: new Float64Array(rows),
    sequence: new Int32Array(rows),
  };
  const last = new Float64Array(keys).fill(Math.log(300));
  const events = new Int32Array(keys);
  for (let row = 0; row < rows; row++) {
    const key = random.below(keys);
    const nth = events[key] as number;
    const lnGap = Math.log(gapMs(key, nth)) + SPREAD * normal(random);
    set.inputs.set([last[key] as number, key, random.next()], row * shape.inputs);
    set.gapMs[row] = Math.exp(lnGap);
    set.sequence[row] = key;
    for (const [expert, deviation] of EXPERT_DEVIATIONS.entries()) {
      set.expertLogDensity[row * shape.experts + expert] = lnLogNormal(lnGap, deviation);
    }
    last[key] = lnGap;
    events[key] = nth + 1;
  }
  return set;
}

/** Each key waits 100 ms, 1000 ms, 100 ms and so on. */
export function alternating(rows: number, keys = 2): TrainingSet {
  return turns({ rows, keys, units: 8, seed: 7, gapMs: (_, nth) => (nth % 2 === 0 ? 100 : 1000) });
}

function lnLogNormal(lnGap: number, deviation: number): number {
  const away = (lnGap - Math.log(300)) / deviation;
  return -lnGap - Math.log(deviation) - 0.5 * Math.log(2 * Math.PI) - 0.5 * away * away;
}

function normal(random: SeededRandom): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.next()));
  return radius * Math.cos(2 * Math.PI * random.next());
}
