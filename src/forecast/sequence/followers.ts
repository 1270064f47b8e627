import { Delays } from './delay.js';

/** What followed, how often and how long after. */
export interface Follower<Target> {
  readonly target: Target;
  /** Times that it followed; older ones count less. */
  count: number;
  readonly delays: Delays;
}

/**
 * Part of each count that is kept back for what has not been seen (absolute discounting, as for the
 * words of a language by Ney, Essen and Kneser, 1994): what followed once need not follow again.
 */
const DISCOUNT = 0.5;
/** Observations that "anything may follow" weighs. */
const UNKNOWN_WEIGHT = 1;

/**
 * What follows one antecedent: a bounded list of decayed counts, and how many times anything could
 * have followed. Where the list is full, the least frequent makes room: chance followers come and go
 * in the last place, and those that return stay.
 */
export class Followers<Target> {
  readonly list: Follower<Target>[] = [];
  /** Times that something could follow, those where nothing did included; older ones count less. */
  opportunities = 0;

  constructor(
    private readonly most: number,
    /** What is left of a count after one further opportunity. */
    private readonly keep: number,
  ) {}

  find(target: Target): Follower<Target> | undefined {
    for (const follower of this.list) if (follower.target === target) return follower;
    return undefined;
  }

  /** Nothing followed. */
  ended(): void {
    this.opportunities = this.opportunities * this.keep + 1;
    for (const follower of this.list) follower.count *= this.keep;
  }

  followed(follower: Follower<Target>, delayMs: number): void {
    this.ended();
    follower.count++;
    follower.delays.add(delayMs);
  }

  /** A follower that the list did not have, to be counted by `followed`. */
  admit(target: Target): Follower<Target> {
    const admitted = { target, count: 0, delays: new Delays() };
    if (this.list.length < this.most) {
      this.list.push(admitted);
      return admitted;
    }
    let least = 0;
    for (const [index, follower] of this.list.entries()) {
      if (follower.count < (this.list[least]?.count ?? 0)) least = index;
    }
    this.list[least] = admitted;
    return admitted;
  }

  /** Probability that this one follows, from its own count alone. */
  probability(follower: Follower<Target>): number {
    return (follower.count - discount(follower)) / (this.opportunities + UNKNOWN_WEIGHT);
  }

  /**
   * Probability that is left to what is known from elsewhere. With those of the list it is at most 1;
   * the rest is the endings and the followers that had to make room.
   */
  get left(): number {
    let kept = UNKNOWN_WEIGHT;
    for (const follower of this.list) kept += discount(follower);
    return kept / (this.opportunities + UNKNOWN_WEIGHT);
  }
}

function discount(follower: Follower<unknown>): number {
  return DISCOUNT * Math.min(1, follower.count);
}
