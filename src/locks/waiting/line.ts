import type { LockRequest } from '../contract.js';
import type { Pending } from '../entry.js';

/** Somebody's place in the line for a lock. */
export interface Place {
  readonly clientId: number;
  readonly value: string;
  /**
   * `parked`: a request is here and waits. `asking`: Redis is asked for the lock on its behalf.
   * `kept`: it was refused, and is expected to come again.
   */
  state: 'parked' | 'asking' | 'kept';
  pending: Pending | null;
  /** Monotonic: when the parked one is refused, or the place is kept no longer. */
  untilMs: number;
  /** The lock was seen held since the request arrived, so that a refusal is what Redis could give. */
  sawHeld: boolean;
  /** Which parking of this line it was: those after a question was sent, its answer tells nothing. */
  parkedAs: number;
}

/**
 * Who waits for a lock: parked requests, and places of those who were refused and are expected
 * again, in order of arrival. One that comes again in time finds its place, before all who came
 * after it; a place that nobody is here for holds nobody up.
 */
export class WaitingLine {
  private readonly places: Place[] = [];
  private parkedNow = 0;
  /** Parkings so far. */
  parkings = 0;
  /** Not later than the first end of a parking or of a kept place. Monotonic. */
  dueAtMs = Infinity;
  /** When Redis was last asked and said that somebody holds the lock; when that TTL is over. */
  askedAtMs = -Infinity;
  heldUntilMs = -Infinity;
  /** Whether that question took a place in the line of all proxies. */
  askedWithPlace = false;
  /** Hints that the key has changed in Redis. */
  changes = 0;

  get size(): number {
    return this.places.length;
  }

  get parked(): number {
    return this.parkedNow;
  }

  /** Places kept for those who are expected again. */
  get expected(): number {
    return this.places.filter(({ state }) => state === 'kept').length;
  }

  /** Whether any request is parked here. */
  waits(): boolean {
    return this.parkedNow > 0;
  }

  /** Parks a request: at the place that was kept for it, else at the end of the line. */
  park(pending: Pending, untilMs: number, sawHeld: boolean): Place {
    const { clientId, intent } = pending.request;
    let place = this.keptFor(clientId, intent.value);
    if (place === undefined) {
      place = {
        clientId,
        value: intent.value,
        state: 'parked',
        pending,
        untilMs,
        sawHeld,
        parkedAs: 0,
      };
      this.places.push(place);
    }
    place.state = 'parked';
    place.pending = pending;
    place.untilMs = untilMs;
    place.sawHeld = sawHeld;
    place.parkedAs = ++this.parkings;
    pending.place = place;
    this.parkedNow++;
    this.dueAtMs = Math.min(this.dueAtMs, untilMs);
    return place;
  }

  /** Takes out whose turn it is, to grant it the lock or to ask Redis for it; null: nobody's. */
  next(): Pending | null {
    if (this.parkedNow === 0) return null;
    for (const place of this.places) {
      if (place.state === 'parked') return this.takeOut(place);
    }
    return null;
  }

  /** The request leaves its place, which stays where it is until `back`, `keep` or `leave`. */
  takeOut(place: Place): Pending | null {
    const { pending } = place;
    if (place.state === 'parked') this.parkedNow--;
    place.state = 'asking';
    place.pending = null;
    return pending;
  }

  /** The lock was not to be had for the one that was taken out: it waits on, where it was. */
  back(place: Place, pending: Pending): void {
    place.state = 'parked';
    place.pending = pending;
    this.parkedNow++;
    this.dueAtMs = Math.min(this.dueAtMs, place.untilMs);
  }

  /** Who was refused is expected again until then. */
  keep(clientId: number, value: string, untilMs: number): void {
    let place = this.find(clientId, value);
    if (place === undefined) {
      place = {
        clientId,
        value,
        state: 'kept',
        pending: null,
        untilMs,
        sawHeld: false,
        parkedAs: 0,
      };
      this.places.push(place);
    }
    place.state = 'kept';
    place.pending = null;
    place.untilMs = untilMs;
    this.dueAtMs = Math.min(this.dueAtMs, untilMs);
  }

  /** The place is given up. */
  leave(place: Place): void {
    const at = this.places.indexOf(place);
    if (at < 0) return;
    this.places.splice(at, 1);
    if (place.state === 'parked') this.parkedNow--;
  }

  pendingOf(request: LockRequest): Pending | null {
    return this.places.find(({ pending }) => pending?.request === request)?.pending ?? null;
  }

  find(clientId: number, value: string): Place | undefined {
    return this.places.find(place => place.clientId === clientId && place.value === value);
  }

  private keptFor(clientId: number, value: string): Place | undefined {
    const place = this.find(clientId, value);
    return place?.state === 'kept' ? place : undefined;
  }

  /** Its client has got the lock. */
  leaveFor(clientId: number, value: string): void {
    const place = this.find(clientId, value);
    if (place !== undefined) this.leave(place);
  }

  /** The client is gone: nobody comes to what is kept for it. */
  leaveKeptFor(clientId: number): void {
    for (const place of this.places.filter(each => each.clientId === clientId)) {
      if (place.state === 'kept') this.leave(place);
    }
  }

  /** The key may have changed: what was heard of it tells nothing any more. */
  changed(): void {
    this.changes++;
    this.askedAtMs = -Infinity;
    this.heldUntilMs = -Infinity;
  }

  /** All places of those who ask with that value. */
  of(value: string): readonly Place[] {
    return this.places.filter(place => place.value === value);
  }

  /** The answer to a question that was sent after that many parkings: somebody holds the lock. */
  answeredHeld(parkings: number): void {
    for (const place of this.places) {
      if (place.parkedAs <= parkings) place.sawHeld = true;
    }
  }

  /** Parked ones and kept places whose time is over; what is kept is dropped at once. */
  due(nowMs: number): readonly Place[] {
    if (nowMs < this.dueAtMs) return [];
    const over: Place[] = [];
    let dueAtMs = Infinity;
    for (let index = this.places.length - 1; index >= 0; index--) {
      const place = this.places[index];
      if (place === undefined || place.state === 'asking') continue;
      if (nowMs < place.untilMs) dueAtMs = Math.min(dueAtMs, place.untilMs);
      else if (place.state === 'kept') this.places.splice(index, 1);
      else over.unshift(place);
    }
    this.dueAtMs = dueAtMs;
    return over;
  }

  /** Until when somebody is expected for whom a place is kept; -Infinity: nobody. */
  placeUntilMs(nowMs: number): number {
    let untilMs = -Infinity;
    for (const place of this.places) {
      if (place.state === 'kept' && place.untilMs > nowMs) {
        untilMs = Math.max(untilMs, place.untilMs);
      }
    }
    return untilMs;
  }
}
