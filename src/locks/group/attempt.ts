import type { AcquireIntent } from '../../intent/intent.js';
import type { LockRequest, Verdict } from '../contract.js';
import type { Contender } from './contender.js';
import type { Contest } from './contest.js';

/** One acquire command at one member, from its arrival to its answer. */
export class Attempt implements LockRequest {
  readonly database: number;
  readonly clientId: number;
  readonly user: string;
  readonly arrivedAtMs: number;
  readonly onlyRedis: boolean;
  /** It must be decided now, whatever it waits for. */
  hurried = false;
  /** The call that brought it has not returned: its verdict can be given at once. */
  atOnce = true;
  /** The verdict, where it was given at once. */
  verdict: Verdict | null = null;
  /** Its client's own command is on its way to Redis. */
  passed = false;

  constructor(
    readonly request: LockRequest,
    readonly intent: AcquireIntent,
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
    this.database = request.database;
    this.clientId = request.clientId;
    this.user = request.user;
    this.arrivedAtMs = request.arrivedAtMs;
    this.onlyRedis = request.onlyRedis;
  }

  settle(verdict: Verdict): boolean {
    return this.settled(this, verdict);
  }
}
