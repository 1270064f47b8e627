import t from 'tap';
import { CommandTable } from '../../src/intent/command-table.js';
import { ScriptKnowledge } from '../../src/intent/scripts.js';

const scripts = new ScriptKnowledge();

/** A server before 7.0: no key specifications, no subcommands. */
const old = new CommandTable([
  ['get', 2, ['readonly', 'fast'], 1, 1, 1],
  ['set', -3, ['write'], 1, 1, 1],
  ['del', -2, ['write'], 1, -1, 1],
  ['mset', -3, ['write'], 1, -1, 2],
  ['object', -2, ['readonly'], 2, 2, 1],
  ['xgroup', -2, ['write'], 2, 2, 1],
  ['memory', -2, ['readonly', 'movablekeys'], 0, 0, 0],
  ['zunionstore', -4, ['write', 'movablekeys'], 0, 0, 0],
  ['zunion', -3, ['readonly', 'movablekeys'], 0, 0, 0],
  ['georadius', -6, ['write', 'movablekeys'], 1, 1, 1],
  ['xread', -4, ['readonly', 'movablekeys'], 1, 1, 1],
  ['xreadgroup', -7, ['write', 'movablekeys'], 1, 1, 1],
  ['ping', -1, ['fast'], 0, 0, 0],
  ['stralgo', -2, ['readonly', 'movablekeys'], 0, 0, 0],
]);

const touched = (line: string, table = old): string => {
  const found = table.keysOf(line.split(' '), scripts);
  if (typeof found === 'string') return found;
  const elsewhere = found.elsewhere;
  const beyond = elsewhere ? ` db${elsewhere.database}: ${elsewhere.keys.join(' ')}` : '';
  return found.keys.join(' ') + beyond;
};

t.test('keys on servers before 7.0', async t => {
  const expected: Record<string, string> = {
    'GET a': 'a',
    'SET a b': 'a',
    'DEL a b c': 'a b c',
    'MSET a 1 b 2': 'a b',
    'OBJECT ENCODING a': 'a',
    'OBJECT HELP': 'none',
    'XGROUP CREATE a g $': 'a',
    'MEMORY USAGE a': 'a',
    'MEMORY DOCTOR': 'none',
    'ZUNIONSTORE d 2 a b WEIGHTS 1 2': 'd a b',
    'ZUNION 2 a b': 'a b',
    'GEORADIUS a 1 1 1 km STORE b': 'a b',
    'GEORADIUS a 1 1 1 km': 'a',
    'XREAD COUNT 1 STREAMS a b 0 0': 'a b',
    'XREADGROUP GROUP streams c STREAMS a 0': 'a',
    PING: 'none',
    'STRALGO LCS KEYS a b': 'unknown',
  };
  for (const [line, keys] of Object.entries(expected)) t.equal(touched(line), keys, line);
});

t.test('commands that see or change more than they name', async t => {
  const expected: Record<string, string> = {
    'SCAN 0': 'whole-database',
    'KEYS *': 'whole-database',
    DBSIZE: 'whole-database',
    RANDOMKEY: 'whole-database',
    FLUSHDB: 'whole-database',
    'MIGRATE h 1 k 0 10': 'whole-database',
    FLUSHALL: 'every-database',
    'SWAPDB 0 1': 'every-database',
    'FCALL f 1 k': 'every-database',
    'SORT l BY w_*': 'whole-database',
    'SORT l GET o_*': 'whole-database',
    'SORT l LIMIT 0 5 DESC ALPHA STORE d': 'l d',
    'SORT l': 'l',
    'SORT l OTHER': 'unknown',
    'MOVE a 3': 'a db3: a',
    'COPY a b DB 2 REPLACE': 'a db2: b',
    'COPY a b REPLACE': 'a b',
    'COPY a b DB x': 'unknown',
    'DEBUG OBJECT a': 'every-database',
    'NOBODY KNOWS THIS': 'unknown',
    'CONSTRUCTOR x': 'unknown',
    '__PROTO__ x': 'unknown',
    'CLUSTER COUNTKEYSINSLOT 1': 'whole-database',
    'CLIENT NEWSUBCOMMAND x': 'none',
    'OBJECT NEWSUBCOMMAND a': 'unknown',
  };
  for (const [line, keys] of Object.entries(expected)) t.equal(touched(line), keys, line);
});

