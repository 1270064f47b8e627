import { textAt, textsOf, wordAt } from '../intent/arguments.js';
import { encodeCommand, integerReply, OK_REPLY } from '../resp/encode.js';
import { localAddress, remoteAddress } from './address.js';
import { composeClientList, composeInfo, type ListFilter } from './client-list.js';
import { isOurs } from './client-registry.js';
import { ownCommand, replyModeCommand } from './own-command.js';
import { PIN } from './own-place.js';
import type { Command } from './route.js';
import type { Session } from './session.js';
import { askState, stateCommand } from './state-command.js';

/**
 * CLIENT …: clients know each other by our numbers, while Redis knows its own connections. What
 * names one of our numbers acts on that client alone; whether the user may, Redis says.
 */
export function clientCommand(session: Session, command: Command): void {
  const { own } = session;
  session.lastCommand = `client|${wordAt(command.args, 1)}`;
  if (own.has(PIN.transaction) || own.opaque) return ownCommand(session, command);
  switch (wordAt(command.args, 1)) {
    case 'id':
      return askState(session, command, command.frame, reply =>
        reply[0] === COLON ? integerReply(session.id) : reply,
      );
    case 'info':
      return askState(session, command, command.frame, reply =>
        composeInfo(session, command, reply),
      );
    case 'list':
      return list(session, command);
    case 'kill':
      return kill(session, command);
    case 'unblock':
      return unblock(session, command);
    case 'tracking':
      return tracking(session, command);
    case 'getredir':
    case 'trackinginfo':
      return askState(session, command, command.frame, reply => withOurIds(session, reply));
    case 'reply':
      if (wordAt(command.args, 2) === 'on' && !own.pinned) return stateCommand(session, command);
      return replyModeCommand(session, command);
    default:
      return stateCommand(session, command);
  }
}

/** The redirection is told by the number that the client itself gave, not by Redis's for it. */
function withOurIds(session: Session, reply: Buffer): Buffer {
  const redirection = session.own.redirection;
  if (redirection === null) return reply;
  const text = reply.toString('latin1');
  const { upstreamId, id } = redirection;
  const told = text.startsWith(':') ? /^(:)(\d+)/ : /(\$8\r\nredirect\r\n:)(\d+)/;
  const renamed = text.replace(told, (_, before: string, number: string) =>
    Number(number) === upstreamId ? before + id : before + number,
  );
  return Buffer.from(renamed, 'latin1');
}

const COLON = 0x3a;
/** A client number that no Redis has given out. */
const NOBODYS_ID = String(Number.MAX_SAFE_INTEGER);

function list(session: Session, command: Command): void {
  const filter: ListFilter = { ids: null, type: null };
  const { args } = command;
  if (wordAt(args, 2) === 'id') {
    filter.ids = args.slice(3).map((_, index) => Number(textAt(args, index + 3)));
  } else if (wordAt(args, 2) === 'type' && args.length === 4) {
    filter.type = wordAt(args, 3);
  }
  const named = filter.ids?.some(isOurs) || filter.type !== null;
  const frame = named && args.length > 3 ? ALL_CLIENTS : command.frame;
  if (filter.type !== null && !TYPES.has(filter.type)) {
    return askState(session, command, command.frame, reply => reply);
  }
  askState(session, command, frame, reply => composeClientList(session, command, reply, filter));
}

const ALL_CLIENTS = encodeCommand(['CLIENT', 'LIST']);
const TYPES: ReadonlySet<string> = new Set(['normal', 'pubsub']);

/** CLIENT KILL addr:port, or with filters; ours are ended here, all others by Redis. */
function kill(session: Session, command: Command): void {
  const words = textsOf(command.args.slice(2));
  const victims =
    words.length === 1 ? byAddress(session, words[0] ?? '') : byFilters(session, words);
  if (victims === null || victims.length === 0) {
    return askState(session, command, command.frame, reply => reply);
  }
  const permission = encodeCommand(['CLIENT', 'KILL', 'ID', NOBODYS_ID]);
  askState(session, command, permission, reply => {
    if (reply[0] !== COLON) return reply;
    for (const victim of victims) {
      // One that kills itself still hears that it did, as with Redis.
      if (victim === session) queueMicrotask(() => victim.end());
      else victim.close();
    }
    return words.length === 1 ? OK_REPLY : integerReply(victims.length);
  });
}

function byAddress(session: Session, address: string): Session[] {
  return [...session.gateway.clients.all()].filter(one => remoteAddress(one.socket) === address);
}

/** The clients of ours that all filters fit; null where Redis must judge the words. */
function byFilters(session: Session, words: readonly string[]): Session[] | null {
  if (words.length === 0 || words.length % 2 !== 0) return null;
  let skipMe = true;
  const tests: ((client: Session) => boolean)[] = [];
  for (let at = 0; at < words.length; at += 2) {
    const value = words[at + 1] ?? '';
    switch ((words[at] ?? '').toLowerCase()) {
      case 'id':
        tests.push(client => client.id === Number(value));
        skipMe = false;
        break;
      case 'addr':
        tests.push(client => remoteAddress(client.socket) === value);
        break;
      case 'laddr':
        tests.push(client => localAddress(client.socket) === value);
        break;
      case 'user':
        tests.push(client => client.state.identity?.user === value);
        break;
      case 'type':
        tests.push(client => client.own.has(PIN.subscribed) === (value.toLowerCase() === 'pubsub'));
        break;
      case 'maxage':
        tests.push(client => performance.now() - client.connectedAtMs >= Number(value) * 1000);
        break;
      case 'skipme':
        skipMe = value.toLowerCase() !== 'no';
        break;
      default:
        return null;
    }
  }
  return [...session.gateway.clients.all()].filter(
    client => tests.every(test => test(client)) && !(skipMe && client === session),
  );
}

/** CLIENT UNBLOCK id [TIMEOUT | ERROR]: the number becomes that of the client's connection. */
function unblock(session: Session, command: Command): void {
  const id = Number(textAt(command.args, 2));
  if (!isOurs(id)) return askState(session, command, command.frame, reply => reply);
  const target = session.gateway.clients.find(id);
  const upstreamId = target?.own.pipe?.upstreamId ?? 0;
  const words = textsOf(command.args);
  words[2] = upstreamId > 0 ? String(upstreamId) : NOBODYS_ID;
  askState(session, command, encodeCommand(words), reply => reply);
}

/** CLIENT TRACKING: the client keeps its connection; REDIRECT names a client of ours. */
function tracking(session: Session, command: Command): void {
  const words = textsOf(command.args);
  if ((words[2] ?? '').toLowerCase() !== 'on') return stateCommand(session, command);
  if (words.some((word, index) => index > 2 && word.toLowerCase() === 'bcast')) {
    session.gateway.broadcastTrackers.add(session.id);
  }
  const at = words.findIndex((word, index) => index > 2 && word.toLowerCase() === 'redirect');
  const id = at < 0 ? 0 : Number(words[at + 1]);
  if (!isOurs(id)) return replyModeCommand(session, command);
  const target = session.gateway.clients.find(id);
  if (target === null) return replyModeCommand(session, command);
  if (session.outstanding > 0) return session.awaitDrain(null);
  session.wait();
  target.own.settleHere(upstreamId => {
    if (session.closed) return;
    if (upstreamId > 0) {
      session.own.redirection = { upstreamId, id };
      words[at + 1] = String(upstreamId);
    }
    const frame = encodeCommand(words);
    replyModeCommand(session, { ...command, frame });
    session.resume();
  });
}
