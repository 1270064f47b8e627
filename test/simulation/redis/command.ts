import type { Connection } from './connection.js';
import type { Reply } from './reply.js';

/** How a command is carried out, and what Redis checks before it is. */
export interface Command {
  /** Number of words with the name; negative: at least as many. */
  readonly arity: number;
  /** Refused on a replica. */
  readonly writes?: boolean;
  /** Refused where memory has run out. */
  readonly needsMemory?: boolean;
  /** Reads keys, which a tracking connection is told the changes of: the first argument, or all. */
  readonly reads?: 'first' | 'all';
  /** Not to be had in scripts. */
  readonly notInScripts?: boolean;
  /** Carried out while the data set is loaded. */
  readonly whileLoading?: boolean;
  /** Words with the name, which is first. */
  run(connection: Connection, words: readonly string[]): Reply;
}

export type CommandTable = Readonly<Record<string, Command>>;
