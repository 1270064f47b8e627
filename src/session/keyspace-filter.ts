import { type Arguments, textAt, wordAt } from '../intent/arguments.js';
import { nullReply, type Protocol } from '../resp/encode.js';
import { encodeReply, parseReply, type ReplyNode } from '../resp/parse-reply.js';

/**
 * Names of ours (`forelock:…`) are left out of what SCAN, KEYS and RANDOMKEY tell, unless the
 * pattern itself asks for them (invariant 5).
 */

const OURS = 'forelock:';

/** What has to be left out of the reply at `index` of a transaction. */
export interface QueuedFilter {
  readonly index: number;
  readonly command: KeyspaceCommand;
}

export type KeyspaceCommand = 'scan' | 'keys' | 'randomkey';

/** Whether a command tells names that must be filtered. */
export function keyspaceCommand(name: string, args: Arguments): KeyspaceCommand | null {
  if (name === 'randomkey') return name;
  if (name === 'keys') return textAt(args, 1).startsWith(OURS) ? null : name;
  if (name !== 'scan') return null;
  for (let at = 2; at + 1 < args.length; at += 2) {
    if (wordAt(args, at) === 'match' && textAt(args, at + 1).startsWith(OURS)) return null;
  }
  return name;
}

/** A name of ours as the whole reply: RANDOMKEY has to be asked again. */
export function isOurName(reply: Buffer): boolean {
  const lineEnd = reply.indexOf('\r\n');
  return reply.toString('latin1', lineEnd + 2, lineEnd + 2 + OURS.length) === OURS;
}

export function filterReply(command: KeyspaceCommand, reply: Buffer): Buffer {
  // Most replies hold no name of ours, and stay the bytes that they are.
  if (!reply.includes(OURS)) return reply;
  return encodeReply(filterNode(command, parseReply(reply), 2));
}

/** The reply of an EXEC in which some replies have to be filtered. */
export function filterExec(
  filters: readonly QueuedFilter[],
  reply: Buffer,
  protocol: Protocol,
): Buffer {
  if (filters.length === 0 || !reply.includes(OURS)) return reply;
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
  const [cursor, names] = node.items;
  if (cursor === undefined || names === undefined) return node;
  return { ...node, items: [cursor, filterNode('keys', names, protocol)] };
}

function isName(node: ReplyNode): boolean {
  return node.type === '$' && node.text !== null && node.text.startsWith(OURS);
}
