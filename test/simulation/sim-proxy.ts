import type {
  Confirmation,
  Fleet,
  LockFeedback,
  LockRequest,
  LockWorld,
  PassOutcome,
  ScriptAnswer,
  ScriptCall,
  Touch,
} from '../../src/locks/contract.js';
import { LockManager } from '../../src/locks/manager.js';
import { channelOf, noticeOf } from '../../src/locks/notice.js';
import type { LockOptions } from '../../src/locks/options.js';
import type { EventQueue, SimEvent } from './event-queue.js';
import { Link } from './link.js';
import { MemoryJournal } from './memory-journal.js';
import type { SeededRandom } from './random.js';
import type { Connection } from './redis/connection.js';
import type { RedisModel } from './redis-model.js';

/** How the clocks of the proxy's host go wrong; never both at once, which nothing could notice. */
export interface ClockFaults {
  /** Share by which both clocks of the host run faster than true time. */
  readonly drift: number;
  readonly wallJumps: boolean;
  readonly monotonicStops: boolean;
}

/** A key on a replica; true time. */
interface Confirmed {
  readonly value: string | null;
  readonly endsAtMs: number;
}

/** One run of the proxy process: its manager, its clocks, its two ways to Redis. */
export class SimProxy implements LockWorld, LockFeedback {
  readonly manager: LockManager;
  readonly control: Link;
  readonly pipe: Link;
  journal = new MemoryJournal(this);
  readonly confirmation?: Confirmation;
  /** What a replica had when it last confirmed, by key. */
  confirmed = new Map<string, Confirmed>();
  alive = true;
  private pausedUntilMs = -Infinity;
  private stoppedForMs = 0;
  private stoppedAtMs = 0;
  private stopMs = 0;
  private wallAheadMs = 1_700_000_000_000;
  private heardAtMs = -Infinity;
  private connected = true;
  private cutsAtNextScript = false;
  /** Numbers of the latest token that was sent, and of the latest one that is in doubt. */
  private tokenSent = 0;
  private tokenInDoubt = 0;
  readonly fleet: Fleet | undefined;
  private readonly ear: Connection;
  private noticeAtMs = 0;
  private readonly answersAtMs = new Map<string, number>();
  private readonly unanswered = new Map<number, number>();
  private commands = 0;
  /** Told of each grant or extension that was made from memory. */
  onMemoryGrant: (key: string, clientId: number) => void = () => {};
  /** Told before and after a script or a command is carried out, of its key. */
  onScript: (key: string) => void = () => {};
  /** Whether Redis tells of changes by other hands; it tells them late, as all that it has to say. */
  private readonly changesAreHeard: boolean;
  private reader: Connection | null = null;
  /** Suspensions and doubts so far: after one, nothing is to be expected in time. */
  stops = 0;

  constructor(
    private readonly events: EventQueue,
    private readonly random: SeededRandom,
    private readonly redis: RedisModel,
    private readonly clocks: ClockFaults,
    options: LockOptions,
    private readonly epoch: number,
    late: boolean,
    private readonly place: {
      name: string;
      names: readonly string[];
      noticesLost: number;
      noticesLate: number;
    },
  ) {
    this.changesAreHeard = random.chance(0.5);
    this.control = new Link(events, random, late ? 3000 : 15);
    this.pipe = new Link(events, random, 15);
    if (options.confirm !== null) {
      this.confirmation = { bar: () => null, ask: told => this.confirm(told) };
    }
    // Far away, leases run out while scripts are on their way.
    this.control.usualMs = random.pick([2, 2, 2, 250]);
    this.pipe.usualMs = random.pick([2, 2, 2, 250]);
    if (place.names.length > 1) {
      this.fleet = {
        others: () => place.names.filter(name => name !== place.name),
        whenKnown: then => void events.after(random.below(20), () => this.reach(then)),
        tell: (proxy, message) => this.tell(proxy, message),
      };
    }
    const policy = {
      retainUntilMs: (_database: number, _key: string, nowMs: number) =>
        random.chance(0.8) ? nowMs + random.below(random.pick([50, 1500, 8000])) : 0,
    };
    this.manager = new LockManager(options, this, this, policy, place.name, `e${epoch}`);
    this.ear = this.listen();
    this.heartbeat();
  }

  get name(): string {
    return this.place.name;
  }

  get tokenPrefix(): string {
    return `forelock:${this.name}:e${this.epoch}:`;
  }

  /** When a script of this key was last answered, or the process went on; true time. */
  wentOnAtMs(key: string): number {
    return Math.max(this.answersAtMs.get(key) ?? -Infinity, this.pausedUntilMs);
  }

  /** When its last suspension ended, true time. */
  get resumedAtMs(): number {
    return this.pausedUntilMs;
  }

