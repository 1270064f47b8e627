import type { Confirmation } from '../../locks/contract.js';
import type { ControlAnswer, ControlConnection } from './control-connection.js';
import type { ControlLog } from './options.js';

/** What a lease has to survive before it counts. */
export type Confirm =
  /** So many replicas have it. */
  | { readonly kind: 'replicas'; readonly replicas: number; readonly timeoutMs: number }
  /** It is on the master's disk. */
  | { readonly kind: 'aof'; readonly timeoutMs: number };

/**
 * Asks Redis by WAIT or WAITAOF whether what it has carried out has reached replicas or the disk, on a
 * connection kept for this: Redis answers nothing else on it meanwhile. All that is asked while one
 * question is on its way shares the next one.
 *
 * Redis waits for what this very connection has seen done. A PING before it is enough: any command
 * brings a connection's position up to date with all writes of the server, whoever made them.
 */
export class Confirmer implements Confirmation {
  /** What Redis lacks for it, told at the first connect; null: nothing. */
  readonly lacks: Promise<string | null>;
  readonly #confirm: Confirm;
  readonly #connection: ControlConnection;
  readonly #log: ControlLog;
  readonly #question: readonly string[];
  #tellLack: (lack: string | null) => void = () => {};
  #bar: string | null = 'nothing was confirmed yet (--confirm)';
  #waiting: ((yes: boolean) => void)[] = [];
  #asking = false;

  constructor(confirm: Confirm, connection: ControlConnection, log: ControlLog) {
    this.#confirm = confirm;
    this.#connection = connection;
    this.#log = log;
    const timeout = String(confirm.timeoutMs);
    this.#question =
      confirm.kind === 'aof'
        ? ['WAITAOF', '1', '0', timeout]
        : ['WAIT', String(confirm.replicas), timeout];
    this.lacks = new Promise(resolve => {
      this.#tellLack = resolve;
    });
  }

  bar(): string | null {
    return this.#bar;
  }

  ask(told: (yes: boolean) => void): void {
    this.#waiting.push(told);
    if (!this.#asking) this.#askRedis();
  }

  /** Asks for the sake of the bar alone: whether it has gone. */
  probe(): void {
    if (!this.#asking) this.ask(() => undefined);
  }

  connected(): void {
    if (this.#confirm.kind === 'replicas') {
      this.#tellLack(null);
      this.probe();
      return;
    }
    this.#connection.send(['COMMAND', 'INFO', 'WAITAOF'], answer => {
      // Of a command that Redis does not know it tells nil.
      const isMissing = answer.kind === 'reply' && String(answer.value) === '';
      this.#tellLack(isMissing ? WAITAOF_MISSING : null);
      if (isMissing) this.#note(WAITAOF_MISSING);
      else this.probe();
    });
  }

  #askRedis(): void {
    this.#asking = true;
    const asked = this.#waiting;
    this.#waiting = [];
    // Nothing hangs on its answer: the next one comes behind it.
    this.#connection.send(['PING'], () => undefined);
    this.#connection.send(this.#question, answer => {
      this.#asking = false;
      const refusal = this.#refusalOf(answer);
      this.#note(refusal);
      if (this.#waiting.length > 0) this.#askRedis();
      for (const told of asked) told(refusal === null);
    });
  }

  #refusalOf(answer: ControlAnswer): string | null {
    if (answer.kind === 'error') return answer.error;
    if (answer.kind !== 'reply') return 'no connection to Redis';
    const { timeoutMs } = this.#confirm;
    const counts: readonly unknown[] = Array.isArray(answer.value) ? answer.value : [answer.value];
    const count = Number(counts[0]);
    if (this.#confirm.kind === 'aof') {
      return count >= 1 ? null : `not on disk within ${timeoutMs} ms`;
    }
    const { replicas } = this.#confirm;
    return count >= replicas ? null : `${count} of ${replicas} replicas within ${timeoutMs} ms`;
  }

  /** Said when it begins and when it is over, not for each lease. */
  #note(refusal: string | null): void {
    const before = this.#bar;
    this.#bar = refusal === null ? null : `leases are not confirmed: ${refusal}`;
    if (refusal !== null && before !== this.#bar) {
      this.#log.warn({ reason: refusal }, 'leases are not confirmed: no lock is kept in memory');
    } else if (refusal === null && before !== null) {
      this.#log.info({}, 'leases are confirmed');
    }
  }
}

const WAITAOF_MISSING = 'WAITAOF is missing: it needs Redis 7.2';
