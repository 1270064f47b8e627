import type { Protocol } from '../resp/encode.js';

/**
 * Who a client is to Redis, as Redis itself has confirmed: the words of the AUTH that it accepted,
 * or null for the default user who needs none.
 */
export interface Identity {
  readonly user: string;
  /** Arguments of AUTH, to be replayed on connections opened for this user; null: none needed. */
  readonly credentials: readonly string[] | null;
}

/** What a shared pipe belongs to: no reply and no command may cross from one to another. */
export interface Channel {
  readonly identity: Identity;
  readonly database: number;
  /** Who selected that database: whoever the client became since may not be let into it. */
  readonly selectedBy: Identity | null;
  readonly protocol: Protocol;
}

export function channelName(channel: Channel): string {
  return `${channel.protocol} ${channel.database} ${channel.identity.user}`;
}

/**
 * The commands that bring a fresh connection to this channel's state; each has one reply. A database
 * is selected by whoever selected it then, and stays selected whoever logs in afterwards.
 */
export function channelPrelude(channel: Channel): string[][] {
  const { identity, database, selectedBy, protocol } = channel;
  const commands: string[][] = [];
  if (database !== 0 && selectedBy !== null && selectedBy !== identity) {
    commands.push(...login(selectedBy), ['SELECT', String(database)], ...login(identity));
  } else {
    commands.push(...login(identity));
    if (database !== 0) commands.push(['SELECT', String(database)]);
  }
  if (protocol === 3) commands.push(['HELLO', '3']);
  return commands;
}

function login({ credentials }: Identity): string[][] {
  return credentials === null ? [] : [['AUTH', ...credentials]];
}

/**
 * Names a connection of Forelock, so that CLIENT LIST on Redis tells what it is. By HELLO, which
 * every user may send: CLIENT SETNAME would leave a denial in the ACL LOG of those who may not.
 */
export function naming(protocol: Protocol, name: string): string[] {
  return ['HELLO', String(protocol), 'SETNAME', name];
}

/** A connection's number in Redis, of which HELLO tells every user; 0 where this reply tells none. */
export function connectionNumber(reply: Buffer, from: number, to: number): number {
  if (reply[from] !== ARRAY && reply[from] !== MAP) return 0;
  return Number(/\$2\r\nid\r\n:(\d+)/.exec(reply.toString('latin1', from, to))?.[1] ?? 0);
}

const ARRAY = 0x2a;
const MAP = 0x25;
