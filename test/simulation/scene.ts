import type { Intent } from '../../src/intent/intent.js';
import type { LockWorld, Verdict } from '../../src/locks/contract.js';
import { LockManager } from '../../src/locks/manager.js';
import { type LockOptions, lockDefaults } from '../../src/locks/options.js';
import { acquire, extend, release, TestRequest, TestTouch } from './lock-requests.js';
import { NotedFeedback, WrittenWorld } from './test-world.js';

/** A proxy with clients on it, as its sessions would drive it, in a world of the test's own. */
export class Scene {
  readonly world: WrittenWorld;
  readonly feedback = new NotedFeedback();
  manager: LockManager;
  /** For how long the allocator keeps a lock that was just freed; 0: not at all. */
  retainMs = 1000;
  /** Clients' own commands on their way to Redis. */
  readonly pipe: TestRequest[] = [];
  private readonly start: (epoch: string) => LockManager;

  constructor(
    options: Partial<LockOptions> = {},
    world: (inner: WrittenWorld) => LockWorld = w => w,
    inner = new WrittenWorld(),
    proxy = 'p1',
  ) {
    this.world = inner;
    this.start = epoch =>
      new LockManager(
        { ...lockDefaults, ...options },
        world(this.world),
        this.feedback,
        {
          retainUntilMs: (_database, _key, nowMs) =>
            this.retainMs > 0 ? nowMs + this.retainMs : 0,
        },
        proxy,
        epoch,
      );
    this.manager = this.start('e1');
    // Redis answers heartbeats, unless the test says otherwise.
    this.world.heardAtMs = Infinity;
  }

  /** kill -9, and the next start; Redis, and the journal as it was flushed, are as they were. */
  restart(): void {
    this.world.die();
    this.pipe.length = 0;
    this.manager = this.start('e2');
  }

  /** What a session does with a lock command. */
  ask(
    intent: Intent,
    clientId = 1,
    prepare: (request: TestRequest) => void = () => {},
  ): TestRequest {
    const request = new TestRequest(intent, clientId, this.world.nowMs);
    prepare(request);
    request.onSettled = verdict => {
      if (verdict === 'pass') this.pipe.push(request);
    };
    if (!this.manager.knows(0, intent.key)) {
      this.manager.passing(request);
      this.pipe.push(request);
      return request;
    }
    const verdict = this.manager.decide(request);
    if (verdict === null) return request;
    request.verdicts.push(verdict);
    if (verdict === 'pass') this.pipe.push(request);
    return request;
  }

  acquire(key: string, value: string, ttlMs = 10_000, clientId = 1): TestRequest {
    return this.ask(acquire(key, value, ttlMs), clientId);
  }

  release(key: string, value: string, clientId = 1): TestRequest {
    return this.ask(release(key, value), clientId);
  }

  extend(key: string, value: string, ttlMs = 10_000, clientId = 1): TestRequest {
    return this.ask(extend(key, value, ttlMs), clientId);
  }

  touch(keys: readonly string[] | null, bars = true): TestTouch {
    const touch = new TestTouch(keys, bars);
    if (this.manager.touch(touch)) touch.ready();
    return touch;
  }

  /** Redis answers the clients' own commands that are on their way. Gives what they heard. */
  answerPipe(): boolean[] {
    return this.pipe.splice(0).map(request => {
      const yes = this.carryOut(request.intent);
      this.manager.passed(request, yes ? 'yes' : 'no');
      return yes;
    });
  }

  private carryOut(intent: Intent): boolean {
    const { redis } = this.world;
    switch (intent.kind) {
      case 'acquire':
        return redis.setNx(0, intent.key, intent.value, intent.ttlMs || Infinity);
      case 'release':
        return redis.delIfEqual(0, intent.key, intent.value);
      case 'extend':
        return redis.expireIfEqual(0, intent.key, intent.value, intent.ttlMs);
    }
  }

  /** One acquire and release, with all that Redis has to say in between. */
  cycle(key: string, value: string, ttlMs = 10_000): (Verdict | null)[] {
    const acquired = this.acquire(key, value, ttlMs);
    this.settle();
    const released = this.release(key, value);
    this.settle();
    return [acquired.verdict, released.verdict];
  }

  /** Redis answers everything that is on its way. */
  settle(): void {
    do {
      this.world.answerAll();
      this.answerPipe();
    } while (this.world.flights.length > 0 || this.pipe.length > 0);
  }

  /** The key is a proven lock key, idle and absent. */
  prove(key: string, ttlMs = 10_000): void {
    const { retainMs } = this;
    this.retainMs = 0;
    for (let grant = 1; grant <= 3; grant++) this.cycle(key, `proof ${grant}`, ttlMs);
    this.retainMs = retainMs;
  }

  /** The key is delegated and idle: the lock is held ready. */
  delegate(key: string): void {
    this.prove(key);
    this.manager.reserve(0, key, this.world.nowMs + 1000);
    this.settle();
  }

  inRedis(key: string): string | null {
    return this.world.redis.get(0, key);
  }

  state(key: string): string {
    return this.manager.find(0, key)?.state ?? 'unknown';
  }

  why(key: string): string | null {
    return this.manager.explain(0, key).notDelegatedBecause;
  }
}
