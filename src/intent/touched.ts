/** Keys of two databases at most: what a command names, and where MOVE or COPY … DB writes to. */
export interface TouchedKeys {
  /** Of the session's own database, as binary strings; a key named twice may be there twice. */
  readonly keys: readonly string[];
  readonly elsewhere: { readonly database: number; readonly keys: readonly string[] } | null;
}

/** What a command reads or writes (invariant 5 of docs/protocol.md). */
export type Touched =
  | TouchedKeys
  | 'none'
  /** Any key of the session's database. */
  | 'whole-database'
  /** Any key of any database: FLUSHALL, or a script that may SELECT. */
  | 'every-database'
  /** Nobody here knows this command, or its arguments are odd: to be taken as every database. */
  | 'unknown';

/** What a script, known by its text or its SHA-1, may touch beside nothing. */
export type ScriptScope =
  /** The keys that its caller names, and no others. */
  'keys' | 'whole-database' | 'every-database';
