/** The order of a Redlock group: who gets which master, and who waits for how long. */
import t from 'tap';
import { SeededRandom } from '../simulation/random.js';
import { contend, groupOptions, RedlockScene, type Tally } from '../simulation/redlock-scene.js';

const { groupWaitMs, groupParkMs } = groupOptions;
const ALL = [0, 1, 2, 3, 4];

/** Makes this client a proven retrier: it is refused everywhere, and comes back. */
function refuse(scene: RedlockScene, value: string, client: number): void {
  for (const member of ALL) {
    t.equal(scene.try(member, value, { client }).verdict, 'held', 'no retrier yet');
    scene.release(member, value);
  }
}

function verdicts(attempts: readonly { readonly verdict: unknown }[]): unknown[] {
  return attempts.map(({ verdict }) => verdict);
}

function hold(scene: RedlockScene, value: string): void {
  for (const member of ALL) t.equal(scene.try(member, value).verdict, 'granted');
}

t.test('three clients, each first at another master: who came first gets them all', async t => {
  const scene = new RedlockScene(5);
  const a = [scene.try(0, 'a')];
  const b = [scene.try(1, 'b'), scene.try(2, 'b')];
  const c = [scene.try(3, 'c'), scene.try(4, 'c')];
  t.equal(a[0]?.verdict, 'granted');
  t.same(verdicts([...b, ...c]), [null, null, null, null], 'they wait for a');
  scene.live(2);
  for (const member of [1, 2, 3, 4]) a.push(scene.try(member, 'a'));
  t.same(verdicts(a), Array(5).fill('granted'));
  t.same(verdicts([...b, ...c]), Array(4).fill('held'), 'and a has it: no');
  t.equal(scene.try(0, 'b').verdict, 'held');
  t.same(scene.holders(), Array(5).fill('a'));
});

t.test('a try-lock on a free master is not refused because somebody is expected there', async t => {
  const scene = new RedlockScene(5);
  scene.try(0, 'a');
  scene.live(3);
  const b = scene.try(1, 'b');
  scene.live(groupWaitMs - 3 - 0.1);
  t.equal(b.verdict, null);
  scene.live(0.2);
  t.equal(b.verdict, 'granted', 'a has not come: the wait ends with what a showed last');
});

t.test('a try-lock on a master that is held hears so at once', async t => {
  const scene = new RedlockScene(5);
  hold(scene, 'a');
  scene.live(1000);
  for (const member of ALL) t.equal(scene.try(member, 'b').verdict, 'held');
});

t.test('while the holder gives it back, a try-lock waits for its master, a moment', async t => {
  const scene = new RedlockScene(5);
  hold(scene, 'a');
  scene.live(1000);
  for (const member of [0, 1, 2]) scene.release(member, 'a');
  const b = ALL.map(member => scene.try(member, 'b'));
  t.same(verdicts(b), ['granted', 'granted', 'granted', null, null]);
  scene.live(groupWaitMs / 2);
  scene.release(3, 'a');
  t.equal(b[3]?.verdict, 'granted');
  scene.live(groupWaitMs / 2);
  t.equal(b[4]?.verdict, 'held', 'a holds on there: no');
});

t.test('a retrier waits for the lock, and gets every master as it becomes free', async t => {
  const scene = new RedlockScene(5);
  hold(scene, 'a');
  refuse(scene, 'b', 1);
  refuse(scene, 'c', 2);
  scene.live(200);
  const c = ALL.map(member => scene.try(member, 'c', { client: 2 }));
  const b = ALL.map(member => scene.try(member, 'b', { client: 1 }));
  scene.live(20);
  for (const member of [4, 2, 0, 1, 3]) {
    scene.release(member, 'a');
    t.equal(scene.holders()[member], 'b', `${member}: b was there before c`);
    scene.live(1);
  }
  t.same(verdicts(b), Array(5).fill('granted'));
  t.same(verdicts(c), Array(5).fill(null), 'c waits on, behind b');
  for (const member of ALL) scene.release(member, 'b');
  t.same(verdicts(c), Array(5).fill('granted'));
});

