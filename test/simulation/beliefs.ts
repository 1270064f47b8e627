/** A client that believes it holds a lock: invariant 1 is about these. */
export interface Belief {
  readonly key: string;
  readonly value: string;
  readonly proxied: boolean;
  readonly heardAtMs: number;
  /** True time. */
  untilMs: number;
  over: boolean;
}

/**
 * The TTL that a client counts is its own clock's, and that of Redis may be faster by as much as
 * the margin is made for: a lock in Redis alone ends so much before the client thinks, too.
 */
const DRIFT = 0.01;

/** Who believes what, and whether two believe the same: exclusion as clients see it. */
export class Beliefs {
  readonly violations: string[] = [];
  /** Off where somebody deletes locks, which Redis alone would not survive either. */
  checksExclusion = true;
  private readonly byKey = new Map<string, Belief[]>();

  constructor(private readonly nowMs: () => number) {}

  /** A client heard that it has got the lock for that TTL from when it sent its request. */
  begin(key: string, value: string, sentAtMs: number, ttlMs: number, proxied: boolean): Belief {
    const nowMs = this.nowMs();
    const untilMs = sentAtMs + ttlMs * (1 - DRIFT);
    const belief: Belief = {
      key,
      value,
      proxied,
      heardAtMs: nowMs,
      untilMs,
      over: nowMs >= untilMs,
    };
    const others = this.active(key);
    if (!belief.over) {
      for (const other of others) this.violate(other, belief);
      others.push(belief);
    }
    this.byKey.set(key, others);
    return belief;
  }

  /** A client asks for another TTL: until it hears, it counts on the shorter of the two. */
  asksForTtl(belief: Belief, ttlMs: number): void {
    belief.untilMs = Math.min(belief.untilMs, this.nowMs() + ttlMs * (1 - DRIFT));
  }

  /** A client heard that its lock was extended. */
  extend(belief: Belief, sentAtMs: number, ttlMs: number): void {
    if (belief.over) return;
    const nowMs = this.nowMs();
    const wasOver = nowMs >= belief.untilMs;
    belief.untilMs = sentAtMs + ttlMs * (1 - DRIFT);
    if (!wasOver || nowMs >= belief.untilMs) return;
    const others = this.active(belief.key);
    for (const other of others) this.violate(other, belief);
    if (!others.includes(belief)) others.push(belief);
    this.byKey.set(belief.key, others);
  }

  end(belief: Belief): void {
    belief.over = true;
  }

  active(key: string): Belief[] {
    const nowMs = this.nowMs();
    return (this.byKey.get(key) ?? []).filter(belief => !belief.over && nowMs < belief.untilMs);
  }

  private violate(one: Belief, other: Belief): void {
    if (!this.checksExclusion || one === other) return;
    this.violations.push(
      `${Math.round(this.nowMs())} ms: ${one.value} believes in ${one.key} until ` +
        `${Math.round(one.untilMs)}, ${other.value} until ${Math.round(other.untilMs)}`,
    );
  }
}
