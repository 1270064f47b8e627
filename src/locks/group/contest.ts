import type { Verdict } from '../contract.js';
import type { Attempt } from './attempt.js';
import { Contender, isOpen, type Place } from './contender.js';
import type { GroupOptions } from './options.js';

/** One member, as far as one key is concerned. */
class Vote {
  /** Attempts that nobody has been asked about, in order of arrival. */
  readonly waiting: Attempt[] = [];
  /** Attempts that are being decided there. */
  asked = 0;
  /** Of these, the ones that Redis decides as their clients wrote them. */
  passing = 0;
  /** Who was granted the lock there, as far as is known. */
  holder: Contender | null = null;
  holderEndsAtMs = -Infinity;
  /** The holder's release is on its way there: who is next is decided when it is answered. */
  givingBack = false;
}

/** How much longer than a client that may come back a holder is remembered. */
const HOLDER_PATIENCE = 10;

/**
 * All that want one key of a group, in one order for all its members.
 *
 * A member that is free goes to the first in the order of those who want it there; where one who
 * comes before them is still on the way to this member, it waits a little. Who leads has votes
 * already, or came first: so all members choose the same, and no two clients split the vote. A member
 * that is held says no at once, but to retriers, and while its holder is giving the lock back.
 *
 * Nothing is refused here: every attempt is decided by its member in the end, after a delay that is
 * bounded (invariant 4 of docs/protocol.md).
 */
export class Contest {
  private readonly contenders = new Map<string, Contender>();
  private readonly votes: readonly Vote[];
  private numbers = 0;
  private serving = false;
  /** When somebody's patience ends, or a lock its TTL. */
  lookAgainAtMs = Infinity;

  constructor(
    private readonly members: number,
    private readonly options: GroupOptions,
    /** Has an attempt decided by its member; the answer comes by `answered`, at once or later. */
    private readonly decide: (attempt: Attempt) => void,
  ) {
    this.votes = Array.from({ length: members }, () => new Vote());
  }

  /**
   * An attempt begins at this member: whose it is, and whether it is a proven retry. Null where
   * another one of the same value is under way there: values are not always unique.
   */
  enter(
    member: number,
    value: string,
    clientId: number,
    nowMs: number,
  ): { readonly contender: Contender; readonly retries: boolean } | null {
    let contender = this.contenders.get(value);
    if (contender === undefined) {
      contender = new Contender(value, ++this.numbers, this.members);
      this.contenders.set(value, contender);
    }
    const place = placeAt(contender, member);
    if (isOpen(place)) return null;
    contender.attempts(place, nowMs, this.options);
    const retries = contender.retries(place, clientId, nowMs, this.options);
    place.round = contender.round;
    place.stand = 'waiting';
    place.clientId = clientId;
    return { contender, retries };
  }

  /** The attempt that was entered waits for its turn; it may have come already when this returns. */
  wait(attempt: Attempt, nowMs: number): void {
    this.voteOf(attempt.member).waiting.push(attempt);
    this.serve(nowMs);
  }

  /** An attempt whose client asked Redis itself, nobody having wanted the key until then. */
  passing(attempt: Attempt): void {
    this.ask(attempt, true);
    this.passed(attempt);
  }

  /** Whether somebody waits for this member: a lock that is free again will be used at once. */
  awaits(member: number): boolean {
    return this.voteOf(member).waiting.length > 0;
  }

  /** The member has the client's own command sent; its verdict comes by `answered` all the same. */
  passed(attempt: Attempt): void {
    attempt.passed = true;
    this.voteOf(attempt.member).passing++;
  }

  /** What the member said. An attempt of which nobody heard has got nothing. */
  answered(attempt: Attempt, verdict: Verdict, nowMs: number): void {
    const { contender, member, intent } = attempt;
    const vote = this.voteOf(member);
    vote.asked--;
    if (attempt.passed) vote.passing--;
    const holder = contender ?? this.contenders.get(intent.value) ?? null;
    if (verdict === 'granted') {
      this.hold(vote, holder, intent.ttlMs > 0 ? nowMs + intent.ttlMs : Infinity);
    }
    if (contender !== null) this.count(contender, placeAt(contender, member), verdict, nowMs);
    this.serve(nowMs);
  }

  /** Redis answered with an error, as to a script that it does not know: no vote, and no refusal. */
  withdrawn({ contender, member, passed }: Attempt, nowMs: number): void {
    const vote = this.voteOf(member);
    vote.asked--;
    if (passed) vote.passing--;
    if (contender !== null) {
      const place = placeAt(contender, member);
      if (place.stand === 'leading' && place.round === contender.round) contender.votes--;
      place.stand = 'none';
      // It is expected here again, in other words.
      place.round = 0;
      contender.lastSignMs = nowMs;
    }
    this.serve(nowMs);
  }

