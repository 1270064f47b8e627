import t from 'tap';
import { SequenceModel, sequenceDefaults } from '../../src/forecast/sequence/sequence-model.js';

const { sequenceHorizonMs: horizonMs } = sequenceDefaults;

interface Request {
  readonly key: string;
  readonly client?: number;
  readonly afterMs?: number;
}

/** Requests one after another, 100 ms apart and of client 1 where they say nothing else; gives the last's time. */
function ask(model: SequenceModel, requests: readonly Request[], fromMs = 0): number {
  let atMs = fromMs;
  for (const { key, client = 1, afterMs = 100 } of requests) {
    atMs += afterMs;
    model.requested(0, key, client, atMs);
  }
  return atMs;
}

/** The same for each number from `first` on, with a pause in which nothing follows between them. */
function repeat(
  model: SequenceModel,
  times: number,
  requests: (number: number) => readonly Request[],
  first = 1000,
): void {
  let atMs = 0;
  for (let count = 0; count < times; count++) {
    atMs = ask(model, requests(first + count), atMs) + 2 * horizonMs;
  }
  model.refresh(atMs);
}

const probability = (model: SequenceModel, key: string, next: string): number =>
  model.successors(0, key).find(successor => successor.key === next)?.probability ?? 0;

t.test('nothing is said of a key that was never asked for', async t => {
  t.same(new SequenceModel().successors(0, 'lock'), []);
});

t.test('what followed once may follow again, and is no certainty', async t => {
  const model = new SequenceModel();
  ask(model, [{ key: 'one' }, { key: 'two' }]);
  const once = probability(model, 'one', 'two');
  t.ok(once > 0.1 && once < 0.5, String(once));
  t.equal(probability(model, 'two', 'one'), 0, 'order matters');
});

t.test('what always follows is nearly certain, and comes after its usual delay', async t => {
  const model = new SequenceModel();
  repeat(model, 30, () => [{ key: 'one' }, { key: 'two', afterMs: 2000 }]);
  const [next] = model.successors(0, 'one');
  t.equal(next?.key, 'two');
  t.ok((next?.probability ?? 0) > 0.9);
  t.ok((next?.below(1500) ?? 1) < 0.1, 'not at once');
  t.ok((next?.below(2600) ?? 0) > 0.9);
  t.ok((next?.score(0, 500) ?? 1) < 0.05);
  t.ok((next?.score(1800, 500) ?? 0) > 0.8, 'due');
  t.ok((next?.score(8000, 500) ?? 1) < 0.1, 'it will not come any more');
});

t.test('where nothing follows half of the time, the probability says so', async t => {
  const model = new SequenceModel();
  repeat(model, 100, count =>
    count % 2 === 0 ? [{ key: 'one' }, { key: 'two' }] : [{ key: 'one' }],
  );
  t.ok(Math.abs(probability(model, 'one', 'two') - 0.5) < 0.05);
});

t.test('what comes after the horizon does not follow', async t => {
  const model = new SequenceModel();
  repeat(model, 10, () => [{ key: 'one' }, { key: 'two', afterMs: horizonMs + 1 }]);
  t.same(model.successors(0, 'one'), []);
});

t.test('of several that follow, each has its share', async t => {
  const model = new SequenceModel();
  repeat(model, 100, count => [{ key: 'one' }, { key: count % 4 === 0 ? 'rare' : 'usual' }]);
  const next = model
    .successors(0, 'one')
    .map(({ key, probability }) => [key, probability] as const);
  t.match(next, [['usual'], ['rare']]);
  t.ok(Math.abs((next[0]?.[1] ?? 0) - 0.75) < 0.05);
  t.ok(Math.abs((next[1]?.[1] ?? 0) - 0.25) < 0.05);
});

