import t from 'tap';
import type { TestRequest } from '../simulation/lock-requests.js';
import { Scene } from '../simulation/scene.js';

/** A client with one connection, that asks for one lock by one value until it has it. */
class Retrier {
  request: TestRequest | null = null;
  attempts = 0;

  constructor(
    private readonly scene: Scene,
    readonly clientId: number,
    readonly value = `v${clientId}`,
    private readonly key = 'lock',
    private readonly ttlMs = 10_000,
  ) {}

  attempt(): TestRequest {
    this.attempts++;
    this.request = this.scene.acquire(this.key, this.value, this.ttlMs, this.clientId);
    return this.request;
  }

  /** Refused once, so that what it does next is a retry. */
  refusedOnce(): this {
    const { verdict } = this.attempt();
    this.scene.settle();
    if (verdict !== 'held' && this.verdict !== 'held') throw new Error(`not refused: ${verdict}`);
    return this;
  }

  /** Refused once and back: parked. */
  parked(): this {
    this.refusedOnce().attempt();
    this.scene.settle();
    if (this.verdict !== null) throw new Error(`not parked: ${this.verdict}`);
    return this;
  }

  get verdict(): string | null {
    return this.request?.verdict ?? null;
  }

  release(): TestRequest {
    return this.scene.release(this.key, this.value, this.clientId);
  }
}

/** The lock is delegated, and client 1 holds it from memory. */
function heldLocally(options: ConstructorParameters<typeof Scene>[0] = {}): Scene {
  const scene = new Scene({ materializeAfterMs: 100_000, ...options });
  scene.delegate('lock');
  if (scene.acquire('lock', 'holder').verdict !== 'granted') throw new Error('not granted');
  return scene;
}

/** Client 1 holds the lock, and its value is in Redis. */
function heldInRedis(options: ConstructorParameters<typeof Scene>[0] = {}): Scene {
  const scene = heldLocally({ ...options, materializeAfterMs: 5 });
  scene.world.live(10);
  if (scene.inRedis('lock') !== 'holder') throw new Error('not materialized');
  return scene;
}

/** A client straight on Redis holds the lock. */
function heldElsewhere(options: ConstructorParameters<typeof Scene>[0] = {}): Scene {
  const scene = new Scene(options);
  scene.prove('lock');
  scene.world.redis.setNx(0, 'lock', 'stranger', 10_000);
  return scene;
}

const HELD = { locally: heldLocally, 'in Redis': heldInRedis, elsewhere: heldElsewhere };

t.test('only a proven retrier waits', async t => {
  const cases: Record<string, [parks: boolean, play: (scene: Scene, me: Retrier) => void]> = {
    'a first attempt': [false, () => {}],
    'a retry': [true, (_, me) => me.refusedOnce()],
    'a retry just in time': [true, (scene, me) => me.refusedOnce() && scene.world.live(699)],
    'a retry too late': [false, (scene, me) => me.refusedOnce() && scene.world.live(700)],
    'another value': [false, (scene, me) => new Retrier(scene, me.clientId, 'w').refusedOnce()],
    'another connection': [false, (scene, me) => new Retrier(scene, 9, me.value).refusedOnce()],
    'after its grant': [
      false,
      (scene, me) => {
        me.refusedOnce();
        scene.release('lock', 'holder');
        if (me.attempt().verdict !== 'granted') throw new Error('not granted');
        me.release();
        scene.acquire('lock', 'another');
      },
    ],
  };
  for (const [name, [parks, play]] of Object.entries(cases)) {
    const scene = heldLocally();
    const me = new Retrier(scene, 2);
    play(scene, me);
    t.equal(me.attempt().verdict, parks ? null : 'held', name);
  }
});

t.test('a connection that has come back five times waits at its first attempt', async t => {
  const scene = heldLocally();
  const round = (value: string): Retrier => new Retrier(scene, 2, value);
  for (let count = 1; count <= 5; count++) {
    const me = round(`v${count}`).refusedOnce();
    scene.world.pass(200);
    t.equal(me.attempt().verdict, null, `${count}: only its retry`);
    scene.world.pass(50);
    t.equal(me.verdict, 'held');
  }
  const proven = round('v6');
  t.equal(proven.attempt().verdict, null);
  scene.world.pass(50);
  t.equal(proven.verdict, 'held');
  t.equal(round('v7').attempt().verdict, 'held', 'the last one may have been its last');
});

t.test('an attempt that is given up starts the proof anew', async t => {
  const scene = heldLocally();
  for (let count = 1; count <= 5; count++) {
    const me = new Retrier(scene, 2, `v${count}`).parked();
    scene.world.pass(50);
    t.equal(me.verdict, 'held');
  }
  new Retrier(scene, 2, 'given up').attempt();
  scene.world.pass(750);
  t.equal(new Retrier(scene, 2, 'next').attempt().verdict, 'held');
});