t.test('all attempts of a round are parked until one moment, then refused as they are', async t => {
  const scene = new RedlockScene(5);
  hold(scene, 'a');
  refuse(scene, 'b', 1);
  scene.live(200);
  const b = ALL.map(member => {
    scene.live(1);
    return scene.try(member, 'b', { client: 1 });
  });
  scene.live(groupParkMs - 4.1);
  t.same(verdicts(b), Array(5).fill(null));
  scene.live(0.2);
  t.same(verdicts(b), Array(5).fill('held'));
});

t.test('who has a vote gets the others, before one who came earlier', async t => {
  const scene = new RedlockScene(5);
  hold(scene, 'a');
  refuse(scene, 'early', 1);
  refuse(scene, 'late', 2);
  scene.live(200);
  const late = ALL.map(member => scene.try(member, 'late', { client: 2 }));
  scene.release(0, 'a');
  t.equal(late[0]?.verdict, 'granted', 'the other one is not there');
  const early = ALL.map(member => scene.try(member, 'early', { client: 1 }));
  for (const member of [1, 2, 3, 4]) scene.release(member, 'a');
  t.same(verdicts(late), Array(5).fill('granted'));
  t.same(verdicts(early), Array(5).fill(null));
});

t.test('a vote that helps nobody to the majority is given late, but given', async t => {
  const scene = new RedlockScene(5);
  for (const member of [0, 1, 2, 3]) scene.try(member, 'a');
  scene.live(1000);
  const b = scene.try(4, 'b');
  scene.live(groupWaitMs - 0.1);
  t.equal(b.verdict, null);
  scene.live(0.2);
  t.equal(b.verdict, 'granted', 'nobody has it there: no would be none of Redis');
});

t.test('with the majority there, what is missing is not waited for', async t => {
  const scene = new RedlockScene(5);
  hold(scene, 'a');
  refuse(scene, 'b', 1);
  scene.live(200);
  const b = ALL.map(member => scene.try(member, 'b', { client: 1 }));
  for (const member of [0, 1, 2]) scene.release(member, 'a');
  scene.live(groupWaitMs - 0.1);
  t.same(verdicts(b), ['granted', 'granted', 'granted', null, null]);
  scene.live(0.2);
  t.same(verdicts(b.slice(3)), ['held', 'held']);
});

t.test('who asks one master after the other is waited for from each answer on', async t => {
  const scene = new RedlockScene(3);
  for (const master of scene.masters) master.answerMs = 4;
  const a = scene.try(0, 'a');
  scene.live(2);
  const b = scene.try(1, 'b');
  scene.live(2);
  t.equal(a.verdict, 'granted');
  scene.live(groupWaitMs - 1);
  t.equal(b.verdict, null);
  scene.try(1, 'a');
  scene.live(groupWaitMs);
  t.equal(scene.holders()[1], 'b', 'a try-lock is not late by more than that wait');
});

t.test('a retry is one of the same connection, after a round that failed, in time', async t => {
  const cases: Readonly<Record<string, (scene: RedlockScene) => void>> = {
    'another connection': scene => {
      refuse(scene, 'b', 7);
      scene.live(200);
    },
    'too late': scene => {
      refuse(scene, 'b', 1);
      scene.live(groupOptions.groupRetryMs + 1);
    },
    'a lock of one master alone, had and given back': scene => {
      scene.release(0, 'a');
      scene.live(100);
      scene.try(0, 'b', { client: 1 });
      scene.release(0, 'b');
      scene.try(0, 'd');
    },
    'no round before': scene => scene.live(200),
    'a round that was won': scene => {
      for (const member of [0, 1, 2]) scene.release(member, 'a');
      scene.live(100);
      for (const member of ALL) scene.try(member, 'b', { client: 1 });
      for (const member of ALL) scene.release(member, 'b');
      for (const member of [0, 1, 2]) scene.try(member, 'd');
    },
  };
  for (const [what, before] of Object.entries(cases)) {
    const scene = new RedlockScene(5);
    hold(scene, 'a');
    scene.live(500);
    before(scene);
    t.equal(scene.try(0, 'b', { client: 1 }).verdict, 'held', what);
  }
});

