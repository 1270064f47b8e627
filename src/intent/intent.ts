/**
 * What a command means for locks, told from its arguments alone. Everything that is not one of
 * these three is a touch (if it names a lock key) or no concern of the lock manager's.
 */

/** A reply that a lock command can get; the session encodes it for the client's protocol. */
export type LockReply = 'OK' | number | null;

/**
 * The shape in which a library asks: which commands Redis would run for it (the ACL is asked about
 * each), and what exactly the library is told on success and on failure.
 */
export interface LockForm {
  /** For people: `SET NX PX`, `redlock 4 acquire`. */
  readonly name: string;
  /** SHA-1 of the script in lower case, null for a native command. */
  readonly sha: string | null;
  readonly yes: LockReply;
  readonly no: LockReply;
  /** Commands that the client's own command runs, for ACL DRYRUN, each with its arguments. */
  readonly runs: (intent: Intent) => readonly (readonly string[])[];
}

interface LockIntent {
  readonly form: LockForm;
  /** Key and value as binary (latin1) strings: byte for byte what was sent, cheap to compare. */
  readonly key: string;
  readonly value: string;
}

export interface AcquireIntent extends LockIntent {
  readonly kind: 'acquire';
  /** The TTL asked for; 0 where none was. */
  readonly ttlMs: number;
  /**
   * The plain form of invariant 2 as far as arguments tell: one key, a canonical positive EX or PX,
   * no further options. Anything else is passed through and learnt from.
   */
  readonly plain: boolean;
}

export interface ReleaseIntent extends LockIntent {
  readonly kind: 'release';
}

export interface ExtendIntent extends LockIntent {
  readonly kind: 'extend';
  readonly ttlMs: number;
  /** False where the number is not canonical and positive: Redis decides. */
  readonly plain: boolean;
}

export type Intent = AcquireIntent | ReleaseIntent | ExtendIntent;
