import type { Intent } from '../intent/intent.js';

/**
 * The lock manager's whole surface: what sessions ask of it (LockDesk), and what it needs of the
 * world (LockWorld). It imports no socket, clock, file or Redis client; the simulator passes in
 * its own world and runs the very same code.
 */

/** What a lock request comes to. The session turns it into the form's exact reply. */
export type Verdict =
  /** The lock is the client's from now on. */
  | 'granted'
  /** Somebody holds the lock. */
  | 'held'
  | 'released'
  | 'extended'
  /** Release or extend by one who does not hold the lock. */
  | 'not-owner'
  /** Redis is to decide: the session sends the client's own command, then calls `passed`. */
  | 'pass'
  /** A script's fate is unknown: the client is disconnected, as Redis would. */
  | 'lost';

export type PassOutcome = 'yes' | 'no' | 'error' | 'lost';

export interface LockRequest {
  readonly intent: Intent;
  readonly database: number;
  /** Unique per client connection. */
  readonly clientId: number;
  readonly user: string;
  /** Monotonic, when its last byte was read. */
  readonly arrivedAtMs: number;
  /**
   * Only Redis may answer (a SHA-1 it has not answered since the last reconnect, a user whose
   * rights can't be asked, a value above the limit): the key is settled, then the verdict is 'pass'.
   */
  readonly onlyRedis: boolean;
  /**
   * The verdict of a request that `decide` left pending. Returns whether any byte of the reply was
   * handed to the socket: false lets the manager undo a grant (invariant 12). A release or an
   * extension is told 'pass' even where its client is gone, and is then sent all the same; true.
   */
  settle(verdict: Verdict): boolean;
}

/** A command that reads or writes keys otherwise than by acquire, extend, release. */
export interface Touch {
  readonly database: number;
  /** Keys as binary strings; null: the command may see every key of the database. */
  readonly keys: readonly string[] | null;
  /** Whether it bars the keys' templates (named touches do, lock commands sent aside do not). */
  readonly bars: boolean;
  /** Called once where `touch` returned false, when the settling is confirmed. */
  ready(): void;
  /**
   * Called once in place of `ready` where Redis has been away for --reconnect-wait-ms: the command
   * can't go, and `touchEnded` is called for it.
   */
  unsettled(): void;
}

export interface LockDesk {
  /** Whether a lock command on this key must come through `decide`; else pass it and tell. */
  knows(database: number, key: string): boolean;
  /** Whether any key of this database is in the lock table: if not, no touch can matter. */
  tracks(database: number): boolean;
  /** Whether the key is in the lock table at all, be it as a candidate: touches of it count. */
  lists(database: number, key: string): boolean;
  /** The databases that have keys in the lock table. */
  databases(): readonly number[];
  /** A verdict at once, or null: `request.settle` will bring it. */
  decide(request: LockRequest): Verdict | null;
  /** A lock command on a key that `knows` denied is about to be sent as the client wrote it. */
  passing(request: LockRequest): void;
  /** How a request that was passed (`passing`, or verdict 'pass') was answered by Redis. */
  passed(request: LockRequest, outcome: PassOutcome): void;
  /** Its client has sent something behind this pending request: it is not to wait for any other. */
  hurry(request: LockRequest): void;
  /** The client's connection is closed: nothing more comes from it. */
  left(clientId: number): void;
  /**
   * The key may have changed in Redis by another hand than ours. A hint, never a fact: it is looked
   * at again.
   */
  changed(database: number, key: string): void;
  /** The client is gone; a pending request's verdict has nobody to hear it. */
  abandoned(request: LockRequest): void;
  /** True: go at once. False: wait for `touch.ready`. Each touch is ended with `touchEnded`. */
  touch(touch: Touch): boolean;
  /** Answered (for MULTI: after EXEC or DISCARD; for WATCH: after its end), or never sent. */
  touchEnded(touch: Touch): void;
}

/** What is told to this proxy, by way of Redis. */
export type Notice = TokenNotice | FleetNotice;

/** What other proxies ask and answer. */
export type FleetNotice = {
  readonly database: number;
  /** Binary string. */
  readonly key: string;
  /** Who asks, or who answers. */
  readonly proxy: string;
  /** Of the question. */
  readonly number: number;
} & (
  | {
      /** Somebody's value is in the key: may it be a client's of this proxy? */
      readonly kind: 'whose';
    }
  | {
      readonly kind: 'answer';
      readonly ours: boolean;
    }
);

/** What scripts of other proxies tell this one. `token` is one of this proxy's. */
export type TokenNotice = {
  readonly database: number;
  /** Binary string. */
  readonly key: string;
  readonly token: string;
} & (
  | {
      /** Somebody wants the lock while our token is in the key. */
      readonly kind: 'recall';
      /** Whether that one waits for it; else it wants to know whether it is held. */
      readonly waits: boolean;
    }
  | {
      /** The key was passed on to our ticket, with a block of fences. */
      readonly kind: 'transfer';
      readonly fence: number;
      readonly fences: number;
      /** For how long the fleet has kept the key. */
      readonly keptMs: number;
      /** Whether others wait behind. */
      readonly further: boolean;
    }
  /** The owner has written its holder's value into the key, and our ticket is over. */
  | { readonly kind: 'held' }
);