t.test('an equal value is another client, where the first one is still asking', async t => {
  const scene = new RedlockScene(5);
  scene.try(0, 'same');
  const waits = scene.try(1, 'other');
  const first = scene.try(0, 'same', { client: 2 });
  t.equal(first.verdict, 'held');
  scene.live(groupWaitMs + 1);
  t.equal(waits.verdict, 'granted');
});

t.test('a client that goes away makes room, and its master is not asked', async t => {
  const scene = new RedlockScene(5);
  scene.try(0, 'a');
  const b = scene.try(1, 'b');
  const c = scene.try(1, 'c');
  scene.desks[1]?.abandoned(b);
  scene.live(groupWaitMs + 1);
  t.equal(c.verdict, 'granted');
  t.equal(b.verdict, null);
  t.notOk(scene.masters[1]?.decided.includes('b'));
});

t.test('a client that goes away while it is decided holds nobody up', async t => {
  const scene = new RedlockScene(3);
  for (const master of scene.masters) master.answerMs = 5;
  const a = scene.try(0, 'a');
  scene.desks[0]?.abandoned(a);
  a.hears = false;
  t.equal(scene.masters[0]?.gone.length, 1);
  const b = scene.try(0, 'b');
  scene.live(100);
  t.equal(b.verdict, 'granted');
  const release = scene.release(0, 'b');
  scene.desks[0]?.abandoned(release);
  const c = scene.try(0, 'c');
  scene.live(100);
  t.equal(c.verdict, 'granted');
  scene.release(0, 'c');
  scene.live(20_000);
  t.equal(scene.group.count(), 0);
});

t.test('the release of a client that is gone, passed to Redis, is counted to its end', async t => {
  const scene = new RedlockScene(3);
  const [master] = scene.masters;
  const [desk] = scene.desks;
  if (master === undefined || desk === undefined) throw new Error('no master');
  scene.try(0, 'a');
  master.answerMs = 5;
  const gone = scene.release(0, 'a');
  desk.abandoned(gone);
  const [relayed] = master.gone;
  t.ok(relayed?.settle('pass'));
  t.equal(gone.verdict, 'pass');
  desk.passed(gone, 'yes');
  t.equal(master.answered.at(-1), relayed, 'its master hears of the same request');
});

t.test('while a release is on its way to a master, who is next there is not decided', async t => {
  const scene = new RedlockScene(3);
  const [master] = scene.masters;
  if (master === undefined) throw new Error('no master');
  for (const member of [0, 1, 2]) scene.try(member, 'a');
  master.answerMs = 2 * groupWaitMs;
  scene.release(0, 'a');
  const b = scene.try(0, 'b');
  scene.live(2 * groupWaitMs - 0.1);
  t.same(master.asked, ['a'], 'b is not asked for behind a release that others may gain by');
  scene.live(0.2);
  t.same(master.asked, ['a', 'b']);
  scene.live(2 * groupWaitMs);
  t.equal(b.verdict, 'granted');
});

t.test('a grant that nobody hears of goes to the next', async t => {
  const scene = new RedlockScene(5);
  const [master] = scene.masters;
  if (master === undefined) throw new Error('no master');
  master.answerMs = 5;
  const a = scene.try(0, 'a');
  a.hears = false;
  scene.live(1);
  const b = scene.try(0, 'b');
  scene.live(20);
  t.equal(b.verdict, 'granted');
  t.equal(a.verdict, null);
});

t.test('who sends something behind a parked attempt is answered at once', async t => {
  const scene = new RedlockScene(5);
  hold(scene, 'a');
  refuse(scene, 'b', 1);
  scene.live(200);
  const b = scene.try(0, 'b', { client: 1 });
  t.equal(b.verdict, null);
  scene.desks[0]?.hurry(b);
  t.equal(b.verdict, 'held');
});