/** A workflow learnt from twenty others: what is foretold of one that was never seen. */
const workflows: readonly {
  readonly name: string;
  readonly steps: (id: number) => readonly Request[];
  readonly asked: string;
  readonly next: string;
}[] = [
  {
    name: 'the variable is carried over',
    steps: id => [{ key: `order:${id}:reserve` }, { key: `order:${id}:pay` }],
    asked: 'order:77:reserve',
    next: 'order:77:pay',
  },
  {
    name: 'several are, in another order',
    steps: id => [{ key: `shop:${id % 7}:order:${id}` }, { key: `order:${id}:shop:${id % 7}` }],
    asked: 'shop:3:order:77',
    next: 'order:77:shop:3',
  },
  {
    name: 'two stay where they are, though they were the same each time',
    steps: id => [{ key: `from:${id}:to:${id}` }, { key: `book:${id}:on:${id}` }],
    asked: 'from:3:to:77',
    next: 'book:3:on:77',
  },
  {
    name: 'a UUID is',
    steps: id => [{ key: `cart:${uuid(id)}` }, { key: `pay:${uuid(id)}` }],
    asked: `cart:${uuid(77)}`,
    next: `pay:${uuid(77)}`,
  },
  {
    name: 'a lock follows that has no variable',
    steps: id => [{ key: `order:${id}:reserve` }, { key: 'ledger' }],
    asked: 'order:77:reserve',
    next: 'ledger',
  },
  {
    name: 'a lock follows that always has the same variable',
    steps: id => [{ key: `order:${id}:reserve` }, { key: 'ledger:5' }],
    asked: 'order:77:reserve',
    next: 'ledger:5',
  },
  {
    name: 'the next number follows',
    steps: id => [{ key: `page:${id}` }, { key: `prefetch:${id + 1}` }],
    asked: 'page:0099',
    next: 'prefetch:0100',
  },
];

function uuid(id: number): string {
  return `00000000-0000-4000-8000-${String(id).padStart(12, '0')}`;
}

for (const { name, steps, asked, next } of workflows) {
  t.test(`of a key never seen before: ${name}`, async t => {
    const model = new SequenceModel();
    repeat(model, 20, steps);
    ask(model, [{ key: asked }], 1e7);
    t.ok(probability(model, asked, next) > 0.8);
  });
}

t.test('a variable that is not carried over foretells nothing', async t => {
  const model = new SequenceModel();
  repeat(model, 50, id => [{ key: `order:${id}` }, { key: `user:${id * 31}` }]);
  ask(model, [{ key: 'order:77' }], 1e7);
  for (const { key, probability } of model.successors(0, 'order:77')) {
    t.ok(probability < 0.02, `${key}: ${probability}`);
  }
});

t.test(
  'a workflow whose steps come from different connections is foretold all the same',
  async t => {
    const model = new SequenceModel();
    // Two run at a time, so that no connection's next request tells anything.
    repeat(model, 30, id => [
      { key: `order:${id}:reserve`, client: 1 },
      { key: `order:${id * 7}:reserve`, client: 2 },
      { key: `order:${id}:pay`, client: 2 },
      { key: `order:${id * 7}:pay`, client: 1 },
    ]);
    ask(model, [{ key: 'order:77:reserve' }], 1e7);
    t.ok(probability(model, 'order:77:reserve', 'order:77:pay') > 0.8);
  },
);

t.test(
  'where another client asks for something of the same variable, the client counts',
  async t => {
    const model = new SequenceModel();
    repeat(model, 60, id => [
      { key: `order:${id}:reserve`, client: 1 },
      { key: id % 2 === 0 ? `audit:${id}` : 'other', client: 2 },
      { key: `order:${id}:pay`, client: 1 },
    ]);
    ask(model, [{ key: 'order:77:reserve' }], 1e7);
    t.ok(probability(model, 'order:77:reserve', 'order:77:pay') > 0.9);
  },
);

t.test('what is known of a key itself goes before what its template says', async t => {
  const model = new SequenceModel();
  repeat(model, 40, id => [{ key: `host:${id}` }, { key: 'usual' }]);
  repeat(model, 40, () => [{ key: 'host:7' }, { key: 'special' }], 1e4);
  t.ok(probability(model, 'host:7', 'special') > 0.9);
  t.ok(probability(model, 'host:7', 'usual') < 0.1);
});

t.test('so it is where any client asks for what carries the variable', async t => {
  const model = new SequenceModel();
  const turns = (id: number, next: string): readonly Request[] => [
    { key: `host:${id}`, client: 1 },
    { key: `${next}:${id}`, client: 2 },
  ];
  repeat(model, 40, id => turns(id, 'usual'));
  repeat(model, 40, () => turns(7, 'special'), 1e4);
  t.ok(probability(model, 'host:7', 'special:7') > 0.9);
  t.ok(probability(model, 'host:7', 'usual:7') < 0.1);
});

