import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import t from 'tap';
import { SequenceModel, sequenceDefaults } from '../../src/forecast/sequence/sequence-model.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** A seeded sequence of numbers below `most`: the generator of Park and Miller. */
function numbers(seed: number): (most: number) => number {
  let state = seed;
  return most => {
    state = (state * 48271) % 2147483647;
    return state % most;
  };
}

t.test('a million different keys pass through in bounded memory', async t => {
  const model = new SequenceModel();
  const next = numbers(7);
  const shapes: readonly ((id: number) => string)[] = [
    id => `order:${id}:pay`,
    id => `${id.toString(16).padStart(10, '0')}:${id * 3}`,
    id => `name:${[...String(id)].map(digit => 'qwrtzuiopy'[Number(digit)]).join('')}`,
  ];
  const ask = (count: number, atMs: number): void => {
    const shape = shapes[count % shapes.length];
    if (shape === undefined) return;
    model.requested(0, shape(count * 1000 + next(1000)), next(50_000), atMs);
  };
  // Full tables first: what comes after must not add to them.
  for (let count = 0; count < 100_000; count++) ask(count, count / 10);
  const before = heapBytes();
  for (let count = 100_000; count < 1_000_000; count++) ask(count, count / 10);
  const grown = heapBytes() - before;
  t.comment(`${before} bytes with full tables, ${grown} more after a million keys`);
  t.ok(grown < 8e6, `${grown} bytes more`);
  t.ok(before < 150e6);
  const { sequenceKeysMax, sequenceTemplatesMax, sequenceThreadsMax } = sequenceDefaults;
  const { keys, templates, clients, values } = model.sizes;
  t.ok(keys <= sequenceKeysMax, `${keys} keys`);
  t.ok(templates <= sequenceTemplatesMax, `${templates} templates`);
  t.ok(clients <= sequenceThreadsMax, `${clients} clients`);
  t.ok(values <= sequenceThreadsMax, `${values} values`);
});

function heapBytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

t.test('what is used again and again outlasts a million keys that are used once', async t => {
  const model = new SequenceModel();
  let atMs = 0;
  const cycle = (): void => {
    model.requested(0, 'one', 1, atMs);
    model.requested(0, 'two', 1, atMs + 10);
    atMs += 1000;
  };
  for (let count = 0; count < 20; count++) cycle();
  for (let count = 0; count < 200_000; count++) {
    model.requested(0, `random:${count}:${count % 977}`, 2, atMs);
    model.requested(
      0,
      `n${[...String(count)].map(digit => 'qwrtzuiopy'[Number(digit)]).join('')}`,
      2,
      atMs,
    );
    if (count % 4000 === 0) cycle();
  }
  const [first] = model.successors(0, 'one');
  t.equal(first?.key, 'two');
  t.ok((first?.probability ?? 0) > 0.8);
});

const request = fc.record({
  key: fc.constantFrom('a', 'b', 'c:1', 'c:2', 'c:3', 'd:1:2', 'd:2:1', 'e:1', 'f:9', 'f:10'),
  client: fc.integer({ min: 1, max: 3 }),
  afterMs: fc.constantFrom(0, 0.0001, 1, 50, 3000, 20_000),
});

t.test(
  'whatever is asked for: probabilities, each key once, and no delay that is none',
  async () => {
    fc.assert(
      fc.property(fc.array(request, { maxLength: 200 }), requests => {
        const model = new SequenceModel();
        let atMs = 0;
        for (const { key, client, afterMs } of requests) {
          atMs += afterMs;
          model.requested(0, key, client, atMs);
          const next = model.successors(0, key);
          const keys = new Set(next.map(successor => successor.key));
          if (keys.size !== next.length) return false;
          // A request's variables are further threads that each have a next request of their own.
          const threads = 1 + (key.match(/\d+/g)?.length ?? 0);
          let sum = 0;
          for (const successor of next) {
            const { probability } = successor;
            if (!(probability >= 0 && probability <= 1)) return false;
            sum += probability;
            let below = 0;
            for (const delayMs of [0, 0.0001, 1, 10, 500, 1e4, 1e9]) {
              const now = successor.below(delayMs);
              if (!(now >= below && now <= 1)) return false;
              below = now;
              const score = successor.score(delayMs, 500);
              if (!(score >= 0 && score <= 1)) return false;
            }
          }
          if (sum > threads + 1e-9) return false;
        }
        return true;
      }),
      { numRuns: 300 },
    );
  },
);

t.test('of a key without variables the probabilities are at most 1 together', async () => {
  fc.assert(
    fc.property(fc.array(request, { maxLength: 200 }), requests => {
      const model = new SequenceModel();
      let atMs = 0;
      for (const { key, client, afterMs } of requests) {
        atMs += afterMs;
        model.requested(0, key, client, atMs);
      }
      return ['a', 'b'].every(
        key =>
          model.successors(0, key).reduce((sum, each) => sum + each.probability, 0) <= 1 + 1e-9,
      );
    }),
    { numRuns: 300 },
  );
});
