import { Socket } from 'node:net';
import t from 'tap';
import { CommandTable } from '../../src/intent/command-table.js';
import { DEFAULT_USER } from '../../src/session/connection-state.js';
import type { Gateway } from '../../src/session/gateway.js';
import { Session } from '../../src/session/session.js';
import type { ReplyReader } from '../../src/upstream/pipe-client.js';
import { acquire } from '../simulation/lock-requests.js';

/** What the lock manager hears of a session. */

t.test('the end of a client is the last that is heard of it', async t => {
  const heard: string[] = [];
  const readers: ReplyReader[] = [];
  const told = (what: string) => () => {
    heard.push(what);
  };
  const pipe = {
    ask: (...[, , , , reader]: [unknown, unknown, unknown, unknown, ReplyReader]) => {
      readers.push(reader);
    },
    clientDrained: () => {},
  };
  const table = new CommandTable(null);
  const gateway = {
    options: { requestBacklogBytes: 1000, clientOutputLimitBytes: 1000 },
    journal: null,
    decides: false,
    traffic: { commands: 0 },
    clients: { add: () => 1, remove: () => {} },
    commands: () => table,
    scripts: { intentOf: () => acquire('lock', 'mine'), answered: () => {} },
    desk: {
      tracks: () => true,
      passing: told('passing'),
      passed: (_request: unknown, outcome: string) => heard.push(`passed: ${outcome}`),
      left: told('left'),
    },
    broadcastTrackers: new Set(),
    pipes: { group: () => ({ pick: () => pipe }) },
  };
  const session = new Session(gateway as unknown as Gateway, new Socket());
  session.state.identity = DEFAULT_USER;
  const bytes = Buffer.from('*4\r\n$3\r\nSET\r\n$4\r\nlock\r\n$4\r\nmine\r\n$2\r\nNX\r\n');
  session.received(bytes, bytes.length);
  session.close();
  for (const reader of readers) reader(Buffer.from('$-1\r\n'));
  t.strictSame(heard, ['passing', 'left', 'passed: no', 'left']);
});
