import type { LockRequest, PassOutcome, Verdict } from '../../src/locks/contract.js';
import { LockGroup } from '../../src/locks/group/lock-group.js';
import type { MemberDesk, MemberLocks } from '../../src/locks/group/member-desk.js';
import type { GroupOptions } from '../../src/locks/group/options.js';
import { EventQueue, type SimEvent } from './event-queue.js';
import { acquire, release, TestRequest } from './lock-requests.js';
import type { SeededRandom } from './random.js';

export const groupOptions: GroupOptions = {
  groupWaitMs: 10,
  groupParkMs: 50,
  groupRetryMs: 700,
  lockKeysMax: 1000,
};

/** A lock manager that is none: one lock a key, decided in order of arrival, after a while. */
export class Master implements MemberLocks {
  private readonly holders = new Map<string, { value: string; endsAtMs: number }>();
  private freeAtMs = 0;
  /** Values in the order in which they were asked for … */
  readonly asked: string[] = [];
  /** … and decided. */
  readonly decided: string[] = [];
  /** Keys that are no lock keys here yet: Redis decides, as the client wrote it. */
  readonly unknown = new Set<string>();
  readonly passes: LockRequest[] = [];

  constructor(
    private readonly events: EventQueue,
    /** 0: from memory, at once. */
    public answerMs = 0,
  ) {}

  decide(request: LockRequest): Verdict | null {
    if (request.intent.kind === 'acquire') this.asked.push(request.intent.value);
    if (this.answerMs === 0) return this.verdictOf(request);
    this.freeAtMs = Math.max(this.freeAtMs, this.events.nowMs) + this.answerMs;
    this.events.at(this.freeAtMs, () => this.heard(request, this.verdictOf(request)));
    return null;
  }

  queue(request: LockRequest): void {
    const verdict = this.decide(request);
    if (verdict !== null) this.heard(request, verdict);
  }

  /** A grant that nobody hears of is undone. */
  private heard(request: LockRequest, verdict: Verdict): void {
    const heard = request.settle(verdict);
    if (!heard && verdict === 'granted') this.holders.delete(request.intent.key);
  }

  verdictOf({ intent }: LockRequest): Verdict {
    const { key, value } = intent;
    const holder = this.holders.get(key);
    const isHeld = holder !== undefined && this.events.nowMs < holder.endsAtMs;
    if (intent.kind === 'release') {
      if (!isHeld || holder.value !== value) return 'not-owner';
      this.holders.delete(key);
      return 'released';
    }
    if (intent.kind === 'extend') return 'not-owner';
    this.decided.push(value);
    if (isHeld) return 'held';
    this.holders.set(key, { value, endsAtMs: this.events.nowMs + intent.ttlMs });
    return 'granted';
  }

  holder(key: string): string | null {
    const holder = this.holders.get(key);
    return holder !== undefined && this.events.nowMs < holder.endsAtMs ? holder.value : null;
  }

  knows(_database: number, key: string): boolean {
    return !this.unknown.has(key);
  }

  passing(request: LockRequest): void {
    this.passes.push(request);
  }

  readonly outcomes: PassOutcome[] = [];
  /** The requests that these outcomes are of. */
  readonly answered: LockRequest[] = [];
  passed(request: LockRequest, outcome: PassOutcome): void {
    this.outcomes.push(outcome);
    this.answered.push(request);
  }

  readonly gone: LockRequest[] = [];
  abandoned(request: LockRequest): void {
    this.gone.push(request);
  }

  hurry = (): void => {};
  left = (): void => {};
  changed = (): void => {};
  tracks = (): boolean => true;
  lists = (): boolean => true;
  databases = (): readonly number[] => [0];
  touch = (): boolean => true;
  touchEnded = (): void => {};
}

/** A group of masters, and clients that ask it. */
export class RedlockScene {
  readonly events = new EventQueue();
  readonly masters: readonly Master[];
  readonly group: LockGroup;
  readonly desks: readonly MemberDesk[];

  constructor(members: number, options: Partial<GroupOptions> = {}) {
    this.masters = Array.from({ length: members }, () => new Master(this.events));
    this.group = new LockGroup(
      members,
      { ...groupOptions, ...options },
      {
        monotonicMs: () => this.events.nowMs,
        setTimer: (atMs, due) => this.events.at(atMs, due),
        cancelTimer: handle => {
          (handle as SimEvent).run = null;
        },
      },
    );
    this.desks = this.masters.map((master, member) => this.group.join(member, master));
  }

