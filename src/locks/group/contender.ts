import type { GroupOptions } from './options.js';

/**
 * What became of a contender's latest attempt at one member. `leading`: it is being decided, and
 * nobody was before it; `behind`: it is being decided, but somebody has the lock or is asked first.
 */
export type Stand = 'none' | 'waiting' | 'leading' | 'behind' | 'granted' | 'refused' | 'released';

/** One contender at one member. */
export interface Place {
  stand: Stand;
  /** The round that `stand` belongs to. */
  round: number;
  /** The connection of the latest attempt, and when that was answered. */
  clientId: number;
  answeredAtMs: number;
}

/**
 * One client that wants one Redlock: attempts with the same key and value at several members. All
 * its attempts at one time are a round, in which each member has one vote; a client that has not got
 * the majority releases what it got, and tries again in a further round.
 */
export class Contender {
  readonly places: readonly Place[];
  readonly quorum: number;
  round = 0;
  /** Of this round: members that have granted, or are asked with nobody before. */
  votes = 0;
  grants = 0;
  refusals = 0;
  /** The latest arrival or answer of an attempt. */
  lastSignMs = -Infinity;
  /** All attempts of a round are parked until the same moment, so that none loses to another's end. */
  parkUntilMs = -Infinity;
  /** When the majority was there; what is not granted by then is not needed. */
  wonAtMs = Number.NaN;
  /** Since when this round is over: it gives back what it got, or the majority can't be had. */
  leavingAtMs = Number.NaN;
  /** Members at which it holds the lock, as far as is known, this round or not. */
  holds = 0;
  private lastRoundFailed = false;

  constructor(
    readonly value: string,
    /** Its place in the order of arrival. */
    readonly number: number,
    members: number,
  ) {
    this.quorum = Math.floor(members / 2) + 1;
    this.places = Array.from({ length: members }, () => ({
      stand: 'none',
      round: 0,
      clientId: 0,
      answeredAtMs: -Infinity,
    }));
  }

  /** Begins a round where this attempt can't belong to the one before. */
  attempts(place: Place, nowMs: number, options: GroupOptions): void {
    const isAnotherHere = place.round === this.round && place.stand !== 'none';
    if (this.round === 0 || isAnotherHere || !this.inRound(nowMs, options)) {
      this.lastRoundFailed = this.refusals > 0 && this.grants < this.quorum;
      this.round++;
      this.votes = 0;
      this.grants = 0;
      this.refusals = 0;
      this.wonAtMs = Number.NaN;
      this.leavingAtMs = Number.NaN;
      this.parkUntilMs = nowMs + options.groupParkMs;
    }
    this.lastSignMs = nowMs;
  }

  /**
   * Whether an attempt there by this connection is a proven retry: it was answered before, and the
   * round failed. A vote that was granted and given back in a lost round is no success.
   */
  retries(place: Place, clientId: number, nowMs: number, options: GroupOptions): boolean {
    return (
      this.lastRoundFailed &&
      place.clientId === clientId &&
      nowMs - place.answeredAtMs < options.groupRetryMs
    );
  }

  /** Whether the majority can't be had any more in this round. */
  get lost(): boolean {
    return this.refusals > this.places.length - this.quorum;
  }

  /** Whether further attempts of this round may arrive, or some wait for their answers. */
  private inRound(nowMs: number, { groupWaitMs }: GroupOptions): boolean {
    if (nowMs < this.lastSignMs + groupWaitMs) return true;
    return this.places.some(place => place.round === this.round && isOpen(place));
  }

  /** Whether an attempt of it, of whatever round, has not been answered. */
  get open(): boolean {
    return this.places.some(isOpen);
  }

  /** Until when an attempt of this round is expected at this member; -Infinity: it is not. */
  expectedUntilMs(member: number, { groupWaitMs }: GroupOptions): number {
    const place = this.places[member];
    if (place === undefined || place.round === this.round) return -Infinity;
    // Who gives back what it got asks for no more of it.
    if (!Number.isNaN(this.leavingAtMs)) return -Infinity;
    return this.lastSignMs + groupWaitMs;
  }

  /** Whether it goes before `other` where both want a member. */
  goesBefore(other: Contender): boolean {
    if (this.lost !== other.lost) return other.lost;
    // Whoever has votes already shall have them all: that is what keeps votes from being split.
    if (this.votes !== other.votes) return this.votes > other.votes;
    return this.number < other.number;
  }
}

/** Whether the latest attempt there has not been answered. */
export function isOpen({ stand }: Place): boolean {
  return stand === 'waiting' || stand === 'leading' || stand === 'behind';
}
