import t from 'tap';
import { CommandTable } from '../../src/intent/command-table.js';
import { placeNeedsArguments, placeOfArguments, placeOfName } from '../../src/intent/share-list.js';

const table = new CommandTable(
  'multi exec discard watch unwatch subscribe monitor blpop wait shutdown debug fcall zadd'
    .split(' ')
    .map(name => [name, 0, [], 0, 0, 0]),
);

function placeOf(line: string): string {
  const args = line.split(' ').map(word => Buffer.from(word));
  const facts = table.commandNamed(args[0]?.toString() ?? '');
  return facts === null ? 'own' : table.placeOf(facts, args);
}

t.test('commands without state and without waiting share', async t => {
  const lines = [
    'GET a',
    'eval x 0',
    'PUBLISH c m',
    'SCRIPT LOAD x',
    'script exists x',
    'FUNCTION LIST',
    'INFO',
    'COMMAND DOCS get',
    'CONFIG GET *',
    'ACL WHOAMI',
    'XREAD COUNT 1 STREAMS s 0',
    'XREADGROUP GROUP g c STREAMS s >',
    'PING',
    'CLUSTER SLOTS',
    'json.get a',
  ];
  for (const line of lines) t.equal(placeOf(line), 'shared', line);
});

t.test('state of the connection is asked of Redis and remembered', async t => {
  const lines = ['HELLO 3', 'AUTH u p', 'SELECT 1', 'READONLY', 'CLIENT SETNAME x'];
  lines.push('client setinfo lib-name x', 'CLIENT ID', 'RESET', 'QUIT');
  for (const line of lines) t.equal(placeOf(line), 'state', line);
});

t.test(
  'what waits, what keeps state, and what nobody here knows has its own connection',
  async t => {
    const lines = ['MULTI', 'WATCH a', 'SUBSCRIBE c', 'MONITOR', 'BLPOP l 0', 'WAIT 0 0'];
    lines.push('XREAD BLOCK 0 STREAMS s $', 'xreadgroup GROUP g c block 5 STREAMS s >');
    lines.push('SCRIPT KILL', 'SCRIPT DEBUG YES', 'FUNCTION KILL', 'CLIENT TRACKING ON');
    lines.push('CLIENT REPLY OFF', 'SHUTDOWN', 'DEBUG SLEEP 1', 'FCALL f 0', 'ACL SETUSER x');
    lines.push('NOBODYKNOWS a', 'CLUSTER FAILOVER', 'FT.SEARCH i q');
    for (const line of lines) t.equal(placeOf(line), 'own', line);
  },
);

t.test('names that JavaScript objects have of their own are no commands', async t => {
  for (const name of ['constructor', '__proto__', 'tostring', 'valueof']) {
    t.equal(placeOfName(name), 'own');
    t.equal(placeNeedsArguments(name), false);
    t.equal(placeOfArguments([name, 'block']), 'own');
  }
});

t.test('replication is refused', async t => {
  for (const line of ['SYNC', 'PSYNC ? -1', 'REPLCONF x']) t.equal(placeOf(line), 'refused', line);
});
