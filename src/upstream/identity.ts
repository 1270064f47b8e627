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
  readonly protocol: Protocol;
}

export function channelName(channel: Channel): string {
  return `${channel.protocol} ${channel.database} ${channel.identity.user}`;
}

/** The commands that bring a fresh connection to this channel's state; each has one reply. */
export function channelPrelude(channel: Channel): string[][] {
  const commands: string[][] = [];
  if (channel.identity.credentials !== null) {
    commands.push(['AUTH', ...channel.identity.credentials]);
  }
  if (channel.protocol === 3) commands.push(['HELLO', '3']);
  if (channel.database !== 0) commands.push(['SELECT', String(channel.database)]);
  return commands;
}
