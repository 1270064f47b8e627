import type { Channel } from './identity.js';

/** A session, as its pipe sees it. */
export interface PipeClient {
  /**
   * Bytes [from, to) of its replies; `replies` of them end here. Returns how many bytes wait for
   * the client then: where it doesn't keep up with a large reply, the pipe waits for it.
   */
  deliver(bytes: Buffer, from: number, to: number, replies: number): number;
  /** The upstream is lost with commands of this client in flight. */
  upstreamLost(reason: string): void;
  /** The pipe takes commands again after `congested` said no. */
  pipeDrained(): void;
}

/**
 * Takes one whole reply in place of the client, on a path that must look inside it; null: the
 * upstream was lost before it came.
 */
export type ReplyReader = (reply: Buffer | null) => void;

/** What a connection is opened for. */
export interface PipeUse {
  readonly channel: Channel;
  /** Commands that bring it to its owner's state, after the channel's own; errors are let pass. */
  readonly replay: readonly (readonly string[])[];
  /** The one client that it belongs to; it also gets what comes unasked. Null: it is shared. */
  readonly owner: PipeClient | null;
}
