/** The part of the control connection that membership needs. */
export interface Questions {
  /** Null where Redis gives no reply: it is away, or says no. Strings are binary strings. */
  ask(words: readonly string[], answered: (reply: unknown) => void): void;
}

export interface MembersOptions {
  /** How often a proxy shows that it is alive. */
  readonly fleetHeartbeatMs: number;
  /** So many beats that are not seen, and it is taken for dead. */
  readonly fleetBeatsMissedMax: number;
  /** How long one that has crashed stays in the list in Redis. */
  readonly fleetForgottenMs: number;
}

/** Another proxy, as far as its beats tell. */
interface Member {
  beat: string;
  /** Monotonic, when its beat was last seen to change. */
  changedAtMs: number;
}

/**
 * Which other proxies stand before this Redis. Each counts up a number of its own under
 * `forelock:proxies`, with every heartbeat: one whose number stands still is gone. So nobody's clock is
 * compared with another's. What they say is a hint: locks do not rest on it.
 */
export class Members {
  readonly #questions: Questions;
  readonly #proxy: string;
  readonly #epoch: string;
  readonly #options: MembersOptions;
  readonly #members = new Map<string, Member>();
  readonly #waiting: (() => void)[] = [];
  readonly #hasLocks: () => boolean;
  #timer: NodeJS.Timeout;
  #beats = 0;
  #asking = false;
  /** Monotonic, when Redis last told of all. */
  #knownAtMs = -Infinity;

  /** @param hasLocks whether this proxy knows of any lock: before, it has nothing to say to others */
  constructor(
    questions: Questions,
    proxy: string,
    epoch: string,
    hasLocks: () => boolean,
    options: MembersOptions,
  ) {
    this.#questions = questions;
    this.#proxy = proxy;
    this.#epoch = epoch;
    this.#hasLocks = hasLocks;
    this.#options = options;
    this.#timer = setInterval(
      () => this.#begin(),
      Math.min(options.fleetHeartbeatMs, FIRST_LOOK_MS),
    );
  }

  /** Those that are alive; a new one counts until it is known to be gone. Null: not known yet. */
  others(): readonly string[] | null {
    const nowMs = performance.now();
    const { fleetBeatsMissedMax, fleetHeartbeatMs } = this.#options;
    const sinceMs = nowMs - fleetBeatsMissedMax * fleetHeartbeatMs;
    if (this.#knownAtMs < sinceMs) return null;
    return [...this.#members].flatMap(([proxy, { changedAtMs }]) =>
      changedAtMs >= sinceMs ? [proxy] : [],
    );
  }

  whenKnown(then: () => void): void {
    this.#waiting.push(then);
    this.#look();
  }

  #begin(): void {
    if (!this.#hasLocks()) return;
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.beat(), this.#options.fleetHeartbeatMs);
    this.beat();
  }

  /** Tells that this one is alive, and asks for the others. */
  beat(): void {
    if (this.#asking) return;
    const mine = `${this.#epoch}:${++this.#beats}`;
    this.#questions.ask(['HSET', MEMBERS, this.#proxy, mine], () => {});
    this.#questions.ask(['PEXPIRE', MEMBERS, String(this.#options.fleetForgottenMs)], () => {});
    this.#look();
  }

  #look(): void {
    if (this.#asking) return;
    this.#asking = true;
    this.#questions.ask(['HGETALL', MEMBERS], reply => {
      this.#asking = false;
      if (!Array.isArray(reply)) return;
      this.#knownAtMs = performance.now();
      this.#seen(reply);
      for (const then of this.#waiting.splice(0)) then();
    });
  }

  /** This one is gone. */
  leave(): void {
    clearInterval(this.#timer);
    if (this.#beats > 0) this.#questions.ask(['HDEL', MEMBERS, this.#proxy], () => {});
  }

  #seen(fields: readonly unknown[]): void {
    const nowMs = performance.now();
    const named = new Set<string>();
    for (let at = 0; at + 1 < fields.length; at += 2) {
      const [proxy, beat] = [String(fields[at]), String(fields[at + 1])];
      if (proxy === this.#proxy) continue;
      named.add(proxy);
      const member = this.#members.get(proxy);
      if (member === undefined) this.#members.set(proxy, { beat, changedAtMs: nowMs });
      else if (member.beat !== beat) Object.assign(member, { beat, changedAtMs: nowMs });
      else if (nowMs >= member.changedAtMs + this.#options.fleetForgottenMs) {
        this.#questions.ask(['HDEL', MEMBERS, proxy], () => {});
      }
    }
    for (const proxy of this.#members.keys()) if (!named.has(proxy)) this.#members.delete(proxy);
  }
}

/** A hash: for each proxy its epoch, and how often it has beaten since. */
const MEMBERS = 'forelock:proxies';
/** How often a proxy without locks is looked at for whether it has some. */
const FIRST_LOOK_MS = 100;