/** Names of the files in lua/. */
export type ScriptName =
  | 'reserve'
  | 'renew'
  | 'want'
  | 'materialize'
  | 'retain'
  | 'release'
  | 'extend'
  | 'yield'
  | 'fence'
  | 'recover';

export interface ScriptCall {
  readonly script: ScriptName;
  readonly database: number;
  readonly keys: readonly string[];
  readonly args: readonly (string | number)[];
}

/** An array reply of a script of ours, as strings and numbers; binary strings where bytes. */
export type ScriptAnswer =
  | { readonly kind: 'answer'; readonly values: readonly (string | number | null)[] }
  /** Redis refused the script, so it did nothing (READONLY, OOM, NOPERM, BUSY, LOADING …). */
  | { readonly kind: 'refused'; readonly error: string }
  /** It may or may not have run: the connection went away. */
  | { readonly kind: 'unknown' };

/**
 * Where delegations, and the grants from them that Redis does not know of, are written down, so that
 * a crash loses nothing. The world lets no reply out before what was told here is safe from the end
 * of the process. Times are monotonic; calls are cheap, on the hot path, and never fail.
 */
export interface GrantJournal {
  /** Our token is in the key, or may be, and nobody has the lock. Names the delegation by a number. */
  delegated(database: number, key: string, token: string): number;
  /** A client has the lock until then, or for longer than was told before. */
  granted(delegation: number, value: string, endsAtMs: number): void;
  released(delegation: number): void;
  /** The token is certainly not in the key any more. */
  ended(delegation: number): void;
}

/** Tells whether a lease would survive the loss of the master or its memory, before it is relied on. */
export interface Confirmation {
  /** Why nothing is confirmed at present; null: it is. */
  bar(): string | null;
  /** Calls back once, later: whether all that Redis has answered until now is confirmed. */
  ask(told: (yes: boolean) => void): void;
}

/** A delegation that an earlier run of this proxy has left, with all that was granted from it. */
export interface ProvenDelegation {
  /** Its number in the journal, which is told of its end. */
  readonly delegation: number;
  readonly database: number;
  readonly key: string;
  readonly token: string;
  /** Who has the lock, and until when (monotonic); null: nobody. */
  readonly holder: { readonly value: string; readonly endsAtMs: number } | null;
}

/** The other proxies before this Redis. */
export interface Fleet {
  /** Those that are alive, as far as is known; null: nothing is. */
  others(): readonly string[] | null;
  /** Asks who there is; `then` is called once, later, or never where Redis does not tell. */
  whenKnown(then: () => void): void;
  /** A message for one of them, which may be lost. */
  tell(proxy: string, message: string): void;
}

export interface LockWorld {
  /** Absent: this proxy is the only one. */
  readonly fleet?: Fleet | undefined;
  /** Absent: what is only in memory ends with it, and its leases are waited out. */
  readonly journal?: GrantJournal;
  /** Absent: a lease counts as soon as Redis has answered. Present where `LockOptions.confirm` is set. */
  readonly confirmation?: Confirmation | undefined;
  monotonicMs(): number;
  wallMs(): number;
  /** Sends one script, exactly once, and brings its answer. */
  run(call: ScriptCall, answered: (answer: ScriptAnswer) => void): void;
  /** Runs `due` at or after this monotonic moment; returns a handle for `cancelTimer`. */
  setTimer(atMs: number, due: () => void): unknown;
  cancelTimer(handle: unknown): void;
  /** Monotonic time at which the upstream last answered anything; -Infinity while it is down. */
  lastHeardAtMs(): number;
  /**
   * Whether Redis tells us at once when another hand changes a key that our scripts have read: only
   * then can a refusal rest on what was heard earlier of a lock that Redis holds.
   */
  hearsChanges(): boolean;
  /** Whether what other proxies and scripts publish reaches us; absent: it does. */
  hearsNotices?(): boolean;
  /**
   * Looks at a key, and has Redis tell of its next change. `seen` is told once, at once or later, what
   * is in it: null for nothing, or for what is no string; or never, where Redis can't be asked.
   */
  watch?(database: number, key: string, seen: (value: string | null) => void): void;
  /**
   * Monotonic time at which the oldest command that is now unanswered on any client's way to
   * Redis was sent; Infinity if there is none. A key is delegated only when every command sent
   * before the key entered the lock table is answered, since nobody looked whether it touches it.
   */
  oldestUnansweredAtMs(): number;
  /** Why nothing may be delegated by default now (evicting maxmemory-policy, keyspace events …). */
  delegationBar(): string | null;
  /** The state is no longer trusted; said in the log and the metrics. */
  doubt(reason: string, database: number, key: string): void;
}

/** What the manager tells the forecast; every call is cheap, on the hot path, and returns nothing. */
export interface LockFeedback {
  requested(database: number, key: string, clientId: number, atMs: number): void;
  granted(database: number, key: string, clientId: number, fromMemory: boolean, atMs: number): void;
  refused(database: number, key: string, clientId: number, atMs: number): void;
  released(database: number, key: string, heldMs: number, atMs: number): void;
  /** A reservation or retention was used by a request, or was given back unused. */
  reservationEnded(database: number, key: string, used: boolean, keptMs: number): void;
}

/** The allocator's answers to the manager's questions. */
export interface AllocationPolicy {
  /** Until when (monotonic) a lock just freed is kept in reserve; 0: not at all. */
  retainUntilMs(database: number, key: string, nowMs: number): number;
}