  private count(contender: Contender, place: Place, verdict: Verdict, nowMs: number): void {
    const wasLeading = place.stand === 'leading';
    contender.lastSignMs = nowMs;
    place.answeredAtMs = nowMs;
    place.stand = verdict === 'granted' ? 'granted' : 'refused';
    // A slow member's answer may belong to a round that is over.
    if (place.round !== contender.round) return;
    if (verdict === 'granted') {
      if (!wasLeading) contender.votes++;
      contender.grants++;
      if (contender.grants === contender.quorum) contender.wonAtMs = nowMs;
    } else {
      if (wasLeading) contender.votes--;
      contender.refusals++;
    }
    this.noteLoss(contender, nowMs);
  }

  /** A client gives its lock back, or what it got of it, here first or not. */
  releasing(member: number, value: string, nowMs: number): void {
    const contender = this.contenders.get(value);
    if (contender === undefined) return;
    if (Number.isNaN(contender.leavingAtMs)) contender.leavingAtMs = nowMs;
    contender.lastSignMs = nowMs;
    const vote = this.voteOf(member);
    // Its client has given this attempt up; it is decided before its release, as it came.
    const given = vote.waiting.filter(attempt => attempt.contender === contender);
    this.hurry(given, nowMs);
    if (vote.holder === contender) vote.givingBack = true;
  }

  /** The lock is not that client's any more at this member, or was not. */
  released(member: number, value: string, nowMs: number): void {
    const contender = this.contenders.get(value);
    const vote = this.voteOf(member);
    if (contender !== undefined && vote.holder === contender) {
      const place = placeAt(contender, member);
      if (place.stand === 'granted') {
        place.stand = 'released';
        if (place.round === contender.round) contender.votes--;
      }
      this.hold(vote, null, -Infinity);
      // Who had the lock comes last the next time; who had a part of it keeps its place.
      if (contender.holds === 0 && contender.grants >= contender.quorum) this.forget(contender);
    }
    this.serve(nowMs);
  }

  extended(member: number, value: string, endsAtMs: number): void {
    const vote = this.voteOf(member);
    if (vote.holder?.value === value) vote.holderEndsAtMs = endsAtMs;
  }

  /**
   * The client is gone, and its attempt with it. False where it is being decided: what it gets will
   * be taken back, before anything that comes now is decided.
   */
  leave(attempt: Attempt, nowMs: number): boolean {
    const waited = this.unwait(attempt);
    if (waited) this.voteOf(attempt.member).asked++;
    this.answered(attempt, 'held', nowMs);
    return waited;
  }

  /** Something waits behind these: they are decided now. */
  hurry(attempts: readonly Attempt[], nowMs: number): void {
    if (attempts.length === 0) return;
    for (const attempt of attempts) attempt.hurried = true;
    this.serve(nowMs);
  }

  /** Forgets who has not come back in time; true where nothing is left to be remembered. */
  tidy(nowMs: number): boolean {
    for (const vote of this.votes) {
      if (nowMs >= vote.holderEndsAtMs) this.hold(vote, null, -Infinity);
    }
    const { groupRetryMs } = this.options;
    let isOver = true;
    for (const contender of this.contenders.values()) {
      const silentMs = nowMs - contender.lastSignMs;
      // A lock that nobody else asks for needs no order, however long it is held.
      const patienceMs = contender.holds > 0 ? HOLDER_PATIENCE * groupRetryMs : groupRetryMs;
      if (contender.open || silentMs < patienceMs) isOver = false;
      else if (contender.holds === 0) this.forget(contender);
    }
    return isOver && this.votes.every(vote => vote.asked === 0 && vote.waiting.length === 0);
  }

  /** Has all those decided whose turn or end of patience has come. */
  serve(nowMs: number): void {
    // Answers that come at once lead back here: the loop below sees what they changed.
    if (this.serving) return;
    this.serving = true;
    let served: boolean;
    do {
      served = false;
      this.lookAgainAtMs = Infinity;
      for (let member = 0; member < this.members; member++) {
        if (this.serveNext(this.voteOf(member), member, nowMs)) served = true;
      }
    } while (served);
    this.serving = false;
  }

  /** Whether an attempt was decided, or is. */
  private serveNext(vote: Vote, member: number, nowMs: number): boolean {
    if (vote.waiting.length === 0 || vote.givingBack) return false;
    const isHeld = vote.holder !== null && nowMs < vote.holderEndsAtMs;
    // Of two commands on two ways to Redis the later one may come first.
    if (vote.passing > 0 && !isHeld) return false;
    if (isHeld || vote.asked > 0) return this.serveRefused(vote, isHeld, nowMs);

    const first = vote.waiting.reduce((best, attempt) =>
      goesBefore(attempt, best) ? attempt : best,
    );
    // One that can't get the majority has no use for it: somebody who can may come.
    let untilMs = this.inVain(first.contender, nowMs)
      ? Infinity
      : this.othersExpectedUntilMs(first, member);
    for (const attempt of vote.waiting) {
      untilMs = Math.min(untilMs, this.patienceEndsAtMs(attempt));
    }
    if (nowMs < untilMs) {
      this.lookAgainBy(untilMs);
      return false;
    }
    this.ask(first, true);
    this.decide(first);
    return true;
  }

