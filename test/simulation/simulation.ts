import type { Intent } from '../../src/intent/intent.js';
import type { Verdict } from '../../src/locks/contract.js';
import { type LockOptions, lockDefaults } from '../../src/locks/options.js';
import { type Belief, Beliefs } from './beliefs.js';
import { EventQueue } from './event-queue.js';
import { acquire, extend, release, TestRequest, TestTouch } from './lock-requests.js';
import { SeededRandom } from './random.js';
import { RedisModel } from './redis-model.js';
import { type ClockFaults, SimProxy } from './sim-proxy.js';

export interface SimulationResult {
  readonly violations: readonly string[];
  /** How often each thing happened, to know what a run has tried. */
  readonly counts: Readonly<Record<string, number>>;
}

const KEYS = ['lock:a', 'lock:b', 'job:c'];
const TTLS_MS = [60, 150, 400, 1000, 2500, 5000];
/** Leases follow the TTL: such short ones run out on the way to a Redis that is far away. */
const SHORT_TTLS_MS = [60, 90, 150];
/**
 * What clients do when they are refused: give up, or come again with the same value after a sleep of
 * so many ms and a part of it, so many times; some release the value in between.
 */
interface Manner {
  readonly tries: number;
  readonly sleepMs: number;
  readonly jitterMs: number;
  readonly releases: boolean;
}
const TRY_LOCK: Manner = { tries: 1, sleepMs: 0, jitterMs: 0, releases: false };
const MANNERS: readonly Manner[] = [
  TRY_LOCK,
  { tries: 10, sleepMs: 100, jitterMs: 200, releases: false },
  { tries: 10, sleepMs: 100, jitterMs: 200, releases: true },
  { tries: 60, sleepMs: 10, jitterMs: 0, releases: false },
  { tries: 4, sleepMs: 50, jitterMs: 5, releases: false },
];
/** What a timer, a queue of events and a drifting clock may add to the time of a park. */
const PARK_ALLOWANCE_MS = 5;

/** Rates that a clock may be wrong by and the margin still covers. */
const DRIFTS = [0, 0, 0.009, -0.009];

/**
 * A proxy or several, clients on each, clients straight on Redis, and everything that can go wrong between
 * them, from one seed: messages late, connections cut with messages on them, the proxy killed and
 * started anew, paused, its clocks wrong. The manager is the real one, on virtual time.
 */
export function simulate(seed: number, proxies = 1, lengthMs = 20_000): SimulationResult {
  return new Simulation(seed, proxies).run(lengthMs);
}

/** For how long an attempt may wait for another proxy to answer, since Redis last did. */
const ASKING_MS = 120;

class Simulation {
  private readonly random: SeededRandom;
  private readonly events = new EventQueue();
  private readonly redis = new RedisModel(() => this.events.nowMs);
  private readonly beliefs = new Beliefs(() => this.events.nowMs);
  private readonly violations: string[] = [];
  private readonly counts: Record<string, number> = {};
  private readonly clocks: ClockFaults;
  private readonly options: LockOptions;
  private readonly pending = new Map<TestRequest, SimProxy>();
  private readonly fences = new Map<string, number>();
  private readonly vandals: boolean;
  /**
   * Scripts of a lost connection may still be carried out long after the next one is there. No
   * exclusion may suffer; that a token which lands so late is seen, nobody can prevent.
   */
  private readonly late: boolean;
  /** Of what a client does. Each bars and settles, so that many leave little to be broken. */
  private readonly touchShare: number;
  /** Longest time between two acts of a client: a lease has to grow old to be relied on in vain. */
  private readonly paceMs: number;
  /** What each client does when it is refused, by its id. */
  private readonly manners = new Map<number, Manner>();
  /** When each key was last seen held by anybody, true time. */
  private readonly heldAtMs = new Map<string, number>();
  /** Longest time between two faults. */
  private readonly faultsMs: number;
  private readonly ttlsMs: readonly number[];
  /** Share of what Redis tells proxies that never arrives. */
  private readonly noticesLost: number;
  /** And that arrives much later, and so perhaps twice. */
  private readonly noticesLate: number;
  private readonly names: readonly string[];
  /** The one that runs now, of each. */
  private readonly proxies: SimProxy[] = [];
  private epochs = 0;
  private clients = 0;
  private values = 0;
  private stopping = false;

