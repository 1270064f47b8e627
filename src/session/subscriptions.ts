import type { Protocol } from '../resp/encode.js';
import { parseReply, type ReplyNode } from '../resp/parse-reply.js';
import type { Command } from './route.js';

/**
 * What a client is subscribed to, learnt from Redis's confirmations. In RESP2 messages come among
 * the replies, in RESP3 as pushes: only with this book kept can a reply be told from a message, and
 * can a client that has unsubscribed from everything be an ordinary one again.
 */
export class Subscriptions {
  readonly #names: Readonly<Record<Kind, Set<string>>> = {
    channel: new Set(),
    pattern: new Set(),
    shard: new Set(),
  };
  /** Confirmations still to come of the one subscribing command under way. */
  #confirmationsLeft = 0;

  get none(): boolean {
    const { channel, pattern, shard } = this.#names;
    return channel.size + pattern.size + shard.size === 0;
  }

  /** A subscribing command is sent, the only one under way. */
  sent(command: Command): void {
    const kind = KINDS.get(command.name) ?? 'channel';
    const named = command.args.length - 1;
    // Without names it leaves all of its kind, or confirms once that there was none.
    this.#confirmationsLeft = named > 0 ? named : Math.max(1, this.#names[kind].size);
  }

  /** How many commands are answered with this frame: 1 or 0. */
  heard(frame: Buffer, protocol: Protocol): number {
    const event = frame[0] === (protocol === 3 ? PUSH : ARRAY) ? eventOf(frame) : null;
    if (event === null) {
      // A push about keys (client-side caching) answers nothing.
      if (frame[0] === PUSH) return 0;
      // An error answers a whole subscribing command; any other reply is a command's own.
      this.#confirmationsLeft = 0;
      return 1;
    }
    const { name, channel } = event;
    if (MESSAGES.has(name)) return 0;
    const kind = KINDS.get(name);
    if (kind === undefined) return frame[0] === PUSH ? 0 : 1;
    if (channel !== null && name.includes('unsubscribe')) this.#names[kind].delete(channel);
    else if (channel !== null) this.#names[kind].add(channel);
    // Redis also ends subscriptions unasked, when a slot moves.
    if (this.#confirmationsLeft === 0) return 0;
    this.#confirmationsLeft--;
    return this.#confirmationsLeft === 0 ? 1 : 0;
  }
}

type Kind = 'channel' | 'pattern' | 'shard';

const KINDS: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ['subscribe', 'channel'],
  ['unsubscribe', 'channel'],
  ['psubscribe', 'pattern'],
  ['punsubscribe', 'pattern'],
  ['ssubscribe', 'shard'],
  ['sunsubscribe', 'shard'],
]);

export const SUBSCRIBING: ReadonlySet<string> = new Set(KINDS.keys());
const MESSAGES: ReadonlySet<string> = new Set(['message', 'pmessage', 'smessage']);

const ARRAY = 0x2a;
const PUSH = 0x3e;

/** The name and the channel of a message or a confirmation; null: the frame is a reply. */
function eventOf(frame: Buffer): { name: string; channel: string | null } | null {
  const node = parseReply(frame);
  if (!('items' in node) || node.items === null) return null;
  const name = textOf(node.items[0]);
  return name === null ? null : { name, channel: textOf(node.items[1]) };
}

function textOf(node: ReplyNode | undefined): string | null {
  return node?.type === '$' ? node.text : null;
}
