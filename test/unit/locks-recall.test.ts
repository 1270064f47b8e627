import t from 'tap';
import { channelOf, messageOf, noticeOf } from '../../src/locks/notice.js';
import { FleetScene } from '../simulation/fleet-scene.js';
import type { TestRequest } from '../simulation/lock-requests.js';
import type { Scene } from '../simulation/scene.js';

// Several proxies before one Redis: tickets, recall and transfer.

/** An attempt that is made a second time, so that it is a retrier's. */
function retry(scene: Scene, fleet: FleetScene, value: string, clientId: number): TestRequest {
  scene.acquire('lock', value, 10_000, clientId);
  fleet.settle();
  return scene.acquire('lock', value, 10_000, clientId);
}

/** Both proxies know the lock; the first one holds it ready. */
function reservedByFirst(count = 2, options: ConstructorParameters<typeof FleetScene>[1] = {}) {
  const fleet = new FleetScene(count, options);
  for (const scene of fleet.proxies) scene.prove('lock');
  fleet.proxy(1).delegate('lock');
  fleet.settle();
  return { fleet, first: fleet.proxy(1), second: fleet.proxy(2) };
}

t.test('an idle reservation of another proxy is passed on to a try-lock', async t => {
  const { fleet, first, second } = reservedByFirst();
  t.match(fleet.redis.get(0, 'lock'), /^forelock:p1:/);
  const attempt = second.acquire('lock', 'mine');
  t.equal(attempt.verdict, null, 'it waits for the owner');
  t.strictSame(second.world.answerAll(), ['want']);
  t.strictSame(fleet.hear(), ['p1: recall']);
  t.strictSame(first.world.answerAll(), ['yield']);
  t.strictSame(fleet.hear(), ['p2: transfer']);
  t.equal(attempt.verdict, 'granted');
  t.match(fleet.redis.get(0, 'lock'), /^forelock:p2:/, 'from memory, in another token');
  t.equal(second.manager.counters.grantsFromMemory, 1);
  t.strictSame([first.manager.counters.transfersOut, second.manager.counters.transfersIn], [1, 1]);
});

t.test('a lock that another proxy has granted is refused once its holder is written', async t => {
  const { fleet, first, second } = reservedByFirst(2, { materializeAfterMs: 100_000 });
  t.equal(first.acquire('lock', 'holder').verdict, 'granted');
  const attempt = second.acquire('lock', 'mine');
  second.world.answerAll();
  fleet.hear();
  t.strictSame(first.world.answerAll(), ['materialize']);
  t.strictSame(fleet.hear(), ['p2: held']);
  t.equal(attempt.verdict, 'held');
  t.equal(fleet.redis.get(0, 'lock'), 'holder');
});

t.test('who comes after it was told that the lock is held is not refused by that', async t => {
  const { fleet, first, second } = reservedByFirst(2, { materializeAfterMs: 100_000 });
  first.acquire('lock', 'holder');
  const attempt = second.acquire('lock', 'mine');
  second.world.executeOne();
  fleet.hear();
  first.world.answerAll();
  t.strictSame(fleet.hear(), ['p2: held']);
  first.release('lock', 'holder');
  first.settle();
  const later = second.acquire('lock', 'later', 10_000, 2);
  second.world.answerOne();
  t.equal(attempt.verdict, 'held');
  t.equal(later.verdict, null);
  fleet.settle();
  t.equal(later.verdict, 'granted');
});

t.test('an owner that says nothing costs the recall timeout, then the plain no', async t => {
  const { fleet, second } = reservedByFirst();
  const attempt = second.acquire('lock', 'mine');
  second.world.live(9);
  fleet.notices.splice(0);
  t.equal(attempt.verdict, null);
  second.world.live(2);
  t.equal(attempt.verdict, 'held');
  t.equal(second.manager.counters.recallTimeouts, 1);
  second.world.live(5000);
  t.equal(second.state('lock'), 'idle', 'nothing is left of its ticket');
});

t.test('Redis is asked once more, since what is told may be lost', async t => {
  const { fleet, first, second } = reservedByFirst();
  const attempt = second.acquire('lock', 'mine');
  second.world.answerAll();
  fleet.notices.splice(0);
  fleet.live(5);
  t.equal(attempt.verdict, 'granted');
  t.equal(first.manager.counters.recalls, 1);
});

