import type { Intent } from '../../intent/intent.js';
import type { LockRequest, Verdict } from '../contract.js';

/**
 * A session's request on its way through the member's own desk: what it asks is the session's, and
 * its verdict comes to the group first.
 */
export abstract class RelayedRequest<Kind extends Intent> implements LockRequest {
  readonly database: number;
  readonly clientId: number;
  readonly user: string;
  readonly arrivedAtMs: number;
  readonly onlyRedis: boolean;

  constructor(
    readonly request: LockRequest,
    readonly intent: Kind,
  ) {
    this.database = request.database;
    this.clientId = request.clientId;
    this.user = request.user;
    this.arrivedAtMs = request.arrivedAtMs;
    this.onlyRedis = request.onlyRedis;
  }

  abstract settle(verdict: Verdict): boolean;
}
