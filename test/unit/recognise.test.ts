import t from 'tap';
import { CommandTable } from '../../src/intent/command-table.js';
import { intentOf, outcomeOf } from '../../src/intent/recognise.js';
import { ScriptKnowledge, scriptDefaults } from '../../src/intent/scripts.js';

const scripts = new ScriptKnowledge();
const buffers = (...words: string[]) => words.map(word => Buffer.from(word, 'latin1'));
const read = (...words: string[]) => intentOf(buffers(...words), scripts);

/** The intent in one line: `acquire k v 1000 plain`. */
function told(...words: string[]): string {
  const intent = read(...words);
  if (intent === null) return 'none';
  const head = `${intent.kind} ${intent.key} ${intent.value}`;
  if (intent.kind === 'release') return head;
  return `${head} ${intent.ttlMs}${intent.plain ? ' plain' : ''}`;
}

t.test('SET NX with a time to live is an acquire, in any order and case', async t => {
  const ways = [
    'SET k v NX PX 1000',
    'SET k v PX 1000 NX',
    'set k v px 1000 nx',
    'sEt k v nX Px 1000',
    'SET k v EX 1 NX',
    'set k v ex 1 nx',
    'SET k v NX EX 1',
  ];
  for (const way of ways) t.equal(told(...way.split(' ')), 'acquire k v 1000 plain', way);
});

t.test('SET NX in another form is an acquire that Redis alone decides', async t => {
  const ways: Record<string, string> = {
    'SET k v NX': 'acquire k v 0',
    'SET k v NX PXAT 1999999999999': 'acquire k v 0',
    'SET k v NX EXAT 1999999999': 'acquire k v 0',
    'SET k v NX PX 1000 GET': 'acquire k v 1000',
    'SET k v NX GET': 'acquire k v 0',
    'SET k v NX KEEPTTL': 'acquire k v 0',
    'SET k v NX NX PX 1000': 'acquire k v 1000',
    'SET k v NX PX 5 PX 1000': 'acquire k v 1000',
    'SETNX k v': 'acquire k v 0',
  };
  for (const [way, intent] of Object.entries(ways)) t.equal(told(...way.split(' ')), intent, way);
});

t.test('a number that Redis would not write itself is left to Redis', async t => {
  const odd = ['+1000', '01000', '1e3', '1000.0', ' 1000', '1000 ', '0x10', '', '0', '-1', '-0'];
  odd.push('9007199254740992', '99999999999999999999', '١٠');
  for (const ttl of odd) t.equal(told('SET', 'k', 'v', 'NX', 'PX', ttl), 'acquire k v 0', ttl);
  t.equal(told('SET', 'k', 'v', 'NX', 'EX', '9007199254741'), 'acquire k v 0', 'overflow in ms');
  t.equal(told('SET', 'k', 'v', 'NX', 'PX', '1'), 'acquire k v 1 plain');
  t.equal(
    told('SET', 'k', 'v', 'NX', 'PX', '9007199254740991'),
    'acquire k v 9007199254740991 plain',
  );
});

t.test('what is not understood to the last word is no lock command', async t => {
  const others = [
    'SET k v',
    'SET k v PX 1000',
    'SET k v XX PX 1000',
    'SET k v NX XX PX 1000',
    'SET k v NX PX',
    'SET k v NX PX 1000 IFEQ old',
    'SET k v NX 1000',
    'SET k NX',
    'SETNX k v extra',
    'GET k',
    'DEL k',
    'PEXPIRE k 1000',
    'GETSET k v',
    'EVALSHA 0000000000000000000000000000000000000000 1 k v',
    'HSETNX k v x',
  ];
  for (const other of others) t.equal(told(...other.split(' ')), 'none', other);
});

t.test('keys and values are byte for byte what was sent', async t => {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  const set = [...buffers('SET'), bytes, bytes, ...buffers('NX', 'PX', '5')];
  const intent = intentOf(set, scripts);
  t.same(Buffer.from(intent?.key ?? '', 'latin1'), bytes);
  t.same(Buffer.from(intent?.value ?? '', 'latin1'), bytes);
});

const RELEASE =
  'if redis.call("get",KEYS[1]) == ARGV[1] then return redis.call("del",KEYS[1]) else return 0 end';
