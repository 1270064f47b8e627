/**
 * Invariant 10: a client's commands are on their way in one place at a time. This counts them, and
 * knows what the next one waits for.
 */

/** Where the commands are whose replies are still to come. */
export type Place =
  | 'none'
  /** A pipe shared with other clients. */
  | 'pipe'
  /** The client's own connection to Redis. */
  | 'own'
  /** With us: the lock manager, the greeter, an admin command. */
  | 'here';

export class Turnstile {
  place: Place = 'none';
  /** Replies still to come. */
  outstanding = 0;
  #waitsFor: 'nothing' | 'drain' | 'resume' = 'nothing';
  #afterDrain: (() => void) | null = null;

  /** Whether the next command may be looked at. */
  get open(): boolean {
    return this.#waitsFor === 'nothing';
  }

  /** Whether a command may go to `place` now; else it must wait until all earlier are answered. */
  mayEnter(place: Place): boolean {
    return this.outstanding === 0 || this.place === place;
  }

  enter(place: Place, replies: number): void {
    if (!this.mayEnter(place)) {
      throw new Error(`a command for ${place} overtakes others in ${this.place}`);
    }
    this.place = place;
    this.outstanding += replies;
  }

  /** The one command that is 'here' goes on to another place. */
  leaveHere(): void {
    this.outstanding--;
    this.place = 'none';
  }

  /** `replies` were answered; true where none is left under way. */
  answered(replies: number): boolean {
    this.outstanding -= replies;
    if (this.outstanding < 0) throw new Error('more answers than commands');
    if (this.outstanding > 0 || replies === 0) return false;
    this.place = 'none';
    return true;
  }

  /** Shuts until all that is under way is answered; `then` is run at that moment. */
  shutUntilDrained(then: (() => void) | null): void {
    this.#waitsFor = 'drain';
    this.#afterDrain = then;
  }

  /** Shuts until `reopen`. */
  shut(): void {
    this.#waitsFor = 'resume';
  }

  reopen(): void {
    this.#waitsFor = 'nothing';
  }

  /** All is answered: opens where it was shut for this, and gives what is to be run then. */
  drained(): (() => void) | null {
    if (this.#waitsFor !== 'drain') return null;
    const then = this.#afterDrain;
    this.#afterDrain = null;
    this.#waitsFor = 'nothing';
    return then;
  }
}
