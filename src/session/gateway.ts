import type { CommandTable } from '../intent/command-table.js';
import type { Intent } from '../intent/intent.js';
import type { ScriptKnowledge } from '../intent/scripts.js';
import type { LockDesk } from '../locks/contract.js';
import type { Protocol } from '../resp/encode.js';
import type { Greeter } from '../upstream/greeter.js';
import type { PipeSet } from '../upstream/pipe-set.js';
import type { ClientRegistry } from './client-registry.js';

/** Limits of client connections; the names are the settings' own. */
export interface SessionOptions {
  readonly maxClients: number;
  /** Replies that may wait for a client that doesn't read, before it is closed. */
  readonly clientOutputLimitBytes: number;
  /** Unread requests that may wait behind one that waits. */
  readonly requestBacklogBytes: number;
  /** A request above this size goes on as a stream, on a connection of its own. */
  readonly largeRequestBytes: number;
  /** A request that can't stream is held whole, up to this size. */
  readonly heldRequestMaxBytes: number;
  /** What may wait in one direction before the sender is no longer read. */
  readonly flowWindowBytes: number;
  readonly keepAliveMs: number;
  /** Connections that may wait to be taken. */
  readonly acceptBacklogMax: number;
  /** How long a client that is ended may take to read its last reply. */
  readonly closingPatienceMs: number;
  readonly randomkeyTriesMax: number;
  /** The newest grants of a client, by database, that WAIT makes sure of. */
  readonly waitGrantsMax: number;
  readonly reconnectWaitMs: number;
  readonly valueMaxBytes: number;
}

/** Whether a user may do what a lock command does (invariant 8). */
export interface LockPermissions {
  /** Null: it must be asked first. */
  check(user: string, intent: Intent): 'allowed' | 'denied' | null;
  ask(user: string, intent: Intent, answered: (allowed: boolean) => void): void;
}

/** The commands that Forelock itself answers. */
export interface AdminDesk {
  answer(args: readonly string[], asker: AdminAsker): Promise<Buffer>;
}

export interface AdminAsker {
  readonly user: string;
  readonly authenticated: boolean;
  /** Redis is away: all that speaks for this user is that it let such clients in before. */
  readonly presumed: boolean;
  readonly database: number;
  readonly protocol: Protocol;
}

export interface SessionLog {
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

/** Something that waits until what it tells is written down. */
export interface HeldBack {
  letGo(): void;
}

/** Where grants from memory are written down before anybody hears of them. */
export interface WrittenFirst {
  /** Whether something was decided that is not written yet: no reply may go out. */
  readonly unwritten: boolean;
  /** Lets go of it, once, when all is written. */
  hold(back: HeldBack): void;
  writeNow(): void;
}

/** All that the sessions of one listener share. */
export interface Gateway {
  readonly options: SessionOptions;
  readonly pipes: PipeSet;
  readonly greeter: Greeter;
  readonly clients: ClientRegistry;
  readonly desk: LockDesk;
  /** False in observe mode: lock commands pass, and are only learnt from. */
  readonly decides: boolean;
  readonly permissions: LockPermissions;
  readonly scripts: ScriptKnowledge;
  readonly admin: AdminDesk;
  readonly log: SessionLog;
  /** Null: nothing is written down. */
  readonly journal: WrittenFirst | null;
  /**
   * Clients that track keys with BCAST: they would be told of our tokens, so nothing is delegated
   * by default while there are any.
   */
  readonly broadcastTrackers: Set<number>;
  /** The longest argument that the upstream takes. */
  bulkMaxBytes(): number;
  /** Null until the upstream has told its commands. */
  commands(): CommandTable | null;
  /**
   * Calls back once the commands are known, or with false after the wait for the upstream.
   * @param state brings a connection to the state of a client that Redis lets ask
   */
  whenCommandsKnown(state: readonly string[][], known: (yes: boolean) => void): void;
  /** Whether Redis, when it was asked last, let clients in that don't log in. */
  letsStrangersIn: boolean;
  /** Sent counts, for the status. */
  readonly traffic: Traffic;
}

export interface Traffic {
  commands: number;
  clientsAccepted: number;
  clientsRefused: number;
  clientsClosedForOutput: number;
}