  /** Somebody has the lock there, or is before them: no is all that they can hear, now or later. */
  private serveRefused(vote: Vote, isHeld: boolean, nowMs: number): boolean {
    for (const attempt of vote.waiting) {
      const untilMs = this.refusedAtMs(attempt, vote);
      if (nowMs >= untilMs) {
        this.ask(attempt, false);
        this.decide(attempt);
        return true;
      }
      this.lookAgainBy(untilMs);
    }
    if (isHeld) this.lookAgainBy(vote.holderEndsAtMs);
    return false;
  }

  private ask(attempt: Attempt, leads: boolean): void {
    const { contender, member } = attempt;
    this.unwait(attempt);
    this.voteOf(member).asked++;
    if (contender === null) return;
    placeAt(contender, member).stand = leads ? 'leading' : 'behind';
    if (leads) contender.votes++;
  }

  private unwait(attempt: Attempt): boolean {
    const { waiting } = this.voteOf(attempt.member);
    const index = waiting.indexOf(attempt);
    if (index !== -1) waiting.splice(index, 1);
    return index !== -1;
  }

  /** Until when somebody who goes before this attempt may still come to this member. */
  private othersExpectedUntilMs({ contender }: Attempt, member: number): number {
    let untilMs = -Infinity;
    for (const other of this.contenders.values()) {
      if (other === contender || (contender !== null && !other.goesBefore(contender))) continue;
      untilMs = Math.max(untilMs, other.expectedUntilMs(member, this.options));
    }
    return untilMs;
  }

  /** Whether others have the majority, or as much of it as this round has lost. */
  private inVain(contender: Contender | null, nowMs: number): boolean {
    if (contender === null) return false;
    let others = 0;
    for (const { holder, holderEndsAtMs } of this.votes) {
      if (holder === null || holder === contender || nowMs >= holderEndsAtMs) continue;
      if (Number.isNaN(holder.leavingAtMs)) others++;
    }
    return contender.lost || others > this.members - contender.quorum;
  }

  /** How long an attempt waits for its turn at a member that is free. */
  private patienceEndsAtMs({ hurried, mayPark, contender, cameAtMs }: Attempt): number {
    if (hurried || contender === null) return -Infinity;
    return mayPark ? contender.parkUntilMs : cameAtMs + this.options.groupWaitMs;
  }

  /** How long an attempt waits at a member that somebody else has. */
  private refusedAtMs(attempt: Attempt, { holder }: Vote): number {
    const { contender, cameAtMs } = attempt;
    if (attempt.hurried || contender === null || contender === holder) return -Infinity;
    if (contender.lost) return -Infinity;
    const { groupWaitMs } = this.options;
    // The holder is giving the lock back, and other members have it already.
    const isLeaving = holder !== null && !Number.isNaN(holder.leavingAtMs);
    const leftByMs = isLeaving ? holder.leavingAtMs + groupWaitMs : -Infinity;
    const untilMs = attempt.mayPark
      ? Math.max(leftByMs, contender.parkUntilMs)
      : Math.min(leftByMs, cameAtMs + groupWaitMs);
    // The majority is there: what is missing is not waited for.
    const { wonAtMs } = contender;
    return Number.isNaN(wonAtMs) ? untilMs : Math.min(untilMs, wonAtMs + groupWaitMs);
  }

  private hold(vote: Vote, holder: Contender | null, endsAtMs: number): void {
    if (vote.holder !== null) vote.holder.holds--;
    if (holder !== null) holder.holds++;
    vote.holder = holder;
    vote.holderEndsAtMs = endsAtMs;
    vote.givingBack = false;
  }

  private noteLoss(contender: Contender, nowMs: number): void {
    if (!contender.lost || !Number.isNaN(contender.leavingAtMs)) return;
    contender.leavingAtMs = nowMs;
  }

  private forget(contender: Contender): void {
    if (this.contenders.get(contender.value) === contender) this.contenders.delete(contender.value);
  }

  private lookAgainBy(atMs: number): void {
    this.lookAgainAtMs = Math.min(this.lookAgainAtMs, atMs);
  }

  private voteOf(member: number): Vote {
    const vote = this.votes[member];
    if (vote === undefined) throw new Error('no such member');
    return vote;
  }
}

function placeAt(contender: Contender, member: number): Place {
  const place = contender.places[member];
  if (place === undefined) throw new Error('no such member');
  return place;
}

/** An attempt out of order (of a value that is under way already) goes first: nobody waits for it. */
function goesBefore(attempt: Attempt, other: Attempt): boolean {
  if (attempt.contender === null || other.contender === null) return attempt.contender === null;
  return attempt.contender.goesBefore(other.contender);
}