const RELEASE_SHA = 'b70c2384248f88e6b75b9f89241a180f856ad852';
const EXTEND = `local v = redis.call('GET', KEYS[1]) -- by hand
  if v ~= ARGV[1] then return 0 end
  redis.call('EXPIRE', KEYS[1], tonumber(ARGV[2]))
  return 1`;

t.test(
  'a hand-written script is told by its text, or by its SHA-1 once its text was seen',
  async t => {
    t.equal(told('EVAL', RELEASE, '1', 'k', 'v'), 'release k v');
    t.equal(told('evalsha', RELEASE_SHA, '1', 'k', 'v'), 'release k v', 'in the catalogue');
    t.equal(told('EVALSHA', RELEASE_SHA.toUpperCase(), '1', 'k', 'v'), 'release k v');
    const seen = new ScriptKnowledge();
    const sha = seen.learn(EXTEND).sha;
    t.equal(
      intentOf(buffers('EVALSHA', sha, '1', 'k', 'v', '7'), scripts),
      null,
      'never seen there',
    );
    const extend = intentOf(buffers('EVALSHA', sha, '1', 'k', 'v', '7'), seen);
    t.match(extend, { kind: 'extend', ttlMs: 7000, plain: true }, 'seconds');
  },
);

t.test('SCRIPT LOAD and EVAL_RO teach a text', async t => {
  const taught = new ScriptKnowledge();
  intentOf(buffers('script', 'load', EXTEND), taught);
  const { sha } = new ScriptKnowledge().learn(EXTEND);
  t.match(intentOf(buffers('EVALSHA', sha, '1', 'k', 'v', '7'), taught), { kind: 'extend' });
  taught.useCommands(new CommandTable([['get', 2, ['readonly'], 1, 1, 1]]));
  const read = 'return redis.call("get", KEYS[1])';
  intentOf(buffers('EVAL_RO', read, '1', 'k'), taught);
  t.equal(taught.scopeOfSha(new ScriptKnowledge().learn(read).sha), 'keys');
});

t.test('a script counts with exactly one key and exactly its arguments', async t => {
  t.equal(told('EVALSHA', RELEASE_SHA, '2', 'k', 'k2', 'v'), 'none', 'two keys');
  t.equal(told('EVALSHA', RELEASE_SHA, '0', 'k', 'v'), 'none', 'no key');
  t.equal(told('EVALSHA', RELEASE_SHA, '01', 'k', 'v'), 'none', 'a number as Redis refuses it');
  t.equal(told('EVALSHA', RELEASE_SHA, '1', 'k'), 'none', 'no token');
  const redlock4 = 'e5a322e2634ef59a516e8ea150cb085afafee684';
  t.equal(told('EVALSHA', redlock4, '1', 'k', 'v', '1000'), 'acquire k v 1000 plain');
  t.equal(told('EVALSHA', redlock4, '1', 'k', 'v', '1e3'), 'acquire k v 0');
  t.equal(told('EVALSHA', redlock4, '1', 'k', 'v', '1000', 'x'), 'none');
  t.equal(told('EVALSHA', redlock4, '2', 'k', 'k2', 'v', '1000'), 'none', 'several resources');
});

t.test('scripts that say or do more than a lock needs are left to Redis', async t => {
  const others: Record<string, string> = {
    'python-redis-lock, whose replies are inverted': '90da918722a0d18b9cdcc1a3b5d20b2b8f2bd0f8',
    '@sesamecare-oss/redlock, which selects a database': '1b77b94aa78451d55dfa97e18819bfbfc596cb5b',
    'redis-py extend, which adds to the time to live': 'a4e8783852e6b949f9ef3a97212805108459a890',
    'redsync, which tells a lost lock from a stolen one':
      'e950836ed1e694540c503ef9972b8de518044d3b',
  };
  for (const [library, sha] of Object.entries(others)) {
    t.equal(told('EVALSHA', sha, '1', 'k', 'v'), 'none', library);
    t.equal(told('EVALSHA', sha, '1', 'k', 'v', '1000'), 'none', library);
    t.equal(told('EVALSHA', sha, '1', 'k', '0', 'v', '1000'), 'none', library);
  }
});

