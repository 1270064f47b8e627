import type { AcquireIntent, ExtendIntent, ReleaseIntent } from '../../intent/intent.js';
import type { LockDesk, LockRequest, PassOutcome, Touch, Verdict } from '../contract.js';
import { Attempt } from './attempt.js';
import type { Contest } from './contest.js';
import type { LockGroup } from './lock-group.js';
import { RelayedRequest } from './relayed-request.js';

/** The lock manager of one member. */
export interface MemberLocks extends LockDesk {
  /** As `decide`, for a request that has waited: its verdict comes by `settle` in any case. */
  queue(request: LockRequest): void;
}

/** A release or an extension, on its way through the member's own desk. */
class Keeping extends RelayedRequest<ReleaseIntent | ExtendIntent> {
  constructor(
    request: LockRequest,
    intent: ReleaseIntent | ExtendIntent,
    readonly contest: Contest,
    private readonly settled: (keeping: Keeping, verdict: Verdict) => boolean,
  ) {
    super(request, intent);
  }

  settle(verdict: Verdict): boolean {
    return this.settled(this, verdict);
  }
}

/**
 * What the sessions of one member ask of its locks. Attempts take their turn in the group's order;
 * all else goes to the member's own desk as it comes, and the group hears what came of it.
 */
export class MemberDesk implements LockDesk {
  /** By the session's own request, until it is answered. */
  private readonly attempts = new Map<LockRequest, Attempt>();
  private readonly keepings = new Map<LockRequest, Keeping>();

  constructor(
    private readonly group: LockGroup,
    private readonly member: number,
    private readonly locks: MemberLocks,
  ) {}

  /** A key that others want at another member has an order, be it a lock key here or not yet. */
  knows(database: number, key: string): boolean {
    return this.locks.knows(database, key) || this.group.find(database, key) !== undefined;
  }

  tracks(database: number): boolean {
    return this.locks.tracks(database);
  }

  lists(database: number, key: string): boolean {
    return this.locks.lists(database, key);
  }

  databases(): readonly number[] {
    return this.locks.databases();
  }

  touch(touch: Touch): boolean {
    return this.locks.touch(touch);
  }

  touchEnded(touch: Touch): void {
    this.locks.touchEnded(touch);
  }

  decide(request: LockRequest): Verdict | null {
    const { intent } = request;
    if (intent.kind !== 'acquire') return this.keep(request, intent);
    const attempt = this.attemptOf(request, intent);
    if (attempt === null) return this.straight(request);
    attempt.contest.wait(attempt, attempt.cameAtMs);
    attempt.atOnce = false;
    this.group.watch(attempt.contest);
    return attempt.verdict;
  }

  /** It is this attempt's turn. */
  decideNow(attempt: Attempt): void {
    const { locks } = this;
    if (!locks.knows(attempt.database, attempt.intent.key)) {
      locks.passing(attempt);
      this.passOn(attempt);
      return;
    }
    if (!attempt.atOnce) {
      locks.queue(attempt);
      return;
    }
    const verdict = locks.decide(attempt);
    if (verdict === null) return;
    if (verdict === 'pass') this.passOn(attempt);
    else {
      attempt.verdict = verdict;
      this.answered(attempt, verdict);
    }
  }

  passing(request: LockRequest): void {
    const { intent } = request;
    const attempt = intent.kind === 'acquire' ? this.attemptOf(request, intent) : null;
    if (attempt === null) return this.locks.passing(request);
    attempt.contest.passing(attempt);
    this.locks.passing(attempt);
  }

  passed(request: LockRequest, outcome: PassOutcome): void {
    const attempt = this.attempts.get(request);
    if (attempt !== undefined) {
      this.locks.passed(attempt, outcome);
      if (outcome === 'error') this.withdrawn(attempt);
      else this.answered(attempt, outcome === 'yes' ? 'granted' : 'held');
      return;
    }
    const keeping = this.keepings.get(request);
    if (keeping === undefined) return this.locks.passed(request, outcome);
    this.locks.passed(keeping, outcome);
    const success = keeping.intent.kind === 'release' ? 'released' : 'extended';
    this.kept(keeping, outcome === 'yes' ? success : 'not-owner');
  }