  constructor(seed: number, proxies: number) {
    this.random = new SeededRandom(seed);
    const { random } = this;
    const fault = random.below(3);
    this.clocks = {
      drift: random.pick(DRIFTS),
      wallJumps: fault === 1,
      monotonicStops: fault === 2,
    };
    this.vandals = random.chance(0.15);
    this.late = random.chance(0.35);
    this.touchShare = random.pick([0, 0.02, 0.15]);
    // Short leases, and notices that come when these are over: a ticket may be another's by then.
    const outdated = proxies > 1 && random.chance(0.25);
    this.paceMs = outdated ? 2000 : random.pick([400, 400, 6000]);
    this.faultsMs = random.pick([1200, 6000]);
    this.ttlsMs = outdated ? SHORT_TTLS_MS : random.pick([TTLS_MS, TTLS_MS, SHORT_TTLS_MS]);
    this.beliefs.checksExclusion = !this.vandals;
    this.options = {
      ...lockDefaults,
      delegate: random.chance(0.5) ? ['job:*'] : [],
      proofGrants: random.pick([1, 3]),
      // Hardly any: the key is delegated again while clients straight on Redis still want it.
      barMs: random.pick([1, 1000]),
      coverLimitMs: 4000,
      materializeAfterMs: random.pick([5, 5, 50, 100_000]),
      leaseSlackMinMs: outdated ? 100 : random.pick([300, 2000]),
      tenureMs: random.pick([300, 2000]),
      tenureMaxMs: 4000,
      breathMs: random.pick([30, 500]),
      reconnectWaitMs: 700,
      fenceBlockSize: random.pick([3, 1000]),
      wholeDatabaseTouchesPerS: 20,
      lockKeysMax: random.pick([2, 100]),
      parkMs: random.pick([0, 50, 50, 200]),
      retriesProving: random.pick([1, 5]),
      retrierProbeEvery: random.pick([3, 200]),
      refusalsPerClientMax: random.pick([1, 8]),
      waitersPerKeyMax: random.pick([1, 10_000]),
      confirm: random.chance(0.25) ? {} : null,
    };
    this.noticesLost = outdated ? 0.5 : random.pick([0, 0, 0.1, 0.5]);
    this.noticesLate = outdated ? 1 : random.pick([0.03, 0.5]);
    this.names = Array.from({ length: proxies }, (_, index) => `p${index + 1}`);
    for (const name of this.names) this.proxies.push(this.start(name));
  }

  run(lengthMs: number): SimulationResult {
    const { random, events } = this;
    const clients = random.pick([4, 4, 12]);
    for (let client = 0; client < clients; client++) this.proxiedClient();
    for (let client = random.pick([0, 0, 1, 2]); client > 0; client--) this.directClient();
    this.faults();
    this.allocations();
    events.runUntil(lengthMs);
    this.stopping = true;
    // Whoever holds a lock may hold it, or its lease, to the end; then all is quiet.
    events.runUntil(lengthMs + 60_000);
    this.checkQuiet();
    return { violations: [...this.violations, ...this.beliefs.violations], counts: this.counts };
  }