t.test('a transfer of which nothing is heard is found by asking once more', async t => {
  const { fleet, first, second } = reservedByFirst();
  const attempt = second.acquire('lock', 'mine');
  second.world.answerAll();
  fleet.hear();
  t.strictSame(first.world.answerAll(), ['yield']);
  fleet.notices.splice(0);
  fleet.live(5);
  t.equal(attempt.verdict, 'granted');
  t.equal(fleet.redis.get(0, 'lock'), 'mine', 'by the token of its own ticket');
});

t.test('a transfer of which nothing was heard refuses nobody once its ticket is over', async t => {
  for (const [toldWithinMs, isFree] of [
    [300, true],
    [3000, false],
  ] as const) {
    const { fleet, first, second } = reservedByFirst(2, { toldWithinMs });
    const attempt = second.acquire('lock', 'mine');
    second.world.answerAll();
    fleet.hear();
    second.manager.abandoned(attempt);
    t.strictSame(first.world.answerAll(), ['yield']);
    fleet.notices.splice(0);
    t.match(fleet.redis.get(0, 'lock'), /^forelock:p2:/);
    fleet.live(800);
    t.equal(fleet.redis.get(0, 'lock') === null, isFree, `toldWithinMs: ${toldWithinMs}`);
    fleet.live(3000);
    t.equal(fleet.redis.get(0, 'lock'), null, 'taken back by name');
    t.equal(second.state('lock'), 'idle');
  }
});

t.test('what is told of a ticket counts for none that replaced it', async t => {
  const fleet = new FleetScene(2, { leaseSlackMinMs: 50 });
  const [first, second] = [fleet.proxy(1), fleet.proxy(2)];
  for (const scene of fleet.proxies) {
    scene.retainMs = 0;
    scene.prove('lock', 100);
  }
  first.acquire('lock', 'holder', 100);
  first.settle();
  const attempts = [0, 1].map(() => {
    const attempt = second.acquire('lock', 'mine', 100, 2);
    fleet.settle();
    return attempt;
  });
  first.release('lock', 'holder');
  first.settle();
  t.match(fleet.redis.get(0, 'lock'), /^forelock:p2:/, 'it is passed on to who waits');
  const late = fleet.notices.splice(0);
  t.match(late, [{ to: 2, notice: { kind: 'transfer' } }]);
  // The second one stands still until that lease is over, and a client straight on Redis is quicker.
  first.world.pass(250);
  second.world.nowMs += 250;
  t.equal(fleet.redis.setNx(0, 'lock', 'direct', 10_000), true);
  second.world.pass(0);
  attempts.push(second.acquire('lock', 'mine', 100, 2));
  second.settle();
  t.equal(second.manager.find(0, 'lock')?.parked, 1, 'it waits by another ticket');
  fleet.notices.push(...late);
  fleet.settle();
  t.strictSame(
    attempts.map(({ verdict }) => verdict === 'granted'),
    [false, false, false],
    'nobody is granted what another one holds',
  );
  t.equal(fleet.redis.get(0, 'lock'), 'direct');
});

t.test('a key that was asked for is not reserved for a while, which grows', async t => {
  const { fleet, first, second } = reservedByFirst(2, { recallBackOffMs: 30_000 });
  const recall = (value: string): void => {
    second.acquire('lock', value);
    fleet.settle();
    second.release('lock', value);
    fleet.live(2000);
  };
  recall('a');
  t.equal(first.why('lock'), 'another proxy has asked for it');
  t.equal(first.manager.reserve(0, 'lock', first.world.nowMs + 500), false);
  fleet.live(28_000);
  t.equal(first.why('lock'), null);
  t.equal(first.manager.reserve(0, 'lock', first.world.nowMs + 500), true);
  fleet.settle();
  recall('b');
  fleet.live(40_000);
  t.equal(first.why('lock'), 'another proxy has asked for it', 'twice as long');
  fleet.live(20_000);
  t.equal(first.why('lock'), null);
});

t.test('a retrier takes a ticket beside a holder, and is passed the lock', async t => {
  const { fleet, first, second } = reservedByFirst();
  first.acquire('lock', 'holder');
  fleet.live(6);
  t.equal(fleet.redis.get(0, 'lock'), 'holder');
  const waiting = retry(second, fleet, 'mine', 2);
  fleet.live(20);
  t.equal(waiting.verdict, null, 'it is parked');
  t.equal(first.release('lock', 'holder').verdict, null);
  t.strictSame(first.world.answerAll(), ['retain']);
  t.strictSame(fleet.hear(), ['p2: transfer']);
  t.equal(waiting.verdict, 'granted', 'the moment it is free');
});