t.test('one of many first attempts is answered at once', async t => {
  const scene = heldLocally({ retriesProving: 1, retrierProbeEvery: 3 });
  new Retrier(scene, 2).parked();
  scene.world.pass(50);
  const parks: boolean[] = [];
  for (let count = 1; count <= 6; count++) {
    const me = new Retrier(scene, 2, `first ${count}`);
    parks.push(me.attempt().verdict === null);
    scene.world.pass(50);
    t.equal(me.verdict, 'held');
    me.attempt();
    scene.world.pass(50);
  }
  t.strictSame(parks, [true, true, false, true, true, false]);
});

for (const [where, held] of Object.entries(HELD)) {
  t.test(`held ${where}: a parked attempt is refused when its time is over`, async t => {
    const scene = held();
    const me = new Retrier(scene, 2).parked();
    scene.world.live(49);
    t.equal(me.verdict, null);
    scene.world.live(2);
    t.equal(me.verdict, 'held');
  });

  t.test(`held ${where}: a short TTL lets wait for a share of it`, async t => {
    const scene = held();
    const me = new Retrier(scene, 2, 'v2', 'lock', 100).parked();
    scene.world.live(12);
    t.equal(me.verdict, 'held');
  });

  t.test(`held ${where}: what comes behind it ends the waiting at once`, async t => {
    const scene = held();
    const me = new Retrier(scene, 2).parked();
    if (me.request === null) throw new Error('no request');
    scene.manager.hurry(me.request);
    scene.settle();
    t.equal(me.verdict, 'held');
  });

  t.test(`held ${where}: with the parking turned off nobody is parked`, async t => {
    const scene = held({ parkMs: 0 });
    const me = new Retrier(scene, 2).refusedOnce();
    me.attempt();
    scene.settle();
    t.equal(me.verdict, 'held');
  });
}

t.test('a lock released in memory goes to the next in line in the same turn', async t => {
  const scene = heldLocally();
  const waiting = [2, 3, 4].map(client => new Retrier(scene, client).parked());
  const before = scene.world.redis.scriptsRun;
  for (const next of waiting) {
    const order = waiting.map(({ verdict }) => verdict);
    const holder = waiting[waiting.indexOf(next) - 1];
    const released = holder?.release() ?? scene.release('lock', 'holder');
    t.equal(released.verdict, 'released');
    t.equal(next.verdict, 'granted', `${order}`);
  }
  t.equal(scene.world.redis.scriptsRun, before, 'Redis was not asked');
});

t.test('a lock released in Redis goes to the next in line by one script', async t => {
  const scene = heldInRedis();
  scene.retainMs = 0;
  const [first, second] = [2, 3].map(client => new Retrier(scene, client).parked());
  scene.release('lock', 'holder');
  t.strictSame(scene.world.onTheirWay, ['retain'], 'since somebody waits');
  scene.world.answerOne();
  t.equal(first?.verdict, 'granted');
  t.equal(second?.verdict, null);
});

t.test('a lock that may not be kept is asked for by the next in line', async t => {
  const scene = heldInRedis({ tenureMs: 5 });
  const next = new Retrier(scene, 2).parked();
  scene.release('lock', 'holder');
  t.strictSame(scene.world.answerAll(), ['release', 'want']);
  t.equal(next.verdict, 'granted');
});

t.test('a release in Redis wakes the next in line, however lately Redis was asked', async t => {
  const scene = heldInRedis({ tenureMs: 5, parkMs: 1000 });
  scene.world.changesAreHeard = false;
  const next = new Retrier(scene, 2).parked();
  scene.world.live(60);
  t.equal(next.verdict, null);
  scene.release('lock', 'holder');
  t.strictSame(scene.world.answerAll(), ['release', 'want']);
  t.equal(next.verdict, 'granted');
});

t.test("a holder's end wakes the next in line", async t => {
  for (const [where, hold] of Object.entries({
    locally: (scene: Scene) => scene.delegate('lock'),
    'in Redis': (scene: Scene) => scene.prove('lock'),
    elsewhere: (scene: Scene) => {
      scene.prove('lock');
      scene.world.redis.setNx(0, 'lock', 'holder', 600);
    },
  })) {
    const scene = new Scene({ materializeAfterMs: 5000 });
    hold(scene);
    scene.acquire('lock', 'holder', 600);
    scene.settle();
    const me = new Retrier(scene, 2);
    me.refusedOnce();
    scene.world.live(570);
    me.attempt();
    scene.world.live(28);
    t.equal(me.verdict, null, where);
    scene.world.live(4);
    t.equal(me.verdict, 'granted', where);
  }
});

t.test('a change in Redis by others wakes the next in line', async t => {
  for (const held of [heldInRedis, heldElsewhere]) {
    const scene = held();
    const me = new Retrier(scene, 2).parked();
    scene.world.live(1);
    scene.world.redis.del(0, 'lock');
    scene.manager.changed(0, 'lock');
    scene.settle();
    t.equal(me.verdict, 'granted');
  }
});

t.test('who was refused keeps its place until it is expected again', async t => {
  const scene = heldLocally();
  const early = new Retrier(scene, 2).refusedOnce();
  scene.world.pass(200);
  early.attempt();
  scene.world.pass(50);
  t.equal(early.verdict, 'held');
  const late = new Retrier(scene, 3).parked();
  scene.world.pass(30);
  early.attempt();
  scene.release('lock', 'holder');
  t.strictSame([early.verdict, late.verdict], ['granted', null], 'it came first');
});

