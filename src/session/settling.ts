import { failFirst } from './fail-first.js';
import { PIN } from './own-place.js';
import type { Session } from './session.js';
import { type TouchScope, TouchSet } from './touches.js';

/** The one command of a session that waits until the locks that it touches are settled. */
export class Settling {
  readonly #session: Session;
  #under: TouchSet | null = null;
  #done: TouchSet | null = null;

  constructor(session: Session) {
    this.#session = session;
  }

  /**
   * Settles what the command at hand touches (invariant 5). Null: it touches no lock. 'waiting':
   * the session waits until it is settled, and the command then comes here again.
   */
  settled(scopes: () => TouchScope[]): TouchSet | null | 'waiting' {
    const done = this.#done;
    if (done !== null) {
      this.#done = null;
      return done;
    }
    const wanted = scopes();
    if (wanted.length === 0) return null;
    const touches = new TouchSet(this.#session.gateway.desk, wanted);
    this.#under = touches;
    const atOnce = touches.begin(
      () => {
        this.#under = null;
        this.#done = touches;
        this.#session.resume();
      },
      () => {
        this.#under = null;
        refuse(this.#session);
      },
    );
    if (!atOnce) {
      this.#session.wait();
      return 'waiting';
    }
    this.#under = null;
    return touches;
  }

  /** The client is gone. */
  release(): void {
    this.#under?.end();
    this.#done?.end();
    this.#under = null;
    this.#done = null;
  }
}

/**
 * Redis stays away, and nothing was sent of the command that waits: its client is told so. A
 * transaction from which one command is missing must not be carried out, so its client is ended.
 */
function refuse(session: Session): void {
  if (session.own.has(PIN.transaction | PIN.watch) || session.own.opaque) {
    session.upstreamLost('the locks that it touches could not be settled');
  } else {
    session.awaitDrain(() => failFirst(session, null));
  }
}