t.test(
  'a ticket is renewed in its place, and serves one before others have their turn',
  async t => {
    const { fleet, first, second } = reservedByFirst(3, {
      parkMs: 300,
      ticketMinMs: 100,
      recallHoldMs: 0,
    });
    const third = fleet.proxy(3);
    first.acquire('lock', 'holder');
    fleet.live(6);
    const early = retry(second, fleet, 'early', 2);
    fleet.live(5);
    const late = retry(third, fleet, 'late', 3);
    fleet.live(250);
    first.release('lock', 'holder');
    fleet.settle();
    t.strictSame([early.verdict, late.verdict], ['granted', null]);
    second.release('lock', 'early', 2);
    fleet.settle();
    t.equal(late.verdict, 'granted');
  },
);

t.test('a new owner serves one of its own before others have their turn', async t => {
  const { fleet, first, second } = reservedByFirst(2, { parkMs: 1000, recallHoldMs: 0 });
  first.acquire('lock', 'holder');
  fleet.live(6);
  const here = [retry(first, fleet, 'h1', 11), retry(first, fleet, 'h2', 12)];
  const there = [retry(second, fleet, 't1', 21), retry(second, fleet, 't2', 22)];
  fleet.live(1);
  const order: string[] = [];
  let holder: [Scene, string, number] = [first, 'holder', 1];
  for (let turn = 0; turn < 4; turn++) {
    const [scene, value, clientId] = holder;
    scene.release('lock', value, clientId);
    fleet.live(1);
    const all = [...here, ...there].filter(({ verdict }) => verdict === 'granted');
    const next = all.find(({ intent }) => !order.includes(intent.value));
    if (next === undefined) break;
    order.push(next.intent.value);
    holder = [here.includes(next) ? first : second, next.intent.value, next.clientId];
  }
  t.strictSame(order, ['t1', 'h1', 't2', 'h2']);
});

t.test('for a moment after a recall the lock goes on from hand to hand here', async t => {
  const { fleet, first, second } = reservedByFirst(2, {
    parkMs: 1000,
    recallHoldMs: 50,
    localHandOffsMax: 3,
    recallBackOffMs: 0,
    materializeAfterMs: 100_000,
  });
  first.acquire('lock', 'before');
  second.acquire('lock', 't', 10_000, 21);
  fleet.settle();
  first.release('lock', 'before');
  fleet.settle();
  t.equal(first.acquire('lock', 'h0').verdict, 'granted');
  const here = [1, 2, 3, 4, 5].map(n => retry(first, fleet, `h${n}`, 10 + n));
  const there = second.acquire('lock', 't', 10_000, 21);
  fleet.live(1);
  t.strictSame([there.verdict, fleet.redis.get(0, 'lock')?.slice(0, 11)], [null, 'forelock:p1']);
  for (let turn = 0; turn < 6 && there.verdict === null; turn++) {
    const { clientId } = turn === 0 ? { clientId: 1 } : (here[turn - 1] ?? { clientId: 0 });
    first.release('lock', `h${turn}`, clientId);
    fleet.live(1);
  }
  t.strictSame(
    here.map(({ verdict }) => verdict),
    ['granted', 'granted', 'granted', null, null],
  );
  t.equal(there.verdict, 'granted');
});

t.test('a recall that overtakes the answer to reserve is kept until that answer', async t => {
  const fleet = new FleetScene();
  for (const scene of fleet.proxies) scene.prove('lock');
  const [first, second] = [fleet.proxy(1), fleet.proxy(2)];
  first.manager.reserve(0, 'lock', first.world.nowMs + 1000);
  first.world.executeOne();
  const attempt = second.acquire('lock', 'mine');
  second.world.answerAll();
  t.strictSame(fleet.hear(), ['p1: recall']);
  t.strictSame(first.world.onTheirWay, ['reserve']);
  first.world.answerOne();
  t.strictSame(first.world.onTheirWay, ['yield'], 'given back at once');
  fleet.settle();
  t.equal(attempt.verdict, 'granted');
});