t.test(
  'scripts touch their keys where their text was seen and says so, else everything',
  async t => {
    const known = new ScriptKnowledge();
    known.useCommands(old);
    const keys = (...args: string[]) => old.keysOf(args, known);
    const get = 'return redis.call("get", KEYS[1])';
    const unseen = '1'.repeat(40);
    t.match(keys('EVAL', get, '2', 'a', 'b', 'c'), { keys: ['a', 'b'] });
    t.match(keys('EVALSHA', known.learn(get).sha.toUpperCase(), '1', 'a'), { keys: ['a'] });
    t.equal(keys('EVAL', 'return 1', '0'), 'none');
    t.equal(keys('EVALSHA', unseen, '1', 'a'), 'every-database');
    t.equal(keys('EVAL', 'return redis.call("get", "x")', '1', 'a'), 'whole-database');
    t.equal(keys('EVAL', 'redis.call("select", 1)', '1', 'a'), 'every-database');
    t.equal(keys('EVAL', get, '9', 'a'), 'unknown', 'too few keys');
    t.equal(keys('EVAL', get, '+1', 'a'), 'unknown');
    t.match(keys('EVALSHA', 'e5a322e2634ef59a516e8ea150cb085afafee684', '2', 'a', 'b', 't', '1'), {
      keys: ['a', 'b'],
    });
  },
);

t.test('arguments that do not fit are unknown, never none', async t => {
  for (const line of ['GET', 'MSET', 'ZUNION x a', 'ZUNION 5 a', 'MEMORY USAGE', 'MOVE a']) {
    t.equal(touched(line), 'unknown', line);
  }
});

t.test('with no table from the upstream, all that touches a key touches everything', async t => {
  const none = new CommandTable(null);
  t.equal(touched('GET a', none), 'unknown');
  t.equal(touched('PING', none), 'none');
  t.equal(touched('SCAN 0', none), 'whole-database');
});

t.test('a command is found by its bytes, in any case, and by nothing like them', async t => {
  const at = (text: string, table = old) => {
    const bytes = Buffer.from(`xx${text}yy`, 'latin1');
    return table.commandAt(bytes, 2, 2 + text.length)?.name ?? null;
  };
  for (const facts of old.commands) {
    t.equal(at(facts.name), facts.name);
    t.equal(at(facts.name.toUpperCase()), facts.name);
    t.equal(at(`${facts.name}?`), null);
    t.equal(at(facts.name.slice(0, -1)) === facts.name, false);
  }
  t.equal(at('GeT'), 'get');
  // The hash folds these into letters and signs of names; the comparison must not.
  t.equal(at('bitfield\x7fro'), null);
  t.equal(at('bitfield_ro'), 'bitfield_ro');
  t.equal(at('json\x0eget'), null);
  t.equal(at('\xe7et'), null);
  t.equal(at(''), null);
  t.equal(at('x'.repeat(1000)), null);
});

t.test('facts of the hot path', async t => {
  const facts = (name: string) => old.commandNamed(name);
  t.match(facts('GET'), { keyAt: 1, place: 'shared', lockArgumentsMin: 0 });
  t.match(facts('set'), { keyAt: 1, place: 'shared', lockArgumentsMin: 4 });
  t.match(facts('del'), { keyAt: -1, place: 'shared' }, 'several keys');
  t.match(facts('eval'), { keyAt: -1, lockArgumentsMin: 3 });
  t.match(facts('multi'), null, 'this table has none');
  t.match(facts('hello'), { place: 'state' });
  t.match(facts('psync'), { place: 'refused' });
});
