import type {
  Confirmation,
  Fleet,
  LockFeedback,
  LockWorld,
  ScriptAnswer,
  ScriptCall,
} from '../../src/locks/contract.js';
import { MemoryJournal } from './memory-journal.js';
import { RedisModel } from './redis-model.js';

interface Timer {
  readonly atMs: number;
  readonly due: () => void;
}

/** A script on its way: its execution in Redis and its answer are two events. */
export interface Flight {
  readonly call: ScriptCall;
  answer: ScriptAnswer | null;
  readonly answered: (answer: ScriptAnswer) => void;
}

/** Time, timers and a Redis of the test's own; nothing happens unless the test says so. */
export class TestWorld implements LockWorld {
  nowMs = 1_000_000;
  /** What the wall clock is ahead of the monotonic one. */
  wallAheadMs = 1_700_000_000_000;
  heardAtMs = Infinity;
  unansweredAtMs = Infinity;
  bar: string | null = null;
  changesAreHeard = true;
  noticesAreHeard = true;
  fleet: Fleet | undefined = undefined;
  readonly redis: RedisModel;
  readonly flights: Flight[] = [];
  readonly doubts: string[] = [];
  readonly events: string[] = [];
  /** What waits to be confirmed; null: leases need not be. */
  confirming: ((yes: boolean) => void)[] | null = null;
  confirmationBar: string | null = null;
  private readonly timers = new Set<Timer>();

  /** Several worlds may share one Redis; whose clocks go together is then up to the test. */
  constructor(redis?: RedisModel) {
    this.redis = redis ?? new RedisModel(() => this.wallMs());
  }

  get confirmation(): Confirmation | undefined {
    const { confirming } = this;
    if (confirming === null) return undefined;
    return { bar: () => this.confirmationBar, ask: told => void confirming.push(told) };
  }

  /** Replicas, or the disk, have all that was asked about until now; or have not in time. */
  confirm(yes = true): number {
    const asked = this.confirming?.splice(0) ?? [];
    for (const told of asked) told(yes);
    return asked.length;
  }

  monotonicMs(): number {
    return this.nowMs;
  }

  wallMs(): number {
    return this.nowMs + this.wallAheadMs;
  }

  run(call: ScriptCall, answered: (answer: ScriptAnswer) => void): void {
    this.flights.push({ call, answer: null, answered });
  }

  setTimer(atMs: number, due: () => void): unknown {
    const timer: Timer = { atMs, due };
    this.timers.add(timer);
    return timer;
  }

  cancelTimer(handle: unknown): void {
    this.timers.delete(handle as Timer);
  }

  hearsNotices(): boolean {
    return this.noticesAreHeard;
  }

  hearsChanges(): boolean {
    return this.changesAreHeard;
  }

  /** What follows is up to the test: it calls `changed` of the manager. */
  watch(database: number, key: string, seen: (value: string | null) => void): void {
    seen(this.redis.get(database, key));
  }

  lastHeardAtMs(): number {
    return this.heardAtMs;
  }

  oldestUnansweredAtMs(): number {
    return this.unansweredAtMs;
  }

  delegationBar(): string | null {
    return this.bar;
  }

  doubt(reason: string, _database: number, key: string): void {
    this.doubts.push(`${key}: ${reason}`);
  }

  get onTheirWay(): string[] {
    return this.flights.map(flight => flight.call.script);
  }

  get nextTimerAtMs(): number {
    let next = Infinity;
    for (const timer of this.timers) next = Math.min(next, timer.atMs);
    return next;
  }

  /** Redis carries out the oldest script, and its answer arrives. Names the script. */
  answerOne(): string {
    const flight = this.flights.shift();
    if (flight === undefined) throw new Error('no script is on its way');
    flight.answered(flight.answer ?? { kind: 'answer', values: this.redis.run(flight.call) });
    return flight.call.script;
  }

  /** All scripts are carried out, and those that follow. Names them in order. */
  answerAll(): string[] {
    const names: string[] = [];
    while (this.flights.length > 0) names.push(this.answerOne());
    return names;
  }

  /** Redis carries out the oldest script, but its answer stays on the way. */
  executeOne(): void {
    const flight = this.flights.find(({ answer }) => answer === null);
    if (flight === undefined) throw new Error('no script is on its way');
    flight.answer = { kind: 'answer', values: this.redis.run(flight.call) };
  }

  /** The oldest script is answered so without being carried out. */
  answerWith(answer: ScriptAnswer): void {
    const flight = this.flights.shift();
    if (flight === undefined) throw new Error('no script is on its way');
    flight.answered(answer);
  }

  /** The process is gone: what it waited for never comes. */
  die(): void {
    this.timers.clear();
    this.flights.length = 0;
  }

  /** Time passes, and the timers in it come due; scripts stay where they are. */
  pass(ms: number): void {
    const endMs = this.nowMs + ms;
    for (;;) {
      let first: Timer | null = null;
      for (const timer of this.timers) {
        if (timer.atMs <= endMs && (first === null || timer.atMs < first.atMs)) first = timer;
      }
      if (first === null) break;
      this.timers.delete(first);
      this.nowMs = Math.max(this.nowMs, first.atMs);
      first.due();
    }
    this.nowMs = endMs;
  }

  /** Time passes; Redis answers every script at once. */
  live(ms: number): void {
    const endMs = this.nowMs + ms;
    for (;;) {
      this.answerAll();
      const nextMs = Math.max(this.nextTimerAtMs, this.nowMs);
      if (nextMs > endMs) break;
      this.pass(nextMs - this.nowMs);
    }
    this.nowMs = endMs;
  }
}

/** One in which what is granted from memory is written down. */
export class WrittenWorld extends TestWorld {
  readonly journal = new MemoryJournal(this);
}

/** Feedback that is written down. */
export class NotedFeedback implements LockFeedback {
  readonly notes: string[] = [];

  requested(_database: number, key: string): void {
    this.notes.push(`requested ${key}`);
  }

  granted(_database: number, key: string, _clientId: number, fromMemory: boolean): void {
    this.notes.push(`granted ${key} ${fromMemory ? 'from memory' : 'through Redis'}`);
  }

  refused(_database: number, key: string): void {
    this.notes.push(`refused ${key}`);
  }

  released(_database: number, key: string): void {
    this.notes.push(`released ${key}`);
  }

  reservationEnded(_database: number, key: string, used: boolean): void {
    this.notes.push(`reservation ${used ? 'used' : 'wasted'} ${key}`);
  }
}