t.test('a token that nobody knows of any more is freed when it is asked for', async t => {
  const { fleet, first, second } = reservedByFirst();
  fleet.redis.set(0, 'other', 'forelock:p1:e1:999', 10_000);
  const attempt = second.acquire('other', 'mine');
  second.world.answerAll();
  second.answerPipe();
  const again = second.acquire('other', 'mine');
  fleet.settle();
  t.notOk(attempt.verdict === 'granted' || again.verdict === 'granted', 'no lock key yet');
  for (let turn = 0; turn < 3; turn++) second.acquire('lock', `x${turn}`);
  first.manager.told({
    kind: 'recall',
    database: 0,
    key: 'other',
    token: 'forelock:p1:e1:999',
    waits: false,
  });
  fleet.settle();
  t.equal(fleet.redis.get(0, 'other'), null);
  fleet.redis.set(0, 'other', 'forelock:p1:e0:7', 10_000);
  first.manager.told({
    kind: 'recall',
    database: 0,
    key: 'other',
    token: 'forelock:p1:e0:7',
    waits: false,
  });
  fleet.settle();
  t.equal(fleet.redis.get(0, 'other'), 'forelock:p1:e0:7', 'one of an earlier epoch is left');
});

t.test('who is told nothing takes no ticket', async t => {
  const { fleet, first, second } = reservedByFirst();
  second.world.noticesAreHeard = false;
  first.acquire('lock', 'holder');
  fleet.live(6);
  retry(second, fleet, 'mine', 2);
  fleet.live(20);
  first.release('lock', 'holder');
  t.strictSame(first.world.answerAll(), ['retain']);
  t.match(fleet.redis.get(0, 'lock'), /^forelock:p1:/, 'the lock is not passed on to it');
});

t.test('after a doubt a ticket is given up, and its token taken back', async t => {
  const { fleet, first, second } = reservedByFirst();
  const attempt = second.acquire('lock', 'mine');
  second.world.answerAll();
  second.manager.doubtAll('the connection was lost');
  fleet.hear();
  first.world.answerAll();
  t.match(fleet.redis.get(0, 'lock'), /^forelock:p2:/, 'it was passed on already');
  fleet.settle();
  t.equal(second.manager.counters.grantsFromMemory, 0, 'nothing is granted from it');
  fleet.live(20);
  t.equal(attempt.verdict, 'granted');
  second.release('lock', 'mine');
  fleet.live(1600);
  t.strictSame(fleet.redis.keys(), ['forelock:fence']);
});

t.test("what another proxy's client holds is no foreign holder, and is asked about", async t => {
  const { fleet, first, second } = reservedByFirst();
  first.acquire('lock', 'holder');
  fleet.live(6);
  second.prove('other');
  second.manager.reserve(0, 'other', second.world.nowMs + 1000);
  fleet.settle();
  const seen = second.acquire('lock', 'mine');
  second.world.answerAll();
  t.equal(seen.verdict, 'held');
  t.strictSame([...fleet.hear(), ...fleet.hear()], ['p1: whose', 'p2: answer']);
  t.equal(second.manager.counters.foreignHolders, 0);
  first.release('lock', 'holder');
  fleet.live(20_000);
  fleet.redis.set(0, 'lock', 'foreign', 10_000);
  t.equal(second.acquire('lock', 'mine', 10_000, 3).verdict, null);
  second.world.answerAll();
  t.strictSame([...fleet.hear(), ...fleet.hear()], ['p1: whose', 'p2: answer']);
  t.equal(second.manager.counters.foreignHolders, 1, 'nobody has granted it');
});

t.test('a proxy that does not answer bars nothing', async t => {
  const { fleet, second } = reservedByFirst(3);
  fleet.live(20_000);
  fleet.redis.set(0, 'lock', 'foreign', 10_000);
  second.acquire('lock', 'mine');
  second.world.answerAll();
  const answers = fleet.notices.filter(({ to }) => to === 1);
  t.strictSame(
    answers.map(({ notice }) => notice.kind),
    ['whose'],
  );
  fleet.notices.splice(0, fleet.notices.length, ...fleet.notices.filter(({ to }) => to !== 3));
  fleet.settle();
  t.equal(second.manager.counters.foreignHolders, 0);
});

t.test('fences grow from proxy to proxy', async t => {
  const { fleet, first, second } = reservedByFirst();
  const fences: number[] = [];
  for (let turn = 0; turn < 6; turn++) {
    const scene = turn % 2 === 0 ? first : second;
    const attempt = scene.acquire('lock', `v${turn}`);
    fleet.settle();
    t.equal(attempt.verdict, 'granted');
    fences.push((await fenceOf(scene, `v${turn}`)) ?? 0);
    scene.release('lock', `v${turn}`);
    fleet.live(1);
  }
  t.strictSame(fences, [...new Set(fences)].sort());
  async function fenceOf(scene: Scene, value: string): Promise<number | null> {
    const fence = scene.manager.fence(0, 'lock', value);
    fleet.settle();
    return await fence;
  }
});

