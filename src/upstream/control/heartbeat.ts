import type { ControlConnection } from './control-connection.js';
import { infoFields } from './info.js';

/**
 * Asks Redis for an answer every heartbeat, also where clients' commands bring enough of them: it
 * costs Redis microseconds, and INFO tells at once of a failover, which a PING would not.
 */
export class Heartbeat {
  readonly #connection: ControlConnection;
  /** Redis is not what it was when delegations were made (invariant 6 of docs/protocol.md). */
  readonly #doubt: (reason: string) => void;
  readonly #timer: NodeJS.Timeout;
  /** One question at a time: a Redis that is slow gets no heap of them. */
  #asking = false;
  #runId: string | null = null;
  #role: string | null = null;
  #replicationId: string | null = null;
  #denied: string | null = null;
  #version: string | null = null;

  constructor(connection: ControlConnection, heartbeatMs: number, doubt: (reason: string) => void) {
    this.#connection = connection;
    this.#doubt = doubt;
    this.#timer = setInterval(() => this.#beat(), heartbeatMs);
  }

  get role(): string | null {
    return this.#role;
  }

  get redisVersion(): string | null {
    return this.#version;
  }

  /** Why nothing may be delegated as far as this knows. */
  get bar(): string | null {
    if (this.#denied !== null) return `Forelock's own user may not read INFO: ${this.#denied}`;
    if (this.#role === null) return 'Redis has not told its role yet';
    return this.#role === 'master' ? null : `the upstream is a ${this.#role}, not a master`;
  }

  /** A connection is there, perhaps to another Redis than before. */
  connected(): void {
    this.#asking = false;
    this.#connection.send(['INFO', 'server'], answer => {
      if (answer.kind !== 'reply') return;
      const fields = infoFields(answer.value);
      this.#version = fields.get('redis_version') ?? null;
      const runId = fields.get('run_id') ?? null;
      if (this.#runId !== null && runId !== this.#runId) this.#doubt('Redis was restarted');
      this.#runId = runId;
    });
    this.#beat();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #beat(): void {
    if (this.#asking || !this.#connection.isReady) return;
    this.#asking = true;
    this.#connection.send(['INFO', 'replication'], answer => {
      this.#asking = false;
      if (answer.kind === 'reply') this.#compare(infoFields(answer.value));
      if (answer.kind === 'error') this.#deny(answer.error);
    });
  }

  #compare(fields: ReadonlyMap<string, string>): void {
    const known = this.#role !== null;
    const role = fields.get('role') ?? 'server of unknown role';
    const replicationId = fields.get('master_replid') ?? null;
    const [oldRole, oldId] = [this.#role, this.#replicationId];
    this.#denied = null;
    this.#role = role;
    this.#replicationId = replicationId;
    if (!known) return;
    if (role !== oldRole) this.#doubt(`the role of Redis changed to ${role}`);
    else if (replicationId !== oldId) this.#doubt('the replication id of Redis changed');
  }

  /** Other errors (BUSY …) pass, and are answers too. */
  #deny(error: string): void {
    if (!error.startsWith('NOPERM')) return;
    const isNew = this.#denied === null;
    this.#denied = error;
    this.#role = null;
    if (isNew) this.#doubt(`INFO was refused: ${error}`);
  }
}