t.test('the ACL is asked for every command that the client and its script run', async t => {
  const runs = (...words: string[]) => {
    const intent = read(...words);
    return intent?.form.runs(intent).map(command => command.join(' '));
  };
  t.same(runs('SET', 'k', 'v', 'PX', '50', 'NX'), ['SET k v NX PX 50']);
  t.same(runs('SET', 'k', 'v', 'EX', '5', 'NX'), ['SET k v NX EX 5']);
  t.same(runs('EVAL', RELEASE, '1', 'k', 'v'), ['EVAL return 0 1 k v', 'GET k', 'DEL k']);
  t.same(runs('EVAL', EXTEND, '1', 'k', 'v', '3'), [
    'EVAL return 0 1 k v 3',
    'GET k',
    'EXPIRE k 3',
  ]);
  t.same(runs('EVALSHA', 'e5a322e2634ef59a516e8ea150cb085afafee684', '1', 'k', 'v', '9'), [
    'EVALSHA e5a322e2634ef59a516e8ea150cb085afafee684 1 k v 9',
    'EXISTS k',
    'SET k v PX 9',
  ]);
});

t.test('the outcome of a passed command is a yes only where Redis said exactly yes', async t => {
  const form = (...words: string[]) => {
    const intent = read(...words);
    if (intent === null) throw new Error('no intent');
    return intent.form;
  };
  const set = form('SET', 'k', 'v', 'NX', 'PX', '5');
  t.equal(outcomeOf(set, 'OK'), 'yes');
  t.equal(outcomeOf(set, null), 'no');
  const get = form('SET', 'k', 'v', 'NX', 'GET');
  t.equal(outcomeOf(get, null), 'yes', 'nothing stood in the way');
  t.equal(outcomeOf(get, 'another'), 'no');
  t.equal(outcomeOf(form('SETNX', 'k', 'v'), 1), 'yes');
  t.equal(outcomeOf(form('EVALSHA', RELEASE_SHA, '1', 'k', 'v'), 0), 'no');
});

t.test('what Redis has shown to know is forgotten with its connection', async t => {
  const loaded = new ScriptKnowledge();
  const args = buffers('EVALSHA', RELEASE_SHA.toUpperCase(), '1', 'k', 'v');
  loaded.answered(args, Buffer.from('-NOSCRIPT No matching script.\r\n'));
  t.notOk(loaded.isLoaded(RELEASE_SHA));
  loaded.answered(args, Buffer.from(':0\r\n'));
  t.ok(loaded.isLoaded(RELEASE_SHA));
  loaded.upstreamLost();
  t.notOk(loaded.isLoaded(RELEASE_SHA));
  loaded.answered(buffers('script', 'load', RELEASE), Buffer.from(`$40\r\n${RELEASE_SHA}\r\n`));
  t.ok(loaded.isLoaded(RELEASE_SHA));
  loaded.answered(buffers('SCRIPT', 'FLUSH'), Buffer.from('+OK\r\n'));
  t.notOk(loaded.isLoaded(RELEASE_SHA));
});

t.test('knowledge of scripts is bounded, and the unused goes first', async t => {
  const few = new ScriptKnowledge({ ...scriptDefaults, scriptsMax: 3 });
  const first = few.learn('return 1').sha;
  const second = few.learn('return 2').sha;
  few.learn('return 3');
  few.bySha(first);
  few.learn('return 4');
  t.ok(few.bySha(first), 'used again');
  t.equal(few.bySha(second), null, 'unused for longest');
  t.equal(few.scopeOfSha(second), 'every-database');
  t.ok(few.bySha(RELEASE_SHA), 'the catalogue is never forgotten');
});

t.test('how long a script may be to be looked at for a lock is set', async t => {
  const text =
    'if redis.call("get",KEYS[1])==ARGV[1] then return redis.call("del",KEYS[1]) else return 0 end--x';
  const release = ['EVAL', text, '1', 'k', 'v'];
  for (const [scriptTokensMax, kind] of [
    [20, null],
    [200, 'release'],
  ] as const) {
    const limited = new ScriptKnowledge({ ...scriptDefaults, scriptTokensMax });
    t.equal(intentOf(buffers(...release), limited)?.kind ?? null, kind, `${scriptTokensMax}`);
  }
});
