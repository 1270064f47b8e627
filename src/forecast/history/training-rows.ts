/** Rows as the training wants them, in order of time (training/training-set.ts). */
export interface TakenRows {
  readonly count: number;
  readonly inputs: Float32Array;
  readonly expertLogDensity: Float32Array;
  readonly expertLogWeight: Float32Array;
  readonly gapMs: Float64Array;
  readonly sequence: Int32Array;
}

/**
 * What the network is trained on: a rolling window of requests, each with what the network read then,
 * what each statistic said, and the gap that came. A row is begun at a request, and finished by the
 * key's next one, where it is still there.
 */
export class TrainingRows {
  private readonly inputs: Float32Array;
  private readonly densities: Float32Array;
  private readonly weights: Float32Array;
  private readonly gapsMs: Float64Array;
  private readonly sequences: Int32Array;
  /** When each was finished, as a running number. */
  private readonly ends: Float64Array;
  /** Rows finished since the start. */
  finished = 0;
  /** Rows begun since the start. */
  private begun = 0;

  constructor(
    private readonly rowsMax: number,
    private readonly features: number,
    private readonly experts: number,
  ) {
    this.inputs = new Float32Array(rowsMax * features);
    this.densities = new Float32Array(rowsMax * experts);
    this.weights = new Float32Array(rowsMax * experts);
    this.gapsMs = new Float64Array(rowsMax).fill(Number.NaN);
    this.sequences = new Int32Array(rowsMax);
    this.ends = new Float64Array(rowsMax);
  }

  /** Returns the name of the row, never 0; `weights` as probabilities. */
  begin(sequence: number, inputs: Float32Array, weights: Float64Array): number {
    const at = this.begun % this.rowsMax;
    this.inputs.set(inputs, at * this.features);
    for (let expert = 0; expert < this.experts; expert++) {
      this.weights[at * this.experts + expert] = Math.log((weights[expert] as number) + 1e-6);
    }
    this.gapsMs[at] = Number.NaN;
    this.sequences[at] = sequence;
    this.begun = (this.begun + 1) % 0xffff_fff0;
    return this.begun;
  }

  /** `probabilities` of the gap to the millisecond, by each statistic. */
  finish(row: number, gapMs: number, probabilities: Float64Array): void {
    if (row === 0 || this.begun - row >= this.rowsMax || row > this.begun) return;
    const at = (row - 1) % this.rowsMax;
    for (let expert = 0; expert < this.experts; expert++) {
      this.densities[at * this.experts + expert] = Math.log(probabilities[expert] as number);
    }
    this.gapsMs[at] = gapMs;
    this.ends[at] = ++this.finished;
  }

  /** A copy of all finished rows, in the order in which their gaps ended. */
  take(): TakenRows {
    const { rowsMax, features, experts } = this;
    const from = Math.max(0, this.begun - rowsMax);
    const order: number[] = [];
    for (let row = from; row < this.begun; row++) {
      const at = row % rowsMax;
      if (!Number.isNaN(this.gapsMs[at] as number)) order.push(at);
    }
    order.sort((one, other) => (this.ends[one] as number) - (this.ends[other] as number));
    const rows = order.length;
    const taken = {
      count: rows,
      inputs: new Float32Array(rows * features),
      expertLogDensity: new Float32Array(rows * experts),
      expertLogWeight: new Float32Array(rows * experts),
      gapMs: new Float64Array(rows),
      sequence: new Int32Array(rows),
    };
    for (const [row, at] of order.entries()) {
      taken.inputs.set(this.inputs.subarray(at * features, (at + 1) * features), row * features);
      const expertsAt = at * experts;
      const expertsEnd = expertsAt + experts;
      taken.expertLogDensity.set(this.densities.subarray(expertsAt, expertsEnd), row * experts);
      taken.expertLogWeight.set(this.weights.subarray(expertsAt, expertsEnd), row * experts);
      taken.gapMs[row] = this.gapsMs[at] as number;
      taken.sequence[row] = this.sequences[at] as number;
    }
    return taken;
  }
}
