import type {
  AcquireIntent,
  ExtendIntent,
  Intent,
  LockForm,
  ReleaseIntent,
} from '../../src/intent/intent.js';
import type { LockRequest, Touch, Verdict } from '../../src/locks/contract.js';

const form: LockForm = { name: 'test', sha: null, yes: 'OK', no: null, runs: () => [] };

export function acquire(key: string, value: string, ttlMs = 10_000, plain = true): AcquireIntent {
  return { kind: 'acquire', form, key, value, ttlMs, plain };
}

export function release(key: string, value: string): ReleaseIntent {
  return { kind: 'release', form, key, value };
}

export function extend(key: string, value: string, ttlMs = 10_000, plain = true): ExtendIntent {
  return { kind: 'extend', form, key, value, ttlMs, plain };
}

/** A client's request, with what it heard. */
export class TestRequest implements LockRequest {
  verdicts: Verdict[] = [];
  /** Whether the reply still reaches the client. */
  hears = true;
  onlyRedis = false;
  /** Told of each verdict that comes later. */
  onSettled: (verdict: Verdict) => void = () => {};

  constructor(
    readonly intent: Intent,
    readonly clientId: number,
    readonly arrivedAtMs: number,
    readonly database = 0,
    readonly user = 'default',
  ) {}

  settle(verdict: Verdict): boolean {
    if (!this.hears) return false;
    this.verdicts.push(verdict);
    this.onSettled(verdict);
    return true;
  }

  /** The verdict, null while there is none; a second one is an error. */
  get verdict(): Verdict | null {
    if (this.verdicts.length > 1) throw new Error(`verdicts: ${this.verdicts.join(', ')}`);
    return this.verdicts[0] ?? null;
  }
}

export class TestTouch implements Touch {
  readies = 0;
  /** How often it was told that it can't go. */
  refusals = 0;
  onReady: () => void = () => {};

  constructor(
    readonly keys: readonly string[] | null,
    readonly bars = true,
    readonly database = 0,
  ) {}

  ready(): void {
    this.readies++;
    this.onReady();
  }

  unsettled(): void {
    this.refusals++;
  }
}
