import { bulkReply } from '../resp/encode.js';
import { parseReply, replyValue } from '../resp/parse-reply.js';
import { localAddress, remoteAddress } from './address.js';
import { PIN } from './own-place.js';
import type { Command } from './route.js';
import type { Session } from './session.js';

/**
 * CLIENT LIST and CLIENT INFO as Redis would tell them if the clients were connected to it: in the
 * lines of that Redis's version, with the numbers, addresses and names of our clients, and without
 * the connections that Forelock itself has.
 */

export interface ListFilter {
  ids: number[] | null;
  type: string | null;
}

export function bulkText(reply: Buffer): string | null {
  const node = parseReply(reply);
  if (node.type === '-' || node.type === '!') return null;
  const value = replyValue(node);
  return typeof value === 'string' ? value : null;
}

/** The line of CLIENT INFO, told of the greeter's connection, made the client's own. */
export function composeInfo(session: Session, command: Command, reply: Buffer): Buffer {
  const text = bulkText(reply);
  return text === null ? reply : asBulk(reply, `${lineFor(session, text.trimEnd(), command)}\n`);
}

export function composeClientList(
  session: Session,
  command: Command,
  reply: Buffer,
  filter: ListFilter,
): Buffer {
  const text = bulkText(reply);
  if (text === null) return reply;
  const { clients, greeter, pipes } = session.gateway;
  const ids = new Set([greeter.upstreamId, ...pipes.ownIds()]);
  const isForelocks = (line: string): boolean =>
    ids.has(Number(field(line, 'id'))) || field(line, 'name')?.startsWith('forelock:') === true;
  const own = new Map<number, Session>();
  for (const client of clients.all()) {
    const id = client.own.pipe?.upstreamId ?? 0;
    if (id > 0) own.set(id, client);
  }
  const lines: string[] = [];
  const told = new Set<Session>();
  const upstream = text.split('\n').filter(line => line !== '');
  for (const line of upstream) {
    const client = own.get(Number(field(line, 'id')));
    if (client !== undefined) {
      told.add(client);
      lines.push(lineFor(client, line, null));
    } else if (!isForelocks(line)) {
      lines.push(line);
    }
  }
  const model = upstream.find(isForelocks) ?? upstream[0];
  if (model !== undefined) {
    for (const client of clients.all()) {
      if (!told.has(client)) lines.push(lineFor(client, model, command));
    }
  }
  const fitting = lines.filter(line => fits(line, filter));
  return asBulk(reply, fitting.map(line => `${line}\n`).join(''));
}

function fits(line: string, filter: ListFilter): boolean {
  if (filter.ids !== null && !filter.ids.includes(Number(field(line, 'id')))) return false;
  if (filter.type === null) return true;
  const subscriptions = ['sub', 'psub', 'ssub'].some(name => Number(field(line, name) ?? 0) > 0);
  return subscriptions === (filter.type === 'pubsub');
}

function field(line: string, name: string): string | undefined {
  return new RegExp(`(?:^| )${name}=(\\S*)`).exec(line)?.[1];
}

/**
 * @param asked the command under way, where the model is another connection's line: what the client
 *   did, and when, is then ours to say; null: it is the line of the client's own connection
 */
function lineFor(client: Session, model: string, asked: Command | null): string {
  const { state } = client;
  const values: Record<string, string | number> = {
    id: client.id,
    addr: remoteAddress(client.socket),
    laddr: localAddress(client.socket),
    name: state.name,
    age: Math.floor((performance.now() - client.connectedAtMs) / 1000),
    user: state.identity?.user ?? '(none)',
    resp: state.protocol,
    'lib-name': state.info.get('lib-name') ?? '',
    'lib-ver': state.info.get('lib-ver') ?? '',
  };
  if (asked !== null) {
    values['idle'] = Math.floor((performance.now() - client.readAtMs) / 1000);
    values['db'] = state.database;
    values['cmd'] = client.lastCommand;
    values['flags'] = client.own.has(PIN.subscribed) ? 'P' : 'N';
    // What the greeter's connection holds besides is not the client's.
    values['qbuf'] = client.lastCommand.startsWith('client|') ? asked.frame.length : 0;
    values['obl'] = 0;
  }
  return model.replace(/(^| )([a-z-]+)=(\S*)/g, (text, space: string, name: string) =>
    name in values ? `${space}${name}=${values[name]}` : text,
  );
}

function asBulk(reply: Buffer, text: string): Buffer {
  // RESP3 tells these as verbatim strings.
  if (reply[0] !== VERBATIM) return bulkReply(text);
  return Buffer.from(`=${text.length + 4}\r\ntxt:${text}\r\n`, 'latin1');
}

const VERBATIM = 0x3d;
