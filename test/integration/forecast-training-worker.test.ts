/** Learning in a thread of its own: nobody waits for it, and nothing that befalls it does harm. */
import { setTimeout } from 'node:timers/promises';
import t from 'tap';
import { encode } from '../../src/forecast/network/weights.js';
import type { Backend } from '../../src/forecast/training/backend-names.js';
import {
  type TrainingResult,
  trainingDefaults,
} from '../../src/forecast/training/training-options.js';
import {
  type TrainingEvents,
  TrainingWorker,
  type TrainingWorkerOptions,
  trainingWorkerDefaults,
} from '../../src/forecast/training/training-worker.js';
import type { Lifetime } from '../harness/lifetime.js';
import { alternating } from '../harness/training-sets.js';

const short = { ...trainingDefaults, rowsReadMax: 12_000 };

interface Told extends TrainingEvents {
  readonly backends: Backend[];
  readonly deaths: string[];
}

function listener(): Told {
  const backends: Backend[] = [];
  const deaths: string[] = [];
  return {
    backends,
    deaths,
    started: backend => backends.push(backend),
    died: reason => deaths.push(reason),
  };
}

interface Subject {
  readonly worker: TrainingWorker;
  readonly told: Told;
  /** Moves the clock of the worker. */
  pass(ms: number): void;
}

/** Begins with the clock at 0, which only `pass` moves. */
function subject(t: Lifetime, given: Partial<TrainingWorkerOptions> = {}): Subject {
  const told = listener();
  let nowMs = 0;
  const options = { ...trainingWorkerDefaults, backends: ['wasm'] as const, ...given };
  const worker = new TrainingWorker(options, told, () => nowMs);
  t.teardown(() => worker.stop());
  return {
    worker,
    told,
    pass: ms => {
      nowMs += ms;
    },
  };
}

/** Turns of the event loop until the training is over. */
async function turnsDuring(training: Promise<TrainingResult>): Promise<number> {
  let over = false;
  void training.finally(() => {
    over = true;
  });
  let turns = 0;
  for (; !over; turns++) await setTimeout(1);
  return turns;
}

t.test('it learns, while the event loop goes on', async t => {
  const { worker, told } = subject(t);
  const training = worker.train(alternating(2000), short);
  t.ok(worker.isBusy);
  const turns = await turnsDuring(training);
  const result = await training;
  t.match(result, { outcome: 'trained', replaces: true, rows: 2000 });
  t.ok(turns > 20, `${turns} turns`);
  t.match(told.backends, [{ name: 'wasm', rejected: [] }]);
  t.same(told.deaths, []);
  t.notOk(worker.isBusy);
});

t.test('it gives the bytes that learning on the spot gives', async t => {
  const { worker, pass } = subject(t);
  const bytes = async (): Promise<Uint8Array> => {
    const result = await worker.train(alternating(1000), short);
    if (result.outcome === 'refused') throw new Error(result.reason);
    return new Uint8Array(encode(result.weights));
  };
  const here = await bytes();
  pass(1);
  t.same(await bytes(), here);
  const { worker: another } = subject(t);
  const there = await another.train(alternating(1000), short);
  t.same(there.outcome === 'trained' && new Uint8Array(encode(there.weights)), here);
});

t.test('weights to go on from go there and stay here', async t => {
  const { worker } = subject(t);
  const first = await worker.train(alternating(1000), short);
  if (first.outcome === 'refused') throw new Error(first.reason);
  const next = await worker.train(alternating(1000), { ...short, seed: 2 }, first.weights);
  t.match(next, { outcome: 'trained', verdict: { champion: first.verdict.challenger } });
  t.ok(first.weights.kernel.length > 0);
});

t.test('the set is handed over, not copied; but not where it is refused', async t => {
  const { worker } = subject(t);
  const set = alternating(1000);
  const training = worker.train(set, short);
  t.equal(set.inputs.length, 0);
  const other = alternating(1000);
  t.match(await worker.train(other, short), { outcome: 'refused', reason: /under way/ });
  t.equal(other.count, other.gapMs.length);
  t.match(await training, { outcome: 'trained' });
});

t.test('a set that teaches nothing is refused with its reason', async t => {
  const { worker, told } = subject(t);
  t.match(await worker.train(alternating(10), short), { outcome: 'refused', reason: /too few/ });
  t.match(await worker.train(alternating(1000), short), { outcome: 'trained' });
  t.same(told.deaths, []);
});

t.test('it takes no more than its share of a core', async t => {
  const { worker, pass } = subject(t, { trainingShareMax: 0.05 });
  const training = worker.train(alternating(1000), short);
  pass(1000);
  t.match(await training, { outcome: 'trained' });
  t.equal(worker.restMs(), 19_000);
  t.match(await worker.train(alternating(1000), short), { outcome: 'refused', reason: /in 19 s/ });
  pass(18_999);
  t.equal(worker.restMs(), 1);
  pass(1);
  t.match(await worker.train(alternating(1000), short), { outcome: 'trained' });
});

t.test('a thread that dies is told of, and the next training has another', async t => {
  const endings: readonly (readonly [string, Partial<TrainingWorkerOptions>, RegExp])[] = [
    ['out of memory', { trainingHeapMb: 4 }, /memory/],
    ['without any backend', { backends: [] }, /no backend/],
    ['too slow', { trainingTimeoutMs: 1 }, /longer than 1 ms/],
  ];
  for (const [what, given, reason] of endings) {
    t.test(what, async t => {
      const { worker, told, pass } = subject(t, { trainingRestartMs: 5000, ...given });
      const training = worker.train(alternating(1000), short);
      if (given.trainingTimeoutMs !== undefined) pass(given.trainingTimeoutMs);
      t.match(await training, { outcome: 'refused', reason });
      t.equal(told.deaths.length, 1);
      t.match(told.deaths, [reason]);
      t.equal(worker.isBusy, false);
    });
  }

  t.test('with patience, which success ends', async t => {
    const { worker, told, pass } = subject(t, {
      trainingRestartMs: 5000,
      trainingTimeoutMs: 60_000,
    });
    const kill = async (): Promise<void> => {
      const training = worker.train(alternating(1000), {
        ...short,
        rowsReadMax: 1e9,
        epochsMax: 1e6,
        patienceEpochs: 1e6,
      });
      await worker.abandon('somebody ended it');
      t.match(await training, { outcome: 'refused', reason: /somebody ended it/ });
    };
    for (const restMs of [5000, 10_000, 20_000]) {
      await kill();
      t.equal(worker.restMs(), restMs);
      t.match(await worker.train(alternating(1000), short), { outcome: 'refused' });
      pass(restMs);
    }
    t.match(await worker.train(alternating(1000), short), { outcome: 'trained' });
    await kill();
    t.equal(worker.restMs(), 5000);
    t.equal(told.deaths.length, 4);
  });
});

t.test('stopped, it refuses what is under way and what comes', async t => {
  const { worker, told } = subject(t);
  const training = worker.train(alternating(1000), short);
  await worker.stop();
  t.match(await training, { outcome: 'refused', reason: /stopped/ });
  t.match(await worker.train(alternating(1000), short), { outcome: 'refused', reason: /stopped/ });
  t.same(told.deaths, []);
});