  /** What scripts publish arrives in order, late or never; now and then twice. */
  private listen(): Connection {
    const { events, random } = this;
    const connection = this.redis.server.connect();
    connection.call(['SUBSCRIBE', channelOf(this.name)]);
    connection.onPush = push => {
      if (push.kind !== 'message') return;
      const notice = noticeOf(push.message);
      if (notice === null) throw new Error(`unreadable: ${push.message}`);
      const slowMs = events.nowMs < this.control.slowUntilMs ? 800 : this.control.usualMs;
      const atMs = Math.max(this.noticeAtMs, events.nowMs + random.next() * slowMs);
      this.noticeAtMs = atMs;
      const hear = (): void => {
        if (this.connected) this.manager.told(notice);
      };
      if (this.connected && !random.chance(this.place.noticesLost)) {
        events.at(atMs, () => this.reach(hear));
      }
      if (random.chance(this.place.noticesLate)) {
        events.after(random.below(random.pick([1000, 3000])), () => this.reach(hear));
      }
    };
    return connection;
  }

  private tell(proxy: string, message: string): void {
    if (!this.connected) return;
    this.control.send(
      () => this.redis.server.connect().call(['PUBLISH', channelOf(proxy), message]),
      () => {},
      () => {},
    );
  }

  monotonicMs(): number {
    const ranMs = this.events.nowMs - this.stoppedForMs - this.stoppedNowMs();
    return 1_000_000 + ranMs * (1 + this.clocks.drift);
  }

  /** For how long the monotonic clock has stood still in the latest suspension. */
  private stoppedNowMs(): number {
    return Math.min(this.events.nowMs - this.stoppedAtMs, this.stopMs);
  }

  wallMs(): number {
    return this.events.nowMs * (1 + this.clocks.drift) + this.wallAheadMs;
  }

  /** Something reaches the process: at once, or when it is no longer paused; never a dead one. */
  reach(arrive: () => void): void {
    if (!this.alive) return;
    if (this.events.nowMs >= this.pausedUntilMs) arrive();
    else this.events.at(this.pausedUntilMs, () => this.reach(arrive));
  }

  run(call: ScriptCall, answered: (answer: ScriptAnswer) => void): void {
    if (!this.connected) {
      this.events.after(0, () =>
        this.reach(() => answered({ kind: 'refused', error: 'not connected' })),
      );
      return;
    }
    for (const argument of call.args) {
      this.tokenSent = Math.max(this.tokenSent, this.numberOf(String(argument)));
    }
    this.control.send(
      () => {
        const [key = ''] = call.keys;
        this.onScript(key);
        const values = this.redis.run(call);
        this.onScript(key);
        return { kind: 'answer', values } as const;
      },
      answer =>
        this.reach(() => {
          this.heardAtMs = this.monotonicMs();
          this.answersAtMs.set(call.keys[0] ?? '', this.events.nowMs);
          answered(answer);
        }),
      () => this.reach(() => answered({ kind: 'unknown' })),
      () => {
        const value = this.redis.get(call.database, call.keys[0] ?? '');
        return value !== null && !call.args.includes(value);
      },
    );
    if (!this.cutsAtNextScript) return;
    this.cutsAtNextScript = false;
    this.events.after(this.random.next() * this.control.usualMs, () => this.cutControl());
  }

  /** A replica has it, or does not answer in time. */
  private confirm(told: (yes: boolean) => void): void {
    if (!this.connected) {
      this.events.after(0, () => this.reach(() => told(false)));
      return;
    }
    const isLate = this.random.chance(0.1);
    this.control.send(
      () => {
        const keys = this.redis.keys().map((key): [string, Confirmed] => {
          const endsAtMs = this.events.nowMs + this.redis.pttl(0, key);
          return [key, { value: this.redis.get(0, key), endsAtMs }];
        });
        return new Map(keys);
      },
      seen =>
        this.reach(() => {
          if (!isLate) this.confirmed = seen;
          told(!isLate);
        }),
      () => this.reach(() => told(false)),
    );
  }

  /** A client's own command, as the client wrote it. */
  command<T>(execute: () => T, answered: (reply: T | null) => void): void {
    const id = this.commands++;
    this.unanswered.set(id, this.monotonicMs());
    const done = (reply: T | null): void =>
      this.reach(() => {
        this.unanswered.delete(id);
        answered(reply);
      });
    this.pipe.send(
      execute,
      reply => done(reply),
      () => done(null),
    );
  }

  passed(request: LockRequest, outcome: PassOutcome): void {
    this.manager.passed(request, outcome);
  }

  touch(touch: Touch): boolean {
    return this.manager.touch(touch);
  }

  setTimer(atMs: number, due: () => void): unknown {
    const handle: { event: SimEvent | null } = { event: null };
    const arm = (): void => {
      const inMs = Math.max(0, (atMs - this.monotonicMs()) / (1 + this.clocks.drift));
      handle.event = this.events.after(inMs + this.random.next(), () =>
        this.reach(() => {
          if (handle.event === null) return;
          // The clock may have stood still meanwhile.
          if (this.monotonicMs() < atMs) arm();
          else due();
        }),
      );
    };
    arm();
    return handle;
  }

  cancelTimer(handle: unknown): void {
    const timer = handle as { event: SimEvent | null };
    if (timer.event !== null) timer.event.run = null;
    timer.event = null;
  }

