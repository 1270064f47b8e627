import type { Intent, LockForm } from '../../intent/intent.js';
import type { ControlAnswer, ControlConnection } from './control-connection.js';

export interface PermissionOptions {
  readonly permissionCacheMs: number;
  /** Answers that are remembered. */
  readonly permissionCacheMax: number;
  /** An answer that came later than it may be kept must still serve the one who asked. */
  readonly permissionFirstUseMs: number;
}

export type Permission = 'allowed' | 'denied';

interface Answer {
  permission: Permission;
  /** Counted from before the question was sent. */
  askedAtMs: number;
  answeredAtMs: number;
  /** An answer counts at least once, or a cache time of 0 would ask for ever. */
  used: boolean;
  /** Asked again already, in the second half of its time. */
  renewing: boolean;
}

type Waiter = (allowed: boolean) => void;

/**
 * What Redis's ACL lets a user do, asked of Redis for each command that the user's own command and
 * its script would run (invariant 8 of docs/protocol.md). Where Redis can't be asked (before 7.0, or
 * Forelock's own user may not) nobody is allowed anything here: all goes to Redis itself.
 */
export class Permissions {
  readonly #connection: ControlConnection;
  readonly #options: PermissionOptions;
  /** By user, form and key; in the order of their questions. */
  readonly #answers = new Map<string, Answer>();
  readonly #asked = new Map<string, Waiter[]>();
  readonly #formNumbers = new WeakMap<LockForm, number>();
  #formsNumbered = 0;
  #unavailable: string | null = null;

  constructor(connection: ControlConnection, options: PermissionOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /** Why Redis can't be asked for permissions; null: it can, or was not asked yet. */
  get unavailable(): string | null {
    return this.#unavailable;
  }

  /** Null: `ask` first. An answer in use is asked for anew before its time is over. */
  check(user: string, intent: Intent): Permission | null {
    const answer =
      this.#answers.get(this.#name(user, intent, EVERY_KEY)) ??
      this.#answers.get(this.#name(user, intent, intent.key));
    if (answer === undefined) return null;
    const nowMs = performance.now();
    const ageMs = nowMs - answer.askedAtMs;
    const { permissionCacheMs, permissionFirstUseMs } = this.#options;
    if (ageMs > permissionCacheMs) {
      if (answer.used || nowMs - answer.answeredAtMs > permissionFirstUseMs) return null;
    } else if (ageMs > permissionCacheMs / 2 && !answer.renewing) {
      answer.renewing = true;
      this.ask(user, intent, () => undefined);
    }
    answer.used = true;
    return answer.permission;
  }

  /** Calls back once, with false where Redis can't be asked; `check` knows the answer then. */
  ask(user: string, intent: Intent, answered: Waiter): void {
    const name = this.#name(user, intent, intent.key);
    const waiters = this.#asked.get(name);
    if (waiters !== undefined) {
      waiters.push(answered);
      return;
    }
    this.#asked.set(name, [answered]);
    const question = new Question(user, intent, answer => this.#allows(answer));
    question.ask(this.#connection, () => {
      const about = question.concernsEveryKey ? EVERY_KEY : intent.key;
      // An earlier answer for every key is over: `check` would go by it, and ask again for ever.
      if (about !== EVERY_KEY) this.#answers.delete(this.#name(user, intent, EVERY_KEY));
      this.#remember(this.#name(user, intent, about), question);
      const waiting = this.#asked.get(name) ?? [];
      this.#asked.delete(name);
      for (const waiter of waiting) waiter(question.allowed);
    });
  }

  /** Whether the user may run this very command; rejects where Redis can't be asked. Not cached. */
  mayRun(user: string, command: readonly string[]): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#connection.send(['ACL', 'DRYRUN', user, ...command], answer => {
        this.#note(answer);
        if (answer.kind === 'reply') resolve(answer.value === 'OK');
        else reject(new Error(answer.kind === 'error' ? answer.error : 'Redis is not connected'));
      });
    });
  }

  /** Another connection, perhaps to another Redis: what was told before holds no more. */
  connected(): void {
    this.#answers.clear();
    this.probe();
  }

  /** Asks whether asking works at all, so that nothing is delegated where it doesn't. */
  probe(): void {
    this.#connection.send(['ACL', 'DRYRUN', 'default', 'PING'], answer => this.#note(answer));
  }

  #allows(answer: ControlAnswer): boolean {
    this.#note(answer);
    // A refusal is a reply too: a text that says what is not allowed.
    return answer.kind === 'reply' && answer.value === 'OK';
  }

  /** Of errors, those count that say nothing about the user, but that there is no asking. */
  #note(answer: ControlAnswer): void {
    if (answer.kind === 'reply') this.#unavailable = null;
    if (answer.kind !== 'error') return;
    if (/^NOPERM|unknown (sub)?command/i.test(answer.error)) this.#unavailable = answer.error;
  }

  #remember(name: string, { allowed, askedAtMs }: Question): void {
    const answer: Answer = {
      permission: allowed ? 'allowed' : 'denied',
      askedAtMs,
      answeredAtMs: performance.now(),
      used: false,
      renewing: false,
    };
    this.#answers.delete(name);
    this.#answers.set(name, answer);
    if (this.#answers.size <= this.#options.permissionCacheMax) return;
    const [oldest] = this.#answers.keys();
    if (oldest !== undefined) this.#answers.delete(oldest);
  }

  /** A user's name has no space in it (Redis sees to that), so parts can't run into each other. */
  #name(user: string, intent: Intent, key: string): string {
    let number = this.#formNumbers.get(intent.form);
    if (number === undefined) {
      number = this.#formsNumbered++;
      this.#formNumbers.set(intent.form, number);
    }
    return key === EVERY_KEY ? `${user} ${number}` : `${user} ${number} ${key}`;
  }
}

/** Stands for all keys at once; no key is this one, since keys are compared with their name's space. */
const EVERY_KEY = '';

/** One question to Redis: may this user do what this command does, and is that so for every key? */
class Question {
  readonly askedAtMs = performance.now();
  allowed = true;
  /** The user's rights know no key: a proven template's thousandth key need not be asked about. */
  concernsEveryKey = false;
  readonly #user: string;
  readonly #intent: Intent;
  readonly #allows: (answer: ControlAnswer) => boolean;

  constructor(user: string, intent: Intent, allows: (answer: ControlAnswer) => boolean) {
    this.#user = user;
    this.#intent = intent;
    this.#allows = allows;
  }

  /** Everything goes down at once: one round trip. */
  ask(connection: ControlConnection, answered: () => void): void {
    const commands = this.#intent.form.runs(this.#intent);
    let left = commands.length + 1;
    const one = (): void => {
      left--;
      if (left === 0) answered();
    };
    if (commands.length === 0) this.allowed = false;
    for (const command of commands) {
      connection.send(['ACL', 'DRYRUN', this.#user, ...command], answer => {
        this.allowed = this.#allows(answer) && this.allowed;
        one();
      });
    }
    connection.send(['ACL', 'GETUSER', this.#user], answer => {
      this.concernsEveryKey = answer.kind === 'reply' && hasEveryKey(answer.value);
      one();
    });
  }
}

/**
 * Whether ACL GETUSER tells of a user all of whose rights hold for all keys: with selectors, one
 * command may be allowed for some keys only.
 */
function hasEveryKey(reply: unknown): boolean {
  if (!Array.isArray(reply)) return false;
  const field = (name: string): unknown => reply[reply.indexOf(name) + 1];
  const selectors = field('selectors');
  return field('keys') === '~*' && Array.isArray(selectors) && selectors.length === 0;
}
