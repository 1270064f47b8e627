import type { CommandTable } from './command.js';
import type { Connection } from './connection.js';
import { parseInteger } from './numbers.js';
import { ErrorReply, NOT_AN_INTEGER, OK, type Reply, Status, SYNTAX_ERROR } from './reply.js';
import { scriptEngine } from './script-engine.js';

/** KEYS and ARGV of EVAL and EVALSHA, or what is wrong with their number. */
function keysAndArgs(words: readonly string[]): { keys: string[]; args: string[] } | ErrorReply {
  const count = parseInteger(words[2]);
  if (count === null) return NOT_AN_INTEGER;
  if (count > words.length - 3) {
    return new ErrorReply("ERR Number of keys can't be greater than number of args");
  }
  if (count < 0) return new ErrorReply("ERR Number of keys can't be negative");
  return { keys: words.slice(3, 3 + count), args: words.slice(3 + count) };
}

function evaluate(connection: Connection, words: readonly string[]): Reply {
  const parts = keysAndArgs(words);
  if (parts instanceof ErrorReply) return parts;
  return connection.server.evaluate(connection, words[1] ?? '', parts.keys, parts.args);
}

function evaluateSha(connection: Connection, words: readonly string[]): Reply {
  const text = connection.server.scripts.get(words[1]?.toLowerCase() ?? '');
  if (text === undefined) {
    return new ErrorReply('NOSCRIPT No matching script. Please use EVAL.');
  }
  const parts = keysAndArgs(words);
  if (parts instanceof ErrorReply) return parts;
  return connection.server.evaluate(connection, text, parts.keys, parts.args);
}

function script(connection: Connection, words: readonly string[]): Reply {
  const { scripts } = connection.server;
  switch (words[1]?.toUpperCase()) {
    case 'LOAD': {
      const text = words[2] ?? '';
      const compiled = scriptEngine.compile(text);
      if (compiled instanceof ErrorReply) return compiled;
      scripts.set(compiled.sha, text);
      return compiled.sha;
    }
    case 'EXISTS':
      return words.slice(2).map(sha => (scripts.has(sha.toLowerCase()) ? 1 : 0));
    case 'FLUSH':
      scripts.clear();
      return OK;
    default:
      throw new Error(`the simulated Redis does not have ${words.slice(0, 2).join(' ')}`);
  }
}

function subscriptions(
  connection: Connection,
  words: readonly string[],
  change: (channel: string) => void,
): Reply {
  const kind = words[0]?.toLowerCase() ?? '';
  const names = words.length > 1 ? words.slice(1) : [...connection.channels];
  let last: Reply = [kind, null, connection.channels.size];
  for (const channel of names) {
    change(channel);
    last = [kind, channel, connection.channels.size];
  }
  return last;
}

function tracking(connection: Connection, words: readonly string[]): Reply {
  const { server } = connection;
  const [, , on, ...options] = words.map(word => word.toUpperCase());
  if (on === 'OFF') {
    server.tracking.stop(connection);
    return OK;
  }
  if (on !== 'ON') return SYNTAX_ERROR;
  const chosen = { noLoop: false, redirect: null as Connection | null };
  for (let index = 0; index < options.length; index++) {
    if (options[index] === 'NOLOOP') chosen.noLoop = true;
    else if (options[index] === 'REDIRECT') {
      index++;
      chosen.redirect = server.connectionWithId(Number(options[index]));
      if (chosen.redirect === null) {
        return new ErrorReply('ERR The client ID you want redirect to does not exist');
      }
    } else throw new Error(`the simulated Redis has no tracking with ${options[index]}`);
  }
  connection.trackingOptions = chosen;
  server.tracking.start(connection);
  return OK;
}

function client(connection: Connection, words: readonly string[]): Reply {
  switch (words[1]?.toUpperCase()) {
    case 'ID':
      return connection.id;
    case 'TRACKING':
      return tracking(connection, words);
    default:
      throw new Error(`the simulated Redis does not have ${words.slice(0, 2).join(' ')}`);
  }
}

export const SERVER_COMMANDS: CommandTable = {
  PING: {
    arity: -1,
    run: (_connection, [, text]) => text ?? new Status('PONG'),
  },
  ECHO: { arity: 2, run: (_connection, [, text = '']) => text },
  SELECT: {
    arity: 2,
    whileLoading: true,
    notInScripts: true,
    run: (connection, [, text]) => {
      const database = parseInteger(text);
      if (database === null) return new ErrorReply('ERR invalid DB index');
      if (database < 0 || database > 15) return new ErrorReply('ERR DB index is out of range');
      connection.database = database;
      return OK;
    },
  },
  TIME: {
    arity: 1,
    whileLoading: true,
    run: connection => {
      const microseconds = Math.floor(connection.server.clock.exactMs() * 1000);
      return [String(Math.floor(microseconds / 1e6)), String(microseconds % 1e6)];
    },
  },
  EVAL: { arity: -3, notInScripts: true, run: evaluate },
  EVALSHA: { arity: -3, notInScripts: true, run: evaluateSha },
  SCRIPT: { arity: -2, notInScripts: true, run: script },
  PUBLISH: {
    arity: 3,
    whileLoading: true,
    run: (connection, [, channel = '', message = '']) =>
      connection.server.publish(channel, message),
  },
  SUBSCRIBE: {
    arity: -2,
    notInScripts: true,
    whileLoading: true,
    run: (connection, words) =>
      subscriptions(connection, words, channel => connection.channels.add(channel)),
  },
  UNSUBSCRIBE: {
    arity: -1,
    notInScripts: true,
    whileLoading: true,
    run: (connection, words) =>
      subscriptions(connection, words, channel => connection.channels.delete(channel)),
  },
  CLIENT: { arity: -2, notInScripts: true, whileLoading: true, run: client },
  ROLE: { arity: 1, whileLoading: true, run: connection => connection.server.roleReply() },
  INFO: { arity: -1, whileLoading: true, run: connection => connection.server.info() },
};