  get hasRedis(): boolean {
    return this.connected;
  }

  hearsChanges(): boolean {
    return this.changesAreHeard;
  }

  watch(database: number, key: string, seen: (value: string | null) => void): void {
    if (!this.connected || !this.changesAreHeard) return;
    const reader = this.reader ?? this.track();
    this.control.send(
      () => {
        reader.database = database;
        const value = reader.call(['GET', key]);
        return typeof value === 'string' ? value : null;
      },
      value => this.reach(() => seen(value)),
      () => {},
    );
  }

  /** The connection that Redis tells of changes: lost with the other one. */
  private track(): Connection {
    const reader = this.redis.server.connect();
    reader.call(['CLIENT', 'TRACKING', 'ON']);
    reader.onPush = push => {
      if (push.kind !== 'invalidate' || this.reader !== reader) return;
      this.events.after(this.random.next() * this.control.usualMs, () =>
        this.reach(() => {
          if (this.reader !== reader) return;
          if (push.keys === null) this.manager.allChanged();
          else for (const key of push.keys) this.manager.changed(0, key);
        }),
      );
    };
    this.reader = reader;
    return reader;
  }

  lastHeardAtMs(): number {
    return this.connected ? this.heardAtMs : -Infinity;
  }

  oldestUnansweredAtMs(): number {
    let oldest = Infinity;
    for (const sentAtMs of this.unanswered.values()) oldest = Math.min(oldest, sentAtMs);
    return oldest;
  }

  delegationBar(): string | null {
    return null;
  }

  doubt(): void {}

  /** The control connection breaks: at once, or as soon as a script is on its way on it. */
  loseControl(): void {
    if (this.random.chance(0.5)) this.cutsAtNextScript = true;
    else this.cutControl();
  }

  /** The proxy notices, and comes back, in its time. */
  private cutControl(): void {
    if (!this.connected || !this.alive) return;
    const lost = this.control.cut();
    this.reader = null;
    this.events.after(this.random.below(900), () =>
      this.reach(() => {
        this.connected = false;
        const first = this.random.chance(0.5);
        if (first) this.upstreamLost();
        for (const unknown of lost()) unknown();
        if (!first) this.upstreamLost();
        this.events.after(20 + this.random.below(1500), () =>
          this.reach(() => {
            this.connected = true;
            this.heardAtMs = this.monotonicMs();
            this.control.reconnect();
            this.manager.upstreamBack();
          }),
        );
      }),
    );
  }

  private upstreamLost(): void {
    this.manager.upstreamLost();
    this.tokenInDoubt = this.tokenSent;
  }

  /** Invariant 6: as a failover is noticed. */
  doubtAll(): void {
    this.manager.doubtAll('role changed');
    this.tokenInDoubt = this.tokenSent;
  }

  wasInDoubt(token: string): boolean {
    const number = this.numberOf(token);
    return number > 0 && number <= this.tokenInDoubt;
  }

  /** The number of a token, which grows from one to the next; 0 for one of an earlier run. */
  private numberOf(token: string): number {
    const { tokenPrefix } = this;
    return token.startsWith(tokenPrefix) ? Number(token.slice(tokenPrefix.length)) : 0;
  }

  losePipe(): void {
    const lost = this.pipe.cut();
    for (const unknown of lost()) unknown();
    this.pipe.reconnect();
  }

  /** The process stands still; its monotonic clock may stand still with it. */
  pause(ms: number): void {
    this.stops++;
    if (this.clocks.monotonicStops && this.random.chance(0.7)) {
      this.stoppedForMs += this.stoppedNowMs();
      this.stoppedAtMs = this.events.nowMs;
      this.stopMs = ms;
    }
    this.pausedUntilMs = Math.max(this.pausedUntilMs, this.events.nowMs + ms);
  }

  jumpWall(): void {
    if (!this.clocks.wallJumps) return;
    this.wallAheadMs += (this.random.next() - 0.5) * this.random.pick([20, 4000, 7_200_000]);
  }

  kill(): void {
    this.alive = false;
    this.ear.close();
    this.control.cut();
    this.pipe.cut();
  }

  private heartbeat(): void {
    if (!this.alive) return;
    if (this.connected) {
      this.control.send(
        () => true,
        () =>
          this.reach(() => {
            this.heardAtMs = this.monotonicMs();
          }),
        () => {},
      );
    }
    this.events.after(250, () => this.reach(() => this.heartbeat()));
  }

  /** What an earlier run has written down by the time it was killed; nothing that was heard is lost. */
  takeOver(journal: MemoryJournal): Promise<void> {
    journal.clocks = this;
    journal.flush();
    this.journal = journal;
    return this.manager.recover(journal.read());
  }

  requested(): void {}

  granted(_database: number, key: string, clientId: number, fromMemory: boolean): void {
    if (fromMemory) this.onMemoryGrant(key, clientId);
  }

  refused(): void {}
  released(): void {}
  reservationEnded(): void {}
}
