/** What stands for seeing all of a Redis, and so all of Forelock. */
export const ADMIN_COMMAND = ['CONFIG', 'GET', '*'];

/** Whether Redis would let this user run this command (ACL DRYRUN); rejects where it can't be asked. */
export type MayRun = (user: string, command: readonly string[]) => Promise<boolean>;

export interface AdminRightsOptions {
  /** How often Redis is asked anew for each user who is remembered. */
  readonly adminRightsRefreshMs: number;
  readonly adminUsersMax: number;
  /** How long Redis may take to answer before it counts as away. */
  readonly reconnectWaitMs: number;
}

/**
 * Who may look into Forelock. That is Redis's to say; but just when Redis is away, operators need to
 * look. So whom Redis allowed when it was asked last is remembered, and asked about anew while Redis
 * is there: a right that was taken away is not remembered for longer than that.
 */
export class AdminRights {
  readonly #mayRun: MayRun;
  readonly #options: AdminRightsOptions;
  readonly #allowed = new Set<string>();
  readonly #refresh: NodeJS.Timeout;

  constructor(mayRun: MayRun, options: AdminRightsOptions) {
    this.#mayRun = mayRun;
    this.#options = options;
    this.#refresh = setInterval(() => this.#askAnew(), options.adminRightsRefreshMs);
    this.#refresh.unref();
  }

  /** Redis is there. */
  connected(): void {
    this.#askAnew();
  }

  /** Rejects where Redis can't be asked. */
  async mayRun(user: string, command: readonly string[]): Promise<boolean> {
    const allowed = await this.#asked(user, command);
    if (command === ADMIN_COMMAND) this.#remember(user, allowed);
    return allowed;
  }

  /** Whether Redis allowed this user to look into Forelock when it was asked last. */
  remembers(user: string): boolean {
    return this.#allowed.has(user);
  }

  close(): void {
    clearInterval(this.#refresh);
  }

  /** The user of clients that don't log in is asked for whether or not one of them has looked. */
  #askAnew(): void {
    for (const user of new Set([DEFAULT_USER, ...this.#allowed])) {
      // Where Redis can't be asked, what it said last stands.
      this.mayRun(user, ADMIN_COMMAND).catch(() => undefined);
    }
  }

  #remember(user: string, allowed: boolean): void {
    this.#allowed.delete(user);
    if (!allowed) return;
    this.#allowed.add(user);
    if (this.#allowed.size <= this.#options.adminUsersMax) return;
    const [oldest] = this.#allowed;
    if (oldest !== undefined) this.#allowed.delete(oldest);
  }

  async #asked(user: string, command: readonly string[]): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error('Redis does not answer')),
        this.#options.reconnectWaitMs,
      );
    });
    try {
      return await Promise.race([this.#mayRun(user, command), tooLate]);
    } finally {
      clearTimeout(timer);
    }
  }
}

const DEFAULT_USER = 'default';