t.test('an error is no refusal: a script that is not loaded yet makes no retrier', async t => {
  const scene = new RedlockScene(3);
  for (const master of scene.masters) master.unknown.add('lock');
  const first = [0, 1, 2].map(member => scene.try(member, 'a', { client: 1 }));
  for (const [member, request] of first.entries()) scene.desks[member]?.passed(request, 'error');
  const b = scene.try(2, 'b');
  t.equal(b.verdict, null, 'a is expected again, in other words');
  const again = [0, 1, 2].map(member => scene.try(member, 'a', { client: 1 }));
  t.same(verdicts(again), Array(3).fill('pass'));
  for (const [member, request] of again.entries()) scene.desks[member]?.passed(request, 'yes');
  t.equal(b.verdict, 'pass', 'behind it');
});

t.test('a key that is no lock key yet has the same order', async t => {
  const scene = new RedlockScene(3);
  for (const master of scene.masters) master.unknown.add('lock');
  const [first, second, third] = scene.desks;
  if (first === undefined || second === undefined || third === undefined) throw new Error('three');
  t.equal(first.knows(0, 'lock'), false, 'nobody wants it: its command goes as it came');
  const a = scene.try(0, 'a');
  t.equal(a.verdict, 'pass');
  t.equal(second.knows(0, 'lock'), true, 'from then on there is an order');
  const b = scene.try(1, 'b');
  t.equal(b.verdict, null);
  const a2 = scene.try(1, 'a');
  t.equal(a2.verdict, 'pass');
  scene.live(groupWaitMs + 1);
  t.equal(b.verdict, null, 'two commands on two ways may change their order: one at a time');
  second.passed(a2, 'yes');
  t.equal(b.verdict, 'pass');
  second.passed(b, 'no');
  t.same(scene.masters[1]?.outcomes, ['yes', 'no'], 'the member learns from both');
});

t.test('nothing is left once all is quiet', async t => {
  const scene = new RedlockScene(5);
  const tally = contend(scene, new SeededRandom(1), {
    clients: 8,
    forMs: 3000,
    holdMs: 5,
    pauseMs: 20,
    spreadMs: 1,
    grouped: true,
  });
  t.ok(tally.acquired > 100);
  t.equal(scene.group.count(), 0);
  t.same(scene.holders(), Array(5).fill(null));
});

t.test('no split vote among the clients of one group, on any schedule', async t => {
  const sum: Record<'straight' | 'grouped', Tally> = {
    straight: { acquired: 0, failed: 0, split: 0 },
    grouped: { acquired: 0, failed: 0, split: 0 },
  };
  for (let seed = 1; seed <= 30; seed++) {
    const draw = new SeededRandom(seed);
    const load = {
      clients: 3 + draw.below(14),
      forMs: 2000,
      holdMs: draw.below(20),
      pauseMs: 10 + draw.below(60),
      spreadMs: draw.next() * 4,
    };
    const members = draw.pick([3, 5, 7]);
    const answerMs = draw.pick([0, 1]);
    for (const way of ['straight', 'grouped'] as const) {
      const scene = new RedlockScene(members);
      for (const master of scene.masters) master.answerMs = answerMs * draw.next() * 2;
      const tally = contend(scene, new SeededRandom(seed), { ...load, grouped: way === 'grouped' });
      sum[way].acquired += tally.acquired;
      sum[way].failed += tally.failed;
      sum[way].split += tally.split;
      if (way === 'grouped') t.equal(tally.split, 0, `seed ${seed}: ${JSON.stringify(load)}`);
    }
  }
  t.comment(JSON.stringify(sum));
  t.ok(sum.straight.split > 50, 'straight to the masters, votes are split');
  t.ok(sum.grouped.failed / sum.grouped.acquired < sum.straight.failed / sum.straight.acquired);
});
