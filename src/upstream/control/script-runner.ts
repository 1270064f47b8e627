import type { ScriptAnswer, ScriptCall, ScriptName } from '../../locks/contract.js';
import type { ControlAnswer, ControlConnection } from './control-connection.js';
import type { ScriptFile } from './script-files.js';

/** A script that waits for the first connection to its database. */
interface Waiting {
  readonly call: ScriptCall;
  readonly answered: (answer: ScriptAnswer) => void;
}

/**
 * Runs the scripts of lua/ on one database, each exactly once or not at all. A script that Redis
 * does not know (NOSCRIPT: it did not run) is loaded and sent again, once.
 */
export class ScriptRunner {
  readonly #connection: ControlConnection;
  readonly #files: ReadonlyMap<ScriptName, ScriptFile>;
  readonly #connectWaitMs: number;
  /** Null once the connection has been there: from then on nothing waits for it. */
  #waiting: Waiting[] | null = [];
  #patience: NodeJS.Timeout | null = null;
  /** Why Redis does not take our scripts; null: it does, or was not asked. */
  #refusal: string | null = null;

  constructor(
    connection: ControlConnection,
    files: ReadonlyMap<ScriptName, ScriptFile>,
    connectWaitMs: number,
  ) {
    this.#connection = connection;
    this.#files = files;
    this.#connectWaitMs = connectWaitMs;
  }

  get refusal(): string | null {
    return this.#refusal;
  }

  run(call: ScriptCall, answered: (answer: ScriptAnswer) => void): void {
    if (this.#connection.isReady || this.#waiting === null)
      return this.#evaluate(call, answered, true);
    this.#waiting.push({ call, answered });
    this.#patience ??= setTimeout(() => this.#giveUp(), this.#connectWaitMs).unref();
  }

  /** The connection is there: our scripts are loaded, then those that waited are run. */
  connected(): void {
    for (const file of this.#files.values()) {
      this.#connection.send(['SCRIPT', 'LOAD', file.text], answer => this.#loaded(file, answer));
    }
    const waiting = this.#waiting ?? [];
    this.#stopWaiting();
    for (const { call, answered } of waiting) this.#evaluate(call, answered, true);
  }

  /** Redis will not have us in this database: nothing waits for that to change. */
  refused(): void {
    this.#giveUp();
    this.#waiting = null;
  }

  close(): void {
    this.#giveUp();
  }

  #giveUp(): void {
    const waiting = this.#waiting ?? [];
    this.#stopWaiting();
    // Not for good where the connection has yet to come: the next script waits anew.
    if (!this.#connection.isReady) this.#waiting = [];
    for (const { answered } of waiting) answered(NO_CONNECTION);
  }

  #stopWaiting(): void {
    if (this.#patience !== null) clearTimeout(this.#patience);
    this.#patience = null;
    this.#waiting = null;
  }

  #loaded(file: ScriptFile, answer: ControlAnswer): void {
    if (answer.kind === 'error') this.#refusal = `SCRIPT LOAD refused: ${answer.error}`;
    else if (answer.kind === 'reply' && answer.value === file.sha) this.#refusal = null;
    else if (answer.kind === 'reply') this.#refusal = 'SCRIPT LOAD gives another SHA-1';
  }

  #evaluate(call: ScriptCall, answered: (answer: ScriptAnswer) => void, heals: boolean): void {
    const file = this.#files.get(call.script);
    if (file === undefined) throw new Error(`there is no script ${call.script}`);
    if (call.database !== this.#connection.database) {
      throw new Error(`a script for database ${call.database} on a connection of another`);
    }
    const { keys, args } = call;
    const words = ['EVALSHA', file.sha, String(keys.length), ...keys, ...args.map(String)];
    this.#connection.send(words, answer => {
      if (heals && answer.kind === 'error' && answer.error.startsWith('NOSCRIPT')) {
        this.#heal(file, call, answered);
      } else {
        answered(scriptAnswer(answer));
      }
    });
  }

  #heal(file: ScriptFile, call: ScriptCall, answered: (answer: ScriptAnswer) => void): void {
    this.#connection.send(['SCRIPT', 'LOAD', file.text], loaded => {
      if (loaded.kind === 'reply') return this.#evaluate(call, answered, false);
      // The script itself has not run: whatever became of the loading, nothing was done.
      answered({ kind: 'refused', error: loaded.kind === 'error' ? loaded.error : NOT_THERE });
    });
  }
}

const NOT_THERE = 'no connection to Redis';
const NO_CONNECTION: ScriptAnswer = { kind: 'refused', error: NOT_THERE };

function scriptAnswer(answer: ControlAnswer): ScriptAnswer {
  switch (answer.kind) {
    case 'reply':
      return scriptReply(answer.value);
    case 'error':
      // Our scripts look before they write, and write the lock key last: an error, even one that
      // was raised half-way, has not moved the lock.
      return { kind: 'refused', error: answer.error };
    case 'lost':
      return { kind: 'unknown' };
    case 'unsent':
      return NO_CONNECTION;
  }
}

/** An answer that no script of ours gives tells nothing of what was done. */
function scriptReply(value: unknown): ScriptAnswer {
  const values: unknown[] = Array.isArray(value) ? value : [value];
  const known = values.filter(
    part => part === null || typeof part === 'string' || typeof part === 'number',
  );
  return known.length === values.length ? { kind: 'answer', values: known } : { kind: 'unknown' };
}
