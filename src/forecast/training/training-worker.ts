import { Worker } from 'node:worker_threads';
import { decode, encode, type NetworkWeights } from '../network/weights.js';
import { BACKENDS, type Backend, type BackendName } from './backend-names.js';
import type { FromThread, TrainingAnswer, TrainingOrder } from './messages.js';
import type { TrainingOptions, TrainingResult } from './training-options.js';
import type { TrainingSet } from './training-set.js';

export interface TrainingWorkerOptions {
  /** Share of one core that training may take on average. */
  readonly trainingShareMax: number;
  /** A training that takes longer is given up, and its thread with it. */
  readonly trainingTimeoutMs: number;
  /** After a thread has died, the next begins no sooner; each further death doubles that. */
  readonly trainingRestartMs: number;
  /** JavaScript heap of the thread. */
  readonly trainingHeapMb: number;
  /** What may be computed with, the fastest first. */
  readonly backends: readonly BackendName[];
}

export const trainingWorkerDefaults: TrainingWorkerOptions = {
  trainingShareMax: 0.05,
  trainingTimeoutMs: 600_000,
  trainingRestartMs: 10_000,
  trainingHeapMb: 160,
  backends: BACKENDS,
};

/** What happens to the thread, for the log and the status. */
export interface TrainingEvents {
  /** TensorFlow.js is loaded: with what it computes, and why with nothing faster. */
  started(backend: Backend): void;
  /** The thread is gone; the next training starts another. */
  died(reason: string): void;
}

interface Pending {
  readonly order: TrainingOrder;
  readonly beganMs: number;
  readonly timer: NodeJS.Timeout;
  resolve(result: TrainingResult): void;
}

/** A thread that has died so often in a row is not waited for any longer than after the last. */
const DOUBLINGS_MAX = 10;

/**
 * Learns in a thread of its own, so that no request ever waits for it. There is one thread, begun with
 * the first training and kept: TensorFlow.js takes longer to load than a small training takes, and its
 * native library cannot be loaded twice. Whatever goes wrong there, `train` answers with the reason,
 * and whoever asked keeps the model that it has.
 */
export class TrainingWorker {
  private thread: Worker | null = null;
  private pending: Pending | null = null;
  private notBeforeMs = Number.NEGATIVE_INFINITY;
  private deathsInARow = 0;
  private stopped = false;

  /** `nowMs` is a clock that is never set back. */
  constructor(
    private readonly options: TrainingWorkerOptions,
    private readonly events: TrainingEvents,
    private readonly nowMs: () => number,
  ) {}

  get isBusy(): boolean {
    return this.pending !== null;
  }

  /** How long until training may begin again without taking more than its share; 0 if it may. */
  restMs(): number {
    return Math.max(0, this.notBeforeMs - this.nowMs());
  }

  /**
   * As `train`, elsewhere. The arrays of `set` are handed over, and are empty here afterwards, unless
   * it is refused at once: while another training runs, within the rest after one, and when stopped.
   */
  async train(
    set: TrainingSet,
    options: TrainingOptions,
    from?: NetworkWeights,
  ): Promise<TrainingResult> {
    const refusal = this.refusal();
    if (refusal !== null) return refused(refusal);
    const order: TrainingOrder = { set, options, from: from === undefined ? null : encode(from) };
    const { trainingTimeoutMs } = this.options;
    const tooLong = `it took longer than ${trainingTimeoutMs} ms`;
    return new Promise(resolve => {
      const thread = this.thread ?? this.start();
      this.pending = {
        order,
        beganMs: this.nowMs(),
        timer: setTimeout(() => void this.abandon(tooLong), trainingTimeoutMs),
        resolve,
      };
      thread.ref();
      thread.postMessage(order, buffersOf(order));
    });
  }

  /** Ends the thread for that reason; the next training starts another. */
  async abandon(reason: string): Promise<void> {
    const { thread } = this;
    if (thread === null) return;
    this.ended(thread, reason);
    await thread.terminate();
  }

  /** Ends the thread; a training under way is refused. */
  async stop(): Promise<void> {
    this.stopped = true;
    await this.thread?.terminate();
  }

  private refusal(): string | null {
    if (this.stopped) return 'training is stopped';
    if (this.pending !== null) return 'a training is under way';
    const restMs = this.restMs();
    if (restMs > 0) return `the next training may begin in ${Math.ceil(restMs / 1000)} s`;
    return null;
  }

  private start(): Worker {
    const thread = new Worker(new URL('./training-thread.js', import.meta.url), {
      name: 'forelock-training',
      workerData: { backends: this.options.backends },
      resourceLimits: { maxOldGenerationSizeMb: this.options.trainingHeapMb },
      stdout: true,
      stderr: true,
    });
    let reason = '';
    thread.on('message', (message: FromThread) => this.heard(message));
    thread.on('error', error => {
      reason = error.message;
    });
    thread.on('exit', code => this.ended(thread, reason === '' ? `code ${code}` : reason));
    this.thread = thread;
    return thread;
  }

  private heard(message: FromThread): void {
    if (message.kind === 'backend') {
      this.events.started(message.backend);
      return;
    }
    this.deathsInARow = 0;
    const order = this.pending?.order;
    if (order !== undefined) this.finish(read(message.answer, order));
  }

  private ended(thread: Worker, reason: string): void {
    if (this.thread !== thread) return;
    this.thread = null;
    if (this.stopped) {
      this.finish(refused('training is stopped'));
      return;
    }
    this.finish(refused(`the training thread ended: ${reason}`));
    const doublings = Math.min(this.deathsInARow++, DOUBLINGS_MAX);
    const patienceMs = this.options.trainingRestartMs * 2 ** doublings;
    this.notBeforeMs = Math.max(this.notBeforeMs, this.nowMs() + patienceMs);
    this.events.died(reason);
  }

  private finish(result: TrainingResult): void {
    const { pending } = this;
    if (pending === null) return;
    this.pending = null;
    clearTimeout(pending.timer);
    // Idle, it keeps no process from ending.
    this.thread?.unref();
    const nowMs = this.nowMs();
    const tookMs = nowMs - pending.beganMs;
    const restMs = tookMs / this.options.trainingShareMax - tookMs;
    this.notBeforeMs = nowMs + restMs;
    pending.resolve(result);
  }
}

function read(answer: TrainingAnswer, { set, options }: TrainingOrder): TrainingResult {
  if (answer.outcome === 'refused') return answer;
  const { weights, refused: reason } = decode(answer.weights, set.shape, options.version);
  if (weights === undefined) return { outcome: 'refused', reason, rowsDropped: answer.rowsDropped };
  return { ...answer, weights };
}

function refused(reason: string): TrainingResult {
  return { outcome: 'refused', reason, rowsDropped: 0 };
}

function buffersOf({ set, from }: TrainingOrder): ArrayBuffer[] {
  const arrays = [set.inputs, set.expertLogDensity, set.expertLogWeight, set.gapMs, set.sequence];
  const buffers = new Set(arrays.map(array => array.buffer as ArrayBuffer));
  if (from !== null) buffers.add(from);
  return [...buffers];
}