  private count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }

  private violate(what: string): void {
    this.violations.push(`${Math.round(this.events.nowMs)} ms: ${what}`);
  }

  private start(name: string): SimProxy {
    const { events, random, redis, clocks, options, late, names, noticesLost, noticesLate } = this;
    const fleet = { name, names, noticesLost, noticesLate };
    const proxy = new SimProxy(events, random, redis, clocks, options, this.epochs++, late, fleet);
    proxy.onMemoryGrant = key => {
      this.checkCover(proxy, key);
      // Most grants live only a few ms in memory alone: a kill at any other time finds none.
      if (this.random.chance(0.03)) this.killWithin(proxy, 8);
    };
    proxy.onScript = key => {
      this.checkKept(key);
      this.lookForHolder(proxy, key);
    };
    return proxy;
  }

  /** Invariant 2, where it counts: Redis itself keeps our token for as long as the holder believes. */
  private checkCover(proxy: SimProxy, key: string): void {
    this.count('grants from memory');
    if (this.vandals) return;
    const lock = proxy.manager.find(0, key);
    const heldForMs = lock?.heldForMs ?? 0;
    const leftMs = this.redis.pttl(0, key);
    if (this.redis.get(0, key) !== lock?.token) {
      this.violate(`granted ${key} from memory, where Redis has ${this.redis.get(0, key)}`);
    } else if (leftMs < heldForMs) {
      this.violate(`granted ${key} for ${heldForMs} ms, covered for ${leftMs} ms`);
    }
    if (proxy.confirmation !== undefined) {
      this.count('confirmed grants');
      const { value, endsAtMs } = proxy.confirmed.get(key) ?? { value: null, endsAtMs: 0 };
      const keptMs = endsAtMs - this.events.nowMs;
      if (value !== lock?.token || keptMs < heldForMs) {
        this.violate(`granted ${key} for ${heldForMs} ms, confirmed is ${value} for ${keptMs} ms`);
      }
    }
    if (proxy.wasInDoubt(lock?.token ?? '')) {
      this.violate(`granted ${key} from ${lock?.token}, which was in doubt`);
    }
    const fence = lock?.fence ?? 0;
    if (fence <= (this.fences.get(key) ?? 0)) this.violate(`fence ${fence} of ${key} came again`);
    this.fences.set(key, fence);
  }

  /** Invariant 1, as Redis shows it: it has the lock of whoever believes in it, or a token for it. */
  private checkKept(key: string): void {
    if (this.vandals) return;
    for (const { value, proxied, untilMs } of this.beliefs.active(key)) {
      const found = this.redis.get(0, key);
      if (found === value || (proxied && found?.startsWith('forelock:') === true)) continue;
      this.violate(
        `${value} believes in ${key} until ${Math.round(untilMs)}, where Redis has ${found}`,
      );
    }
  }

  // ---- clients of the proxy

  private proxiedClient(): void {
    const { random } = this;
    const id = ++this.clients;
    this.manners.set(id, random.pick(MANNERS));
    const again = (): void => {
      if (this.stopping) return;
      this.events.after(random.chance(0.7) ? random.below(30) : random.below(this.paceMs), () => {
        const choice = random.next();
        if (choice >= this.touchShare) this.lockOnce(id, again);
        else this.touchOnce(id, again);
      });
    };
    again();
  }

  private lockOnce(clientId: number, done: () => void): void {
    const { random } = this;
    const key = random.pick(KEYS);
    const value = `c${clientId}-${++this.values}`;
    const ttlMs = this.ttlFor(clientId, key);
    const manner = this.manners.get(clientId) ?? TRY_LOCK;
    // Some give up before they have tried as often as they would.
    const tries = random.chance(0.8) ? manner.tries : random.below(manner.tries) + 1;
    this.tryLock(clientId, key, value, ttlMs, tries, done);
  }

  private tryLock(
    clientId: number,
    key: string,
    value: string,
    ttlMs: number,
    tries: number,
    done: () => void,
  ): void {
    const { random, events } = this;
    const sentAtMs = events.nowMs;
    const manner = this.manners.get(clientId) ?? TRY_LOCK;
    this.ask(clientId, acquire(key, value, ttlMs, random.chance(0.95)), verdict => {
      this.count(`acquire ${verdict}`);
      if (verdict === 'yes') {
        const belief = this.beliefs.begin(key, value, sentAtMs, ttlMs, true);
        this.hold(clientId, belief, ttlMs, done);
        return;
      }
      const again = (): void => {
        if (tries <= 1 || verdict === null || this.stopping) return done();
        events.after(manner.sleepMs + random.below(manner.jitterMs + 1), () =>
          this.tryLock(clientId, key, value, ttlMs, tries - 1, done),
        );
      };
      const releases = manner.releases || (tries <= 1 && random.chance(0.3));
      if (verdict !== 'no' || !releases) return again();
      this.ask(clientId, release(key, value), answer => {
        // It may still be carried out, at any time: the value is not used again.
        if (answer === null) done();
        else again();
      });
    });
  }

  /** Some TTL; now and then one that the lease just covers, or just does not. */
  private ttlFor(clientId: number, key: string): number {
    const { random } = this;
    const leftMs = this.proxyOf(clientId).manager.find(0, key)?.leaseLeftMs ?? 0;
    if (leftMs < 200 || random.chance(0.7)) return random.pick(this.ttlsMs);
    return Math.round(leftMs * (1 - random.next() * 0.02));
  }

  private hold(clientId: number, belief: Belief, ttlMs: number, done: () => void): void {
    const { random, events } = this;
    const forMs = random.chance(0.6) ? random.below(4) : random.below(ttlMs * 1.3);
    events.after(forMs, () => {
      const choice = random.next();
      if (choice < 0.15) {
        const newTtlMs = this.ttlFor(clientId, belief.key);
        const sentAtMs = events.nowMs;
        this.beliefs.asksForTtl(belief, newTtlMs);
        this.ask(clientId, extend(belief.key, belief.value, newTtlMs), verdict => {
          this.count(`extend ${verdict}`);
          if (verdict === 'yes') this.beliefs.extend(belief, sentAtMs, newTtlMs);
          // It may be carried out at any time, and so shorten what a later one made longer.
          if (verdict === null) return this.giveUp(clientId, belief, done);
          this.hold(clientId, belief, newTtlMs, done);
        });
      } else if (choice < 0.9) {
        this.giveUp(clientId, belief, done);
      } else {
        // Crashed, or forgot: the TTL ends it.
        events.after(ttlMs, done);
      }
    });
  }

  private giveUp(clientId: number, belief: Belief, done: () => void): void {
    this.beliefs.end(belief);
    // Now and then by another connection of the same client, and now and then twice.
    const by = this.random.chance(0.9) ? clientId : this.random.below(this.clients) + 1;
    this.ask(by, release(belief.key, belief.value), verdict => {
      this.count(`release ${verdict}`);
      if (this.random.chance(0.95)) return done();
      this.ask(clientId, release(belief.key, belief.value), () => done());
    });
  }

  /** What a session does with one lock command; `answered` with null where no answer is heard. */
  private ask(
    clientId: number,
    intent: Intent,
    answered: (answer: 'yes' | 'no' | null) => void,
  ): void {
    const { events, random } = this;
    const proxy = this.proxyOf(clientId);
    const request = new TestRequest(intent, clientId, 0);
    const hear = (yes: boolean): void => {
      // Now and then the client itself is slow to hear.
      const lateMs = random.chance(0.03) ? random.below(500) : random.next();
      events.after(lateMs, () => answered(yes ? 'yes' : 'no'));
    };
    const pass = (): void => {
      let met: string | null = null;
      proxy.command(
        () => {
          met = this.redis.get(0, intent.key);
          this.lookForHolder(proxy, intent.key);
          return this.carryOut(intent);
        },
        yes => {
          if (yes !== null) this.checkPass(proxy, intent, met);
          proxy.passed(request, yes === null ? 'lost' : yes ? 'yes' : 'no');
          this.pending.delete(request);
          if (yes === null || !request.hears) answered(null);
          else hear(yes);
        },
      );
    };
    let decidedAtMs = Infinity;
    let timeouts = 0;
    const concluded = (verdict: Verdict): void => {
      this.count(`verdict ${verdict}`);
      // An owner that does not answer in time may cost a try-lock its lock (invariant 4).
      const isOwnerSilent = proxy.manager.counters.recallTimeouts > timeouts;
      if (verdict === 'held' && !isOwnerSilent) this.checkRefusal(proxy, intent.key, decidedAtMs);
      if (verdict === 'pass') return pass();
      this.pending.delete(request);
      if (verdict === 'lost') return void events.after(1, () => answered(null));
      hear(verdict === 'granted' || verdict === 'released' || verdict === 'extended');
    };
    events.after(random.next(), () => {
      if (!proxy.alive) return answered(null);
      proxy.reach(() => {
        this.pending.set(request, proxy);
        request.onSettled = verdict => {
          if (request.verdicts.length > 1) this.violate(`two verdicts: ${request.verdicts}`);
          concluded(verdict);
        };
        if (!proxy.manager.knows(0, intent.key)) {
          proxy.manager.passing(request);
          return pass();
        }
        if (random.chance(0.02)) request.onlyRedis = true;
        decidedAtMs = events.nowMs;
        timeouts = proxy.manager.counters.recallTimeouts;
        this.lookForHolder(proxy, intent.key);
        const verdict = proxy.manager.decide(request);
        if (verdict !== null) {
          request.verdicts.push(verdict);
          concluded(verdict);
        } else {
          this.checkWaiting(request, proxy);
          if (random.chance(0.03)) this.hangUp(request, proxy, answered);
          else if (random.chance(0.05)) this.sendMore(request, proxy);
        }
      });
    });
    this.answerWhenKilled(request, proxy, answered);
  }

  /** The client goes away while its request waits. */
  private hangUp(request: TestRequest, proxy: SimProxy, answered: (answer: null) => void): void {
    this.events.after(this.random.next() * 3, () =>
      proxy.reach(() => {
        if (request.verdicts.length > 0 || !this.pending.has(request)) return;
        this.count('hung up');
        request.hears = false;
        this.pending.delete(request);
        // Sometimes the session notices only when it writes.
        if (this.random.chance(0.5)) proxy.manager.abandoned(request);
        proxy.manager.left(request.clientId);
        answered(null);
      }),
    );
  }

  /** The client sends something behind its request. */
  private sendMore(request: TestRequest, proxy: SimProxy): void {
    this.events.after(this.random.below(40), () =>
      proxy.reach(() => {
        if (!this.pending.has(request) || request.verdicts.length > 0) return;
        this.count('hurried');
        proxy.manager.hurry(request);
        this.checkAsked(request, proxy, 'hurried');
      }),
    );
  }

  /** A try-lock waits for nothing but Redis, a retrier no longer than it may. */
  private checkWaiting(request: TestRequest, proxy: SimProxy): void {
    const { intent, clientId } = request;
    if (intent.kind !== 'acquire') return;
    const manner = this.manners.get(clientId) ?? TRY_LOCK;
    if (manner === TRY_LOCK || this.options.parkMs === 0) {
      this.checkAsked(request, proxy, 'a try-lock');
      return;
    }
    const parkMs = Math.min(this.options.parkMs, intent.ttlMs / 10) * 1.01 + PARK_ALLOWANCE_MS;
    this.checkAskedAfter(parkMs, request, proxy, 'a retrier');
  }

  private checkAskedAfter(ms: number, request: TestRequest, proxy: SimProxy, who: string): void {
    const { stops } = proxy;
    this.events.after(ms, () => {
      if (!proxy.alive || proxy.stops !== stops || !this.pending.has(request)) return;
      this.checkAsked(request, proxy, who);
    });
  }

  /** Whoever has no verdict must wait for a script of its key, unless Redis is away. */
  private checkAsked(request: TestRequest, proxy: SimProxy, who: string): void {
    if (request.verdicts.length > 0 || !request.hears || !proxy.hasRedis) return;
    const { key } = request.intent;
    const lock = proxy.manager.find(0, key);
    if (lock?.scriptOnItsWay !== null || lock.doubt !== null) return;
    if (this.names.length > 1 && this.events.nowMs < proxy.wentOnAtMs(key) + ASKING_MS) {
      this.checkAskedAfter(ASKING_MS, request, proxy, who);
      return;
    }
    this.violate(`${who} waits for ${key}, and Redis is not asked`);
  }

  /** Invariant 4: a refusal is one that Redis could have given since the request came. */
  private checkRefusal(proxy: SimProxy, key: string, sinceMs: number): void {
    this.lookForHolder(proxy, key);
    // That others have released it, Redis tells in its time; or not, if the connection has gone unseen.
    // What it missed in a suspension comes after that, in any order.
    if (proxy.hearsChanges() && this.events.nowMs < proxy.resumedAtMs + proxy.control.usualMs)
      return;
    const unheardMs = proxy.control.isOpen ? proxy.control.usualMs : this.options.upstreamSilenceMs;
    const sinceTrueMs = sinceMs - (proxy.hearsChanges() ? unheardMs : 0);
    if (this.vandals || (this.heldAtMs.get(key) ?? -1) >= sinceTrueMs) return;
    this.violate(`refused ${key}, which nobody holds`);
  }

  /** Notes whether the lock is held: by a client's value in Redis, a grant in memory, or a dead proxy. */
  private lookForHolder(proxy: SimProxy, key: string): void {
    const value = this.redis.get(0, key);
    const lock = proxy.manager.find(0, key);
    const free =
      value === null ||
      value === lock?.token ||
      value.startsWith(this.runningNow(proxy).tokenPrefix);
    const granted = lock !== null && lock.heldForMs !== null && lock.delegated;
    if (!free || granted) this.heldAtMs.set(key, this.events.nowMs);
  }

  private readonly killed = new Map<SimProxy, (() => void)[]>();

  private answerWhenKilled(
    request: TestRequest,
    proxy: SimProxy,
    answered: (answer: null) => void,
  ): void {
    const waiting = this.killed.get(proxy) ?? [];
    this.killed.set(proxy, waiting);
    waiting.push(() => {
      if (this.pending.delete(request)) this.events.after(1, () => answered(null));
    });
  }

  /** A client's own command must not be refused by a token of ours (invariant 4). */
  private checkPass(proxy: SimProxy, intent: Intent, token: string | null): void {
    if (token === null || !this.isOfThisEpoch(proxy, token)) return;
    this.violate(`${intent.kind} of ${intent.key} was passed on to ${token}`);
  }

  private isOfThisEpoch(proxy: SimProxy, value: string): boolean {
    return !this.late && value.startsWith(this.runningNow(proxy).tokenPrefix);
  }

  /** One client's connections use one proxy. */
  private proxyOf(clientId: number): SimProxy {
    return this.proxyNamed(this.names[clientId % this.names.length]);
  }

  /** What the killed one was replaced by. */
  private runningNow(proxy: SimProxy): SimProxy {
    return this.proxyNamed(proxy.name);
  }

  private proxyNamed(name: string | undefined): SimProxy {
    const proxy = this.proxies.find(each => each.name === name);
    if (proxy === undefined) throw new Error(`no proxy ${name}`);
    return proxy;
  }

  private carryOut(intent: Intent): boolean {
    const { redis } = this;
    switch (intent.kind) {
      case 'acquire':
        return redis.setNx(0, intent.key, intent.value, intent.ttlMs);
      case 'release':
        return redis.delIfEqual(0, intent.key, intent.value);
      case 'extend':
        return redis.expireIfEqual(0, intent.key, intent.value, intent.ttlMs);
    }
  }

  /** GET through the proxy: what it sees is what Redis alone would have shown (invariant 5). */
  private touchOnce(clientId: number, done: () => void): void {
    const { random } = this;
    const proxy = this.proxyOf(clientId);
    const key = random.pick(KEYS);
    const whole = random.chance(0.2);
    const touch = new TestTouch(whole ? null : [key], random.chance(0.3));
    let over = false;
    let sent = false;
    const end = (): void => {
      if (over) return;
      over = true;
      proxy.reach(() => proxy.manager.touchEnded(touch));
      this.events.after(1, done);
    };
    const go = (): void => {
      if (over) return;
      sent = true;
      this.count('touches');
      const holders = this.beliefs.active(key);
      proxy.command(
        () => this.look(proxy, key, holders),
        seen => {
          if (seen !== null && seen !== '') this.violate(seen);
          end();
        },
      );
    };
    proxy.reach(() => {
      touch.onReady = go;
      if (proxy.manager.touch(touch)) go();
      else if (random.chance(0.1)) {
        // The client goes away before its command was sent.
        this.events.after(random.below(5), () => {
          if (!sent) end();
        });
      }
    });
    this.killed.get(proxy)?.push(end) ?? this.killed.set(proxy, [end]);
  }

  /** What is wrong with what a GET shows; '' for nothing. */
  private look(proxy: SimProxy, key: string, holdersBefore: readonly Belief[]): string {
    const value = this.redis.get(0, key);
    if (value?.startsWith('forelock:') === true) {
      // The token of another proxy, or of a killed one, can be seen.
      return this.isOfThisEpoch(proxy, value) ? `a client sees ${value} in ${key}` : '';
    }
    const [holder] = this.beliefs.active(key);
    const heldThroughout = holder !== undefined && holdersBefore.includes(holder);
    return heldThroughout && holder.proxied && !this.vandals && value !== holder.value
      ? `a client sees ${value} in ${key}, which ${holder.value} holds`
      : '';
  }

  // ---- clients straight on Redis

  private directClient(): void {
    const { random, events } = this;
    const id = ++this.clients;
    const lagMs = (): number => (random.chance(0.05) ? random.below(100) : random.next() * 2);
    const again = (): void => {
      if (this.stopping) return;
      events.after(random.below(200), () => {
        const key = random.pick(KEYS);
        const value = `d${id}-${++this.values}`;
        const ttlMs = random.pick(this.ttlsMs);
        const sentAtMs = events.nowMs;
        events.after(lagMs(), () => {
          const yes = this.redis.setNx(0, key, value, ttlMs);
          this.count(`direct ${yes ? 'granted' : 'held'}`);
          events.after(lagMs(), () => {
            if (!yes) return again();
            const belief = this.beliefs.begin(key, value, sentAtMs, ttlMs, false);
            events.after(random.below(ttlMs * 1.2), () => {
              this.beliefs.end(belief);
              events.after(lagMs(), () => {
                this.redis.delIfEqual(0, key, value);
                again();
              });
            });
          });
        });
      });
    };
    again();
  }

  // ---- what goes wrong, and what is forecast

  private allocations(): void {
    if (this.stopping) return;
    const { random } = this;
    const proxy = random.pick(this.proxies);
    proxy.reach(() => {
      const untilMs = proxy.monotonicMs() + random.below(random.pick([1500, 8000]));
      if (proxy.manager.reserve(0, random.pick(KEYS), untilMs)) this.count('reserves');
    });
    this.events.after(random.below(100), () => this.allocations());
  }

  private faults(): void {
    if (this.stopping) return;
    const { random, events } = this;
    events.after(random.below(this.faultsMs), () => {
      if (!this.stopping) this.oneFault(random.pick(this.proxies));
      this.faults();
    });
  }

  private oneFault(proxy: SimProxy): void {
    const { random, events } = this;
    const fault = random.pick([
      'control lost',
      'control slow',
      'pipe lost',
      'pipe slow',
      'pause',
      'wall jump',
      'killed',
      'doubt',
      'paused by hand',
      'vandal',
    ]);
    this.count(`fault: ${fault}`);
    switch (fault) {
      case 'control lost':
        return proxy.loseControl();
      case 'control slow':
        proxy.control.slowUntilMs = events.nowMs + random.below(2500);
        return;
      case 'pipe lost':
        return proxy.losePipe();
      case 'pipe slow':
        proxy.pipe.slowUntilMs = events.nowMs + random.below(1500);
        return;
      case 'pause':
        return proxy.pause(random.below(4000));
      case 'wall jump':
        return proxy.jumpWall();
      case 'killed':
        if (random.chance(0.3)) this.restart(proxy);
        return;
      case 'doubt':
        return proxy.reach(() => proxy.doubtAll());
      case 'paused by hand':
        proxy.reach(() => proxy.manager.pause());
        events.after(random.below(500), () => proxy.reach(() => proxy.manager.resume()));
        return;
      case 'vandal':
        if (this.vandals) this.redis.del(0, random.pick(KEYS));
    }
  }

  /** kill -9: what the process knew is gone, its clients are cut off, a new one starts. */
  private restart(before: SimProxy): void {
    before.kill();
    this.checkManager(before);
    const proxy = this.start(before.name);
    this.proxies[this.proxies.indexOf(before)] = proxy;
    if (this.random.chance(0.9)) void proxy.takeOver(before.journal);
    for (const cutOff of this.killed.get(before) ?? []) cutOff();
    this.killed.delete(before);
  }

  private killWithin(proxy: SimProxy, ms: number): void {
    this.events.after(this.random.next() * ms, () => {
      if (this.stopping || !proxy.alive) return;
      this.count('killed after a grant');
      this.restart(proxy);
    });
  }

  private checkManager(proxy: SimProxy): void {
    const { counters } = proxy.manager;
    for (const [name, value] of Object.entries(counters)) {
      if (typeof value === 'number') this.counts[name] = (this.counts[name] ?? 0) + value;
    }
    if (counters.assertions > 0) this.violate(`${counters.assertions} assumptions were broken`);
  }

  private checkQuiet(): void {
    for (const proxy of this.proxies) this.checkQuietProxy(proxy);
    const left = this.redis.keys().filter(key => key !== 'forelock:fence');
    if (left.length > 0) this.violate(`a quiet system has left ${left.join(', ')}`);
    if (this.pending.size > 0) this.violate(`${this.pending.size} requests were never answered`);
  }

  private checkQuietProxy(proxy: SimProxy): void {
    this.checkManager(proxy);
    const { manager } = proxy;
    for (const client of this.manners.keys()) manager.left(client);
    if (manager.retriers() > 0) this.violate('clients that are gone are remembered');
    const waiting = [...manager.all()].filter(
      lock => lock.waiting + lock.parked + lock.expected > 0,
    );
    if (waiting.length > 0) this.violate(`requests still wait for ${waiting[0]?.key}`);
    if (manager.delegatedCount() > 0) this.violate('delegations were never given back');
  }
}