t.test('what scripts publish is read as it was meant, and nothing else', async t => {
  t.equal(channelOf('p1'), 'forelock:proxy:p1');
  const key = 'a key \x00 with spaces';
  t.strictSame(noticeOf(`recall 3 forelock:p1:e:1 0 ${key}`), {
    kind: 'recall',
    database: 3,
    key,
    token: 'forelock:p1:e:1',
    waits: false,
  });
  t.strictSame(noticeOf('transfer 0 forelock:p1:e:1 1700000000000000 1000 25 1 k'), {
    kind: 'transfer',
    database: 0,
    key: 'k',
    token: 'forelock:p1:e:1',
    fence: 1_700_000_000_000_000,
    fences: 1000,
    keptMs: 25,
    further: true,
  });
  for (const notice of [
    { kind: 'whose', database: 2, key, proxy: 'p2', number: 7 },
    { kind: 'answer', database: 2, key, proxy: 'p2', number: 7, ours: true },
  ] as const) {
    t.strictSame(noticeOf(messageOf(notice)), notice);
  }
  t.match(noticeOf('held 0 forelock:p1:e:1 700 k'), { kind: 'held', key: 'k' });
  for (const text of [
    '',
    'recall',
    'recall 0 t',
    'recall x t 0 k',
    'held 0  7 k',
    'other 0 t 0 k',
  ]) {
    t.equal(noticeOf(text), null, text);
  }
});

t.test('what somebody else publishes leaves nothing behind', async t => {
  const { first } = reservedByFirst();
  const count = first.manager.count();
  const tell = (database: number, token: string): void =>
    first.manager.told({ kind: 'recall', database, key: 'any', token, waits: false });
  for (const token of ['forelock:p2:e1:1', 'forelock:p1:e0:1', 'x']) tell(0, token);
  for (let database = 1; database < 100; database++) tell(database, 'forelock:p1:e1:999');
  t.equal(first.manager.count(), count);
  t.strictSame(first.world.onTheirWay, [], 'no database is asked about that nobody uses');
});

t.test('who is asked for while a client looks at the key is not refused an idle lock', async t => {
  const { fleet, first, second } = reservedByFirst();
  const attempt = second.acquire('lock', 'mine');
  second.world.answerAll();
  fleet.notices.splice(0);
  for (const { world } of fleet.proxies) world.pass(6);
  t.strictSame(second.world.answerAll(), ['want'], 'once more');
  const touch = second.touch(['lock']);
  t.strictSame(second.world.answerAll()[0], 'yield', 'its ticket is given up');
  t.equal(touch.readies, 1);
  fleet.hear();
  first.world.answerAll();
  t.equal(fleet.redis.get(0, 'lock'), null, 'the owner has given it back, and tells nobody');
  for (let ms = 0; ms < 5; ms++) {
    for (const { world } of fleet.proxies) world.pass(1);
    second.world.answerAll();
  }
  t.equal(attempt.verdict, 'granted');
  second.manager.touchEnded(touch);
});

t.test('a token that an earlier run has left is not asked about all the time', async t => {
  const fleet = new FleetScene();
  const { world } = fleet.proxy(2);
  fleet.proxy(2).prove('lock');
  fleet.redis.set(0, 'lock', 'forelock:p2:e0:7', 10_000);
  for (const attempt of ['first', 'retry']) {
    fleet.proxy(2).acquire('lock', 'mine', 10_000, 2);
    world.answerOne();
    t.strictSame(world.onTheirWay, [], attempt);
  }
});

t.test('whatever is published, what is kept of it is bounded', async t => {
  const { first } = reservedByFirst();
  const tell = (number: number): void => {
    const token = `forelock:p1:e1:${number}`;
    first.manager.told({ kind: 'recall', database: 0, key: 'lock', token, waits: false });
  };
  for (let number = 1000; number < 1200; number++) tell(number);
  t.strictSame(first.world.onTheirWay, ['yield']);
  let scripts = 0;
  while (first.world.flights.length > 0) {
    first.world.answerOne();
    scripts++;
    if (scripts < 20) for (let more = 0; more < 20; more++) tell(scripts * 1000 + more);
  }
  t.ok(scripts < 60, `${scripts} scripts`);
});
