import type { AllocationPolicy, LockWorld } from '../contract.js';
import { Contest } from './contest.js';
import { MemberDesk, type MemberLocks } from './member-desk.js';
import type { GroupOptions } from './options.js';

/** Contests looked through at one time for those that are over, and how often that is done. */
const TIDIED_AT_ONCE = 500;
const TIDY_EVERY_MS = 100;

/**
 * The masters of a Redlock, as one. Each has a lock manager of its own; the group says in which order
 * these hear of the attempts of their clients (docs/protocol.md). It holds no lock, refuses none and
 * writes nothing: without it, every promise but that of the order would be kept just as well.
 */
export class LockGroup {
  private readonly contests = new Map<string, Contest>();
  private readonly members: MemberDesk[] = [];
  /** Contests in which somebody waits for a moment to come. */
  private readonly watched = new Set<Contest>();
  private tidying: Iterator<[string, Contest]> | null = null;
  private tidyAtMs = Infinity;
  private wakeAtMs = Infinity;
  private wakeHandle: unknown = null;

  constructor(
    private readonly size: number,
    readonly options: GroupOptions,
    readonly world: Pick<LockWorld, 'monotonicMs' | 'setTimer' | 'cancelTimer'>,
  ) {}

  /** The desk for the sessions of the member of this number, from 0, whose own locks these are. */
  join(member: number, locks: MemberLocks): MemberDesk {
    const desk = new MemberDesk(this, member, locks);
    this.members[member] = desk;
    return desk;
  }

  /** What is to be kept after a release at this member: a lock that somebody waits for, at least. */
  policyOf(member: number, policy: AllocationPolicy): AllocationPolicy {
    return {
      retainUntilMs: (database, key, nowMs) => {
        const untilMs = policy.retainUntilMs(database, key, nowMs);
        const isWanted = this.find(database, key)?.awaits(member) === true;
        return isWanted ? Math.max(untilMs, nowMs + this.options.groupWaitMs) : untilMs;
      },
    };
  }

  find(database: number, key: string): Contest | undefined {
    return this.contests.get(placeOf(database, key));
  }

  /** A contest for this key, the one under way or a new one; null where there is no room for more. */
  open(database: number, key: string, nowMs: number): Contest | null {
    const place = placeOf(database, key);
    const known = this.contests.get(place);
    if (known !== undefined) return known;
    if (this.contests.size >= this.options.lockKeysMax) return null;
    const contest = new Contest(this.size, this.options, attempt =>
      this.members[attempt.member]?.decideNow(attempt),
    );
    this.contests.set(place, contest);
    this.tidyBy(nowMs + TIDY_EVERY_MS);
    return contest;
  }

  /** Sees to it that nobody in this contest waits for longer than they want to. */
  watch(contest: Contest): void {
    if (contest.lookAgainAtMs === Infinity) {
      this.watched.delete(contest);
      return;
    }
    this.watched.add(contest);
    this.wakeBy(contest.lookAgainAtMs);
  }

  private wake(): void {
    const nowMs = this.world.monotonicMs();
    for (const contest of [...this.watched]) {
      if (contest.lookAgainAtMs <= nowMs) contest.serve(nowMs);
      this.watch(contest);
    }
    if (nowMs >= this.tidyAtMs) this.tidy(nowMs);
    else this.wakeBy(this.tidyAtMs);
  }

  /** Forgets the contests that are over, a part of them at a time. */
  private tidy(nowMs: number): void {
    this.tidyAtMs = Infinity;
    this.tidying ??= this.contests.entries();
    for (let tidied = 0; tidied < TIDIED_AT_ONCE; tidied++) {
      const { value, done } = this.tidying.next();
      if (done === true) {
        this.tidying = null;
        break;
      }
      const [place, contest] = value;
      if (contest.tidy(nowMs)) this.contests.delete(place);
    }
    if (this.contests.size > 0) this.tidyBy(nowMs + TIDY_EVERY_MS);
  }

  private tidyBy(atMs: number): void {
    this.tidyAtMs = Math.min(this.tidyAtMs, atMs);
    this.wakeBy(this.tidyAtMs);
  }

  private wakeBy(atMs: number): void {
    if (atMs >= this.wakeAtMs) return;
    if (this.wakeHandle !== null) this.world.cancelTimer(this.wakeHandle);
    this.wakeAtMs = atMs;
    this.wakeHandle = this.world.setTimer(atMs, () => {
      this.wakeAtMs = Infinity;
      this.wakeHandle = null;
      this.wake();
    });
  }

  /** Keys that are contended for, or were a moment ago. */
  count(): number {
    return this.contests.size;
  }
}

function placeOf(database: number, key: string): string {
  return `${database} ${key}`;
}
