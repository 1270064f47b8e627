import { type Arguments, textAt, wordAt } from '../intent/arguments.js';
import { nullReply, type Protocol } from '../resp/encode.js';
import { encodeReply, parseReply, type ReplyNode } from '../resp/parse-reply.js';
import type { ReplyReader } from '../upstream/pipe-client.js';

/**
 * Names of ours (`forelock:…`) are left out of what SCAN, KEYS, RANDOMKEY and PUBSUB CHANNELS tell,
 * unless the pattern itself asks for them (invariant 5).
 */

const OURS = 'forelock:';
/** The channel by which Redis tells of changed keys: Forelock listens to it. */
const INVALIDATIONS = '__redis__:invalidate';

/** What has to be left out of the reply at `index` of a transaction. */
export interface QueuedFilter {
  readonly index: number;
  readonly command: KeyspaceCommand;
}

export type KeyspaceCommand = 'scan' | 'keys' | 'randomkey' | 'channels';

/** Whether a command tells names that must be filtered. */
export function keyspaceCommand(name: string, args: Arguments): KeyspaceCommand | null {
  if (name === 'randomkey') return name;
  if (name === 'keys') return textAt(args, 1).startsWith(OURS) ? null : name;
  if (name === 'pubsub') {
    const pattern = textAt(args, 2);
    const isAskedFor = pattern.startsWith(OURS) || pattern.startsWith(INVALIDATIONS);
    return wordAt(args, 1) === 'channels' && !isAskedFor ? 'channels' : null;
  }
  if (name !== 'scan') return null;
  for (let at = 2; at + 1 < args.length; at += 2) {
    if (wordAt(args, at) === 'match' && textAt(args, at + 1).startsWith(OURS)) return null;
  }
  return name;
}

function isOurName(reply: Buffer): boolean {
  const lineEnd = reply.indexOf('\r\n');
  return reply.toString('latin1', lineEnd + 2, lineEnd + 2 + OURS.length) === OURS;
}

function filterReply(command: KeyspaceCommand, reply: Buffer, protocol: Protocol): Buffer {
  // Most replies hold no name of ours, and stay the bytes that they are.
  if (!namesOurs(reply)) return reply;
  return encodeReply(filterNode(command, parseReply(reply), protocol));
}

function namesOurs(reply: Buffer): boolean {
  return reply.includes(OURS) || reply.includes(INVALIDATIONS);
}

export interface KeyspaceAsker {
  readonly protocol: Protocol;
  readonly randomkeyTriesMax: number;
  /** Sends the same command once more; false: that is not possible now. */
  askAgain(read: ReplyReader): boolean;
  /** The reply as the client may have it; null: the connection was lost. */
  answered(reply: Buffer | null): void;
}

/** Reads the reply to a command that may tell names of ours; RANDOMKEY shall pick another one then. */
export function keyspaceReader(command: KeyspaceCommand, asker: KeyspaceAsker): ReplyReader {
  let tries = 0;
  const read = (reply: Buffer | null): void => {
    if (reply === null) return asker.answered(null);
    tries++;
    const again = command === 'randomkey' && isOurName(reply) && tries < asker.randomkeyTriesMax;
    if (again && asker.askAgain(read)) return;
    asker.answered(filterReply(command, reply, asker.protocol));
  };
  return read;
}

/** The reply of an EXEC in which some replies have to be filtered. */
export function filterExec(
  filters: readonly QueuedFilter[],
  reply: Buffer,
  protocol: Protocol,
): Buffer {
  if (filters.length === 0 || !namesOurs(reply)) return reply;
  const node = parseReply(reply);
  if (!('items' in node) || node.items === null) return reply;
  const items = node.items.map((item, index) => {
    const filter = filters.find(one => one.index === index);
    return filter === undefined ? item : filterNode(filter.command, item, protocol);
  });
  return encodeReply({ ...node, items });
}

function filterNode(command: KeyspaceCommand, node: ReplyNode, protocol: Protocol): ReplyNode {
  if (command === 'randomkey') return isName(node) ? parseReply(nullReply(protocol)) : node;
  if (!('items' in node) || node.items === null) return node;
  if (command === 'keys') return { ...node, items: node.items.filter(item => !isName(item)) };
  if (command === 'channels') {
    const told = node.items.filter(item => !isName(item) && !isText(item, INVALIDATIONS));
    return { ...node, items: told };
  }
  const [cursor, names] = node.items;
  if (cursor === undefined || names === undefined) return node;
  return { ...node, items: [cursor, filterNode('keys', names, protocol)] };
}

function isName(node: ReplyNode): boolean {
  return node.type === '$' && node.text !== null && node.text.startsWith(OURS);
}

function isText(node: ReplyNode, text: string): boolean {
  return node.type === '$' && node.text === text;
}