t.test('a key that does as its template is as certain as that from the first time on', async t => {
  const model = new SequenceModel();
  repeat(model, 40, id => [{ key: `host:${id}` }, { key: 'usual' }]);
  for (const times of [1, 2, 3]) {
    repeat(model, 1, () => [{ key: 'host:7' }, { key: 'usual' }], 1e4);
    t.ok(probability(model, 'host:7', 'usual') > 0.9, `${times}`);
  }
});

t.test("a key's few delays are drawn to those of its template", async t => {
  const model = new SequenceModel();
  repeat(model, 40, id => [{ key: `host:${id}` }, { key: 'usual', afterMs: 100 }]);
  repeat(model, 2, () => [{ key: 'host:7' }, { key: 'usual', afterMs: 5000 }], 1e4);
  const below = (): number => model.successors(0, 'host:7')[0]?.below(1000) ?? 0;
  const few = below();
  t.ok(few > 0.2 && few < 0.8, String(few));
  repeat(model, 30, () => [{ key: 'host:7' }, { key: 'usual', afterMs: 5000 }], 1e4);
  t.ok(below() < 0.2);
});

t.test('what follows a key may depend on the key before it', async t => {
  const model = new SequenceModel();
  const lines = [
    ['left', 'middle', 'one'],
    ['right', 'middle', 'two'],
    // A second attempt, and the third request is another lock.
    ['again', 'again', 'three'],
  ];
  repeat(model, 90, count => (lines[count % 3] ?? []).map(key => ({ key })));
  const after = (before: string, key: string, next: string): number =>
    model.successors(0, key, before).find(successor => successor.key === next)?.probability ?? 0;
  t.ok(after('left', 'middle', 'one') > 0.9);
  t.ok(after('left', 'middle', 'two') < 0.1);
  t.ok(after('right', 'middle', 'two') > 0.9);
  t.ok(after('again', 'again', 'three') > 0.9);
  t.ok(after('', 'again', 'again') > 0.9);
  const unknown = after('never', 'middle', 'one');
  t.ok(Math.abs(unknown - 0.5) < 0.1, 'else the key alone counts');
  const atMs = ask(model, [{ key: 'left' }, { key: 'middle' }], 1e9);
  t.ok(model.score(0, 'one', 1000, atMs) > 0.9);
  t.ok(model.score(0, 'two', 1000, atMs) < 0.1);
});

t.test('of many keys before one, those that come often stay told apart', async t => {
  const model = new SequenceModel();
  const line = (count: number): readonly Request[] => {
    const known = count < 4 || count % 2 === 0;
    const before = known ? 'known' : `chance${'abcdefghijklmnop'.charAt(count % 16)}`;
    return [{ key: before }, { key: 'middle' }, { key: known ? 'one' : 'two' }];
  };
  repeat(model, 200, line, 0);
  const [next] = model.successors(0, 'middle', 'known');
  t.equal(next?.key, 'one');
  t.ok((next?.probability ?? 0) > 0.9);
});

t.test('a key seen once follows its template', async t => {
  const model = new SequenceModel();
  repeat(model, 40, id => [{ key: `host:${id}` }, { key: 'usual' }]);
  ask(model, [{ key: 'host:7' }, { key: 'other' }], 1e8);
  t.ok(probability(model, 'host:7', 'usual') > probability(model, 'host:7', 'other'));
});

t.test('what follows may change: the newer counts more', async t => {
  const model = new SequenceModel();
  repeat(model, 300, () => [{ key: 'one' }, { key: 'old' }]);
  repeat(model, 300, () => [{ key: 'one' }, { key: 'new' }], 2000);
  t.ok(probability(model, 'one', 'new') > probability(model, 'one', 'old'));
});

t.test('databases have nothing to do with each other', async t => {
  const model = new SequenceModel();
  for (let atMs = 0; atMs < 20_000; atMs += 1000) {
    model.requested(0, 'lock:1', 1, atMs);
    model.requested(1, 'lock:2', 1, atMs + 100);
  }
  t.match(model.successors(0, 'lock:1'), [{ key: 'lock:1' }], 'no other than itself');
  t.equal(model.successors(0, 'lock:1').length, 1);
  t.same(model.successors(1, 'lock:1'), [], 'never seen there');
});

t.test('a key too long to be a name is nothing to learn from', async t => {
  const model = new SequenceModel();
  const long = 'x'.repeat(10_000);
  repeat(model, 10, () => [{ key: 'one' }, { key: long }]);
  t.same(model.successors(0, 'one'), []);
  t.same(model.successors(0, long), []);
  t.equal(model.sizes.keys, 1);
});
