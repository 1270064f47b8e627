import type { AcquireIntent } from '../../intent/intent.js';
import type { LockRequest, Verdict } from '../contract.js';
import type { Contender } from './contender.js';
import type { Contest } from './contest.js';
import { RelayedRequest } from './relayed-request.js';

/** One acquire command at one member, from its arrival to its answer. */
export class Attempt extends RelayedRequest<AcquireIntent> {
  /** It must be decided now, whatever it waits for. */
  hurried = false;
  /** The call that brought it has not returned: its verdict can be given at once. */
  atOnce = true;
  /** The verdict, where it was given at once. */
  verdict: Verdict | null = null;
  /** Its client's own command is on its way to Redis. */
  passed = false;

  constructor(
    request: LockRequest,
    intent: AcquireIntent,
    readonly member: number,
    readonly contest: Contest,
    /** Null: another attempt with the same value is under way at this member; no part of the order. */
    readonly contender: Contender | null,
    /** A proven retrier's, which may wait for a lock that is held. */
    readonly mayPark: boolean,
    /** Monotonic. */
    readonly cameAtMs: number,
    private readonly settled: (attempt: Attempt, verdict: Verdict) => boolean,
  ) {
    super(request, intent);
  }

  settle(verdict: Verdict): boolean {
    return this.settled(this, verdict);
  }
}