t.test('a place that is kept holds nobody up', async t => {
  const scene = heldLocally();
  const gone = new Retrier(scene, 2).refusedOnce();
  scene.world.pass(200);
  gone.attempt();
  scene.world.pass(50);
  const next = new Retrier(scene, 3).parked();
  scene.release('lock', 'holder');
  t.equal(next.verdict, 'granted');
});

t.test('a lock that nobody is there for is kept for who is expected, no longer', async t => {
  const scene = heldLocally();
  scene.retainMs = 0;
  const expected = new Retrier(scene, 2).refusedOnce();
  scene.world.pass(100);
  expected.attempt();
  scene.world.pass(50);
  t.equal(expected.verdict, 'held');
  scene.release('lock', 'holder');
  scene.world.live(120);
  t.equal(scene.state('lock'), 'reserved');
  scene.world.live(10);
  t.equal(scene.state('lock'), 'idle');
  t.equal(scene.inRedis('lock'), null);
});

t.test('who is gone is out of the line', async t => {
  const leaving: Record<string, (scene: Scene, me: Retrier) => void> = {
    'its connection is closed': ({ manager }, { request, clientId }) => {
      if (request !== null) manager.abandoned(request);
      manager.left(clientId);
    },
    'its value was released on another connection': (scene, { value }) =>
      scene.release('lock', value, 77),
  };
  for (const [name, leave] of Object.entries(leaving)) {
    const scene = heldLocally();
    scene.retainMs = 0;
    const me = new Retrier(scene, 2).parked();
    leave(scene, me);
    t.not(me.verdict, 'granted', name);
    const next = new Retrier(scene, 3).parked();
    scene.release('lock', 'holder');
    t.equal(next.verdict, 'granted', name);
    next.release();
    scene.settle();
    t.equal(scene.inRedis('lock'), null, 'no place is kept for it');
  }
});

t.test(
  'who releases what it was refused has given up, unless it is known to come back',
  async t => {
    const scene = heldLocally();
    scene.retainMs = 0;
    const me = new Retrier(scene, 2).refusedOnce();
    const refusedAgain = (): void => {
      scene.world.pass(100);
      me.attempt();
      scene.world.pass(50);
      t.equal(me.verdict, 'held');
    };
    const places = (): number => scene.manager.find(0, 'lock')?.expected ?? Number.NaN;
    refusedAgain();
    t.equal(places(), 1);
    me.release();
    t.equal(places(), 0);
    refusedAgain();
    me.release();
    t.equal(places(), 1, 'it came back after such a release');
  },
);

t.test('a grant that nobody hears goes to the next in line', async t => {
  const scene = heldLocally();
  const deaf = new Retrier(scene, 2).parked();
  const next = new Retrier(scene, 3).parked();
  if (deaf.request !== null) deaf.request.hears = false;
  scene.release('lock', 'holder');
  t.equal(next.verdict, 'granted');
  t.equal(scene.manager.counters.grantsUndone, 1);
});

t.test('those who wait for a lock held elsewhere share the questions', async t => {
  const scene = heldElsewhere();
  const retriers = Array.from({ length: 50 }, (_, index) => new Retrier(scene, index + 2));
  for (const each of retriers) each.attempt();
  scene.settle();
  const before = scene.world.redis.scriptsRun;
  for (const each of retriers) each.attempt();
  scene.world.live(51);
  t.ok(retriers.every(({ verdict }) => verdict === 'held'));
  t.ok(scene.world.redis.scriptsRun - before <= 4, `${scene.world.redis.scriptsRun - before}`);
});

t.test('a try-lock on a lock that others wait for is answered as soon as Redis can', async t => {
  for (const [where, held] of Object.entries(HELD)) {
    const scene = held();
    new Retrier(scene, 2).parked();
    const tryLock = scene.acquire('lock', 'try', 10_000, 9);
    scene.settle();
    t.equal(tryLock.verdict, 'held', where);
  }
});

t.test('a try-lock does not pass by those who wait', async t => {
  const scene = heldElsewhere();
  const me = new Retrier(scene, 2).parked();
  scene.world.redis.del(0, 'lock');
  const tryLock = scene.acquire('lock', 'try', 10_000, 9);
  scene.settle();
  t.strictSame([me.verdict, tryLock.verdict], ['granted', 'held']);
});

t.test('what is remembered of connections is bounded, and goes with them', async t => {
  const scene = heldLocally();
  for (let round = 0; round < 100; round++) scene.acquire('lock', `v${round}`, 10_000, 2);
  scene.manager.left(2);
  t.equal(scene.manager.retriers(), 0);
});

t.test('nothing is remembered of a client that was gone before its refusal', async t => {
  const scene = heldElsewhere();
  const attempt = scene.acquire('lock', 'mine', 10_000, 2);
  attempt.hears = false;
  scene.manager.abandoned(attempt);
  scene.manager.left(2);
  scene.settle();
  t.equal(scene.manager.retriers(), 0);
});