  hurry(request: LockRequest): void {
    const attempt = this.attempts.get(request);
    if (attempt === undefined) return this.locks.hurry(request);
    attempt.contest.hurry([attempt], this.group.world.monotonicMs());
    this.group.watch(attempt.contest);
  }

  left(clientId: number): void {
    this.locks.left(clientId);
  }

  changed(database: number, key: string): void {
    this.locks.changed(database, key);
  }

  abandoned(request: LockRequest): void {
    const attempt = this.attempts.get(request);
    const keeping = this.keepings.get(request);
    if (attempt !== undefined) {
      const waited = attempt.contest.leave(attempt, this.group.world.monotonicMs());
      this.attempts.delete(request);
      this.group.watch(attempt.contest);
      if (waited) return;
    }
    this.locks.abandoned(attempt ?? keeping ?? request);
    // It is carried out all the same, before what comes now; nobody is told.
    if (keeping !== undefined) this.kept(keeping, 'released');
  }

  private attemptOf(request: LockRequest, intent: AcquireIntent): Attempt | null {
    const { group, member } = this;
    const nowMs = group.world.monotonicMs();
    const contest = group.open(request.database, intent.key, nowMs);
    if (contest === null) return null;
    const entered = contest.enter(member, intent.value, request.clientId, nowMs);
    const attempt = new Attempt(
      request,
      intent,
      member,
      contest,
      entered?.contender ?? null,
      entered?.retries ?? false,
      nowMs,
      this.settled,
    );
    this.attempts.set(request, attempt);
    return attempt;
  }

  private straight(request: LockRequest): Verdict | null {
    if (this.locks.knows(request.database, request.intent.key)) return this.locks.decide(request);
    this.locks.passing(request);
    return 'pass';
  }

  private passOn(attempt: Attempt): void {
    attempt.contest.passed(attempt);
    if (attempt.atOnce) attempt.verdict = 'pass';
    else attempt.request.settle('pass');
  }

  private readonly settled = (attempt: Attempt, verdict: Verdict): boolean => {
    if (verdict === 'pass') {
      attempt.contest.passed(attempt);
      return attempt.request.settle('pass');
    }
    const heard = attempt.request.settle(verdict);
    // A grant that nobody heard of is taken back.
    this.answered(attempt, heard || verdict !== 'granted' ? verdict : 'held');
    return heard;
  };

  private answered(attempt: Attempt, verdict: Verdict): void {
    // Its client is gone, and the contest was told.
    if (!this.attempts.delete(attempt.request)) return;
    attempt.contest.answered(attempt, verdict, this.group.world.monotonicMs());
    this.group.watch(attempt.contest);
  }

  private withdrawn(attempt: Attempt): void {
    this.attempts.delete(attempt.request);
    attempt.contest.withdrawn(attempt, this.group.world.monotonicMs());
    this.group.watch(attempt.contest);
  }

  /** A release or an extension goes its own way; the group hears of it. */
  private keep(request: LockRequest, intent: ReleaseIntent | ExtendIntent): Verdict | null {
    const { group, member } = this;
    const contest = group.find(request.database, intent.key);
    if (contest === undefined) return this.straight(request);
    const keeping = new Keeping(request, intent, contest, this.keepingSettled);
    this.keepings.set(request, keeping);
    if (intent.kind === 'release') {
      contest.releasing(member, intent.value, group.world.monotonicMs());
    }
    const verdict = this.straight(keeping);
    if (verdict !== null && verdict !== 'pass') this.kept(keeping, verdict);
    return verdict;
  }

  private readonly keepingSettled = (keeping: Keeping, verdict: Verdict): boolean => {
    // Its client may be gone, and the contest have been told: Redis's answer is still to come.
    if (verdict === 'pass') this.keepings.set(keeping.request, keeping);
    const heard = keeping.request.settle(verdict);
    if (verdict !== 'pass') this.kept(keeping, verdict);
    return heard;
  };

  private kept({ request, intent, contest }: Keeping, verdict: Verdict): void {
    if (!this.keepings.delete(request)) return;
    const nowMs = this.group.world.monotonicMs();
    if (intent.kind === 'release') contest.released(this.member, intent.value, nowMs);
    else if (verdict === 'extended') {
      contest.extended(this.member, intent.value, nowMs + intent.ttlMs);
    }
    this.group.watch(contest);
  }
}