  get nowMs(): number {
    return this.events.nowMs;
  }

  live(ms: number): void {
    this.events.runUntil(this.events.nowMs + ms);
  }

  /** One client's attempt at one member; its connection there has the client's number. */
  try(
    member: number,
    value: string,
    { key = 'lock', client = 0, ttlMs = 10_000 } = {},
  ): TestRequest {
    return this.ask(member, new TestRequest(acquire(key, value, ttlMs), client, this.nowMs));
  }

  release(member: number, value: string, key = 'lock'): TestRequest {
    return this.ask(member, new TestRequest(release(key, value), 0, this.nowMs));
  }

  ask(member: number, request: TestRequest): TestRequest {
    const desk = this.desks[member];
    if (desk === undefined) throw new Error('no such member');
    const verdict = desk.decide(request);
    if (verdict !== null) request.settle(verdict);
    return request;
  }

  holders(key = 'lock'): readonly (string | null)[] {
    return this.masters.map(master => master.holder(key));
  }
}

export interface Tally {
  acquired: number;
  /** Rounds without the majority. */
  failed: number;
  /** Of these, the ones in whose time nobody had the lock, or got it. */
  split: number;
}

interface Round {
  readonly fromMs: number;
  toMs: number;
  won: boolean;
}

/**
 * Clients that lock one key as redlock does: an attempt at all members at once, then a release at all
 * of them where the majority is missing, and a pause.
 */
export function contend(
  scene: RedlockScene,
  random: SeededRandom,
  {
    clients,
    forMs,
    holdMs,
    pauseMs,
    spreadMs,
    grouped,
  }: {
    readonly clients: number;
    readonly forMs: number;
    readonly holdMs: number;
    readonly pauseMs: number;
    /** How far apart what one client sends at one time arrives. */
    readonly spreadMs: number;
    /** False: straight to the masters. */
    readonly grouped: boolean;
  },
): Tally {
  const { events, masters } = scene;
  const rounds: Round[] = [];
  const quorum = Math.floor(masters.length / 2) + 1;
  const soon = (then: () => void): void => void events.after(random.next() * spreadMs, then);
  const ask = (member: number, request: TestRequest): void => {
    if (grouped) scene.ask(member, request);
    else masters[member]?.queue(request);
  };
  const round = (client: number, value: string, arrivals: number[]): void => {
    if (events.nowMs > forMs) return;
    const begun: Round = { fromMs: events.nowMs, toMs: Infinity, won: false };
    rounds.push(begun);
    let answers = 0;
    let grants = 0;
    const ended = (): void => {
      begun.won = grants >= quorum;
      const again = (next: string): void =>
        void events.after(pauseMs * (0.5 + random.next()), () => round(client, next, arrivals));
      events.after(begun.won ? holdMs : 0, () => {
        begun.toMs = events.nowMs + spreadMs;
        for (const member of masters.keys()) {
          // Connections keep the order of what is sent on them.
          sendInOrder(member, () => ask(member, requestOf(member, release('lock', value))));
        }
        again(begun.won ? `${client}:${events.nowMs}` : value);
      });
    };
    const requestOf = (member: number, intent: TestRequest['intent']): TestRequest =>
      new TestRequest(intent, client * 100 + member, events.nowMs);
    const sendInOrder = (member: number, send: () => void): void => {
      const atMs = Math.max(arrivals[member] ?? 0, events.nowMs + random.next() * spreadMs);
      arrivals[member] = atMs;
      events.at(atMs, send);
    };
    for (const member of masters.keys()) {
      sendInOrder(member, () => {
        const request = requestOf(member, acquire('lock', value));
        request.onSettled = verdict =>
          soon(() => {
            if (verdict === 'granted') grants++;
            if (++answers === masters.length) ended();
          });
        ask(member, request);
      });
    }
  };
  for (let client = 1; client <= clients; client++) round(client, `${client}:0`, []);
  events.runUntil(forMs + 20_000);
  return tallyOf(rounds);
}

function tallyOf(rounds: readonly Round[]): Tally {
  const won = rounds.filter(round => round.won);
  const failed = rounds.filter(round => !round.won);
  const split = failed.filter(
    ({ fromMs, toMs }) => !won.some(other => other.fromMs < toMs && fromMs < other.toMs),
  );
  return { acquired: won.length, failed: failed.length, split: split.length };
}
