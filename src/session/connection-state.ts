import type { Protocol } from '../resp/encode.js';
import { type Channel, type Identity, naming } from '../upstream/identity.js';

/**
 * What Redis would know of a client's connection, learnt from the answers that Redis gave to the
 * commands that set it. It is replayed where the client gets a connection of its own.
 */
export class ConnectionState {
  /** Null until Redis has said who the client is: a new client may have to authenticate first. */
  identity: Identity | null = null;
  /** Redis can't be asked who the client is, and it would have been the default user before. */
  presumedDefault = false;
  protocol: Protocol = 2;
  database = 0;
  /** Who the client was when it selected that database. */
  #selectedBy: Identity | null = null;
  name = '';
  /** CLIENT SETINFO attributes as they were sent. */
  readonly info = new Map<string, string>();
  /** Modes that are off in a new connection, by the command that set each. */
  readonly modes = new Map<string, readonly string[]>();

  get channel(): Channel {
    const identity = this.identity ?? NOT_AUTHENTICATED;
    return {
      identity,
      database: this.database,
      selectedBy: this.#selectedBy,
      protocol: this.protocol,
    };
  }

  /** Commands that, after the channel's own, bring a fresh connection to this state. */
  replay(): string[][] {
    const commands: string[][] = [];
    if (this.name !== '') commands.push(naming(this.protocol, this.name));
    for (const [attribute, value] of this.info) {
      commands.push(['CLIENT', 'SETINFO', attribute, value]);
    }
    for (const command of this.modes.values()) commands.push([...command]);
    return commands;
  }

  /** Learns from a command of connection state that Redis did not refuse. */
  accepted(args: readonly string[]): void {
    const command = (args[0] ?? '').toLowerCase();
    if (command === 'auth') this.#authenticated(args.slice(1));
    else if (command === 'hello') this.#greeted(args.slice(1));
    else if (command === 'select') this.#selected(Number(args[1]));
    else if (command === 'readonly') this.modes.set('readonly', ['READONLY']);
    else if (command === 'readwrite') this.modes.delete('readonly');
    else if (command === 'client') this.#clientAccepted(args);
  }

  /** After RESET: as new, and Redis has to say again who this is. */
  reset(): void {
    this.identity = null;
    this.protocol = 2;
    this.#selected(0);
    this.name = '';
    this.info.clear();
    this.modes.clear();
  }

  #selected(database: number): void {
    this.database = database;
    this.#selectedBy = this.identity;
  }

  #authenticated(credentials: readonly string[]): void {
    const user = credentials.length === 1 ? 'default' : (credentials[0] ?? 'default');
    this.identity = { user, credentials: [...credentials] };
  }

  #greeted(options: readonly string[]): void {
    if (options.length > 0) this.protocol = options[0] === '3' ? 3 : 2;
    for (let at = 1; at < options.length; ) {
      const option = (options[at] ?? '').toLowerCase();
      if (option === 'auth') {
        this.#authenticated(options.slice(at + 1, at + 3));
        at += 3;
      } else {
        if (option === 'setname') this.name = options[at + 1] ?? '';
        at += 2;
      }
    }
    if (this.identity === null) this.identity = DEFAULT_USER;
  }

  #clientAccepted(args: readonly string[]): void {
    const subcommand = (args[1] ?? '').toLowerCase();
    const value = args[2] ?? '';
    if (subcommand === 'setname') this.name = value;
    else if (subcommand === 'setinfo') this.info.set(value.toLowerCase(), args[3] ?? '');
    else if (subcommand === 'no-evict' || subcommand === 'no-touch') {
      if (value.toLowerCase() === 'on') this.modes.set(subcommand, [...args]);
      else this.modes.delete(subcommand);
    }
  }
}

/** The default user where Redis lets it in without a password. */
export const DEFAULT_USER: Identity = { user: 'default', credentials: null };
/** Nobody yet; such a client gets a fresh connection of its own, and Redis tells it so itself. */
const NOT_AUTHENTICATED: Identity = { user: '', credentials: null };
