import { Redis } from 'ioredis';
import t from 'tap';
import { CommandTable } from '../../src/intent/command-table.js';
import { ScriptKnowledge } from '../../src/intent/scripts.js';
import { RedisServer } from '../harness/redis-server.js';

/** Commands of which Redis itself says which keys they name; all arguments that move keys. */
const LINES = `
GET a|SET a v|SET a v NX PX 5|SET a v GET KEEPTTL|SETNX a v|SETEX a 5 v|GETEX a EX 5|GETDEL a|GETSET a v
MGET a b c|MSET a 1 b 2|MSETNX a 1 b 2|INCR a|INCRBYFLOAT a 1|APPEND a v|STRLEN a|SETRANGE a 0 v|LCS a b
DEL a|DEL a b c|UNLINK a b|EXISTS a a b|TOUCH a|TYPE a|EXPIRE a 5 NX|PEXPIREAT a 5|TTL a|PERSIST a
RENAME a b|RENAMENX a b|DUMP a|RESTORE a 0 v|OBJECT ENCODING a|OBJECT FREQ a|MEMORY USAGE a|MEMORY USAGE a SAMPLES 5
HSET a f v|HMGET a f g|HSCAN a 0|HRANDFIELD a 2|LPUSH a v w|LMOVE a b LEFT RIGHT|RPOPLPUSH a b|LMPOP 2 a b LEFT
LPOS a v|LINSERT a BEFORE v w|BLPOP a b 0|BLMOVE a b LEFT RIGHT 0|BLMPOP 0 2 a b LEFT COUNT 3|BRPOPLPUSH a b 0
SADD a v|SMOVE a b v|SINTER a b|SINTERSTORE d a b|SINTERCARD 2 a b LIMIT 1|SUNIONSTORE d a b|SDIFF a b c|SSCAN a 0
ZADD a 1 v|ZADD a NX GT CH 1 v|ZUNIONSTORE d 2 a b WEIGHTS 1 2 AGGREGATE MAX|ZINTERSTORE d 1 a|ZDIFFSTORE d 2 a b
ZUNION 2 a b WITHSCORES|ZINTERCARD 2 a b|ZDIFF 1 a|ZRANGESTORE d a 0 -1|ZMPOP 1 a MIN|BZMPOP 0 2 a b MIN|BZPOPMIN a b 0
ZRANGE a 0 -1|ZRANDMEMBER a 1|ZMSCORE a v w
XADD a * f v|XADD a NOMKSTREAM MAXLEN ~ 5 * f v|XREAD COUNT 5 STREAMS a b 0 0|XREAD BLOCK 0 STREAMS a $
XREADGROUP GROUP g c COUNT 1 NOACK STREAMS a b > >|XREADGROUP GROUP streams c STREAMS a >|XGROUP CREATE a g $|XGROUP CREATECONSUMER a g c
XINFO STREAM a|XINFO GROUPS a|XACK a g 0|XCLAIM a g c 0 0|XAUTOCLAIM a g c 0 0|XPENDING a g|XTRIM a MAXLEN 5
GEOADD a 1 1 v|GEODIST a v w|GEORADIUS a 1 1 5 km|GEORADIUS a 1 1 5 km STORE d|GEORADIUS a 1 1 5 km COUNT 1 STOREDIST d
GEORADIUSBYMEMBER a v 5 km STORE d|GEORADIUS_RO a 1 1 5 km|GEOSEARCH a FROMMEMBER v BYRADIUS 5 km|GEOSEARCHSTORE d a FROMMEMBER v BYRADIUS 5 km
PFADD a v|PFCOUNT a b|PFMERGE a b c|SETBIT a 0 1|BITOP AND d a b|BITOP NOT d a|BITFIELD a GET u8 0|BITFIELD_RO a GET u8 0|BITPOS a 1
SORT a|SORT a DESC LIMIT 0 5 STORE d|SORT a STORE d ALPHA|SORT_RO a ASC|COPY a b|COPY a b REPLACE|WATCH a b
EVAL t 2 a b x|EVALSHA s 1 a x|EVAL_RO t 1 a|EVALSHA_RO s 1 a
`;

const lines = LINES.split(/[\n|]/).filter(line => line !== '');

/** What COMMAND GETKEYS can't be asked about here, since the text or the DB says more. */
const get = "return redis.call('get', KEYS[1])";

t.test('the keys found are those that Redis finds', async t => {
  const server = await RedisServer.start(t);
  const redis = new Redis(server.port);
  t.teardown(() => redis.disconnect());
  const reply = await redis.call('COMMAND');
  const table = new CommandTable(reply);
  const before7 = new CommandTable(withoutSpecifications(reply));
  for (const [version, known] of [
    ['as told', table],
    ['as told before 7.0', before7],
  ] as const) {
    const scripts = new ScriptKnowledge();
    scripts.useCommands(known);
    const { sha } = scripts.learn(get);
    for (const line of lines) {
      const args = line.split(' ').map(word => (word === 't' ? get : word === 's' ? sha : word));
      const asked = await redis.call('COMMAND', 'GETKEYS', ...args);
      const found = known.keysOf(args, scripts);
      const keys = typeof found === 'object' ? found.keys : found;
      // LMPOP and the like came with 7.0: before it nobody told how to read them.
      if (known === before7 && keys === 'unknown' && NEW_IN_7.has(args[0] ?? '')) continue;
      t.same(keys, asked, `${line}, ${version}`);
    }
  }
});

const NEW_IN_7 = new Set('LMPOP BLMPOP ZMPOP BZMPOP SINTERCARD ZINTERCARD SORT_RO'.split(' '));

t.test('no command of this Redis with a key goes unseen', async t => {
  const server = await RedisServer.start(t);
  const redis = new Redis(server.port);
  t.teardown(() => redis.disconnect());
  const reply = await redis.call('COMMAND');
  const table = new CommandTable(reply);
  const scripts = new ScriptKnowledge();
  scripts.useCommands(table);
  const names = flatNames(reply);
  t.ok(names.length > 300);
  const unknown = names.filter(name => {
    const facts = table.commandNamed(name.split('|')[0] ?? '');
    return facts === null || (facts.rule === 'unknown' && name !== 'restore-asking');
  });
  t.same(unknown, [], 'each is told by COMMAND, or known by name');
  // Whoever is added to these sets must concern no key: Redis 7 says so of each.
  for (const name of names) {
    const [container = '', subcommand] = name.split('|');
    const args = subcommand === undefined ? [container] : [container, subcommand];
    if (table.keysOf(args, scripts) !== 'none') continue;
    const answer = await redis.call('COMMAND', 'GETKEYS', ...args, 'x', 'y', 'z').catch(String);
    t.match(answer, /no key arguments|Invalid number|Invalid argument/, name);
  }
});

function flatNames(reply: unknown): string[] {
  if (!Array.isArray(reply)) return [];
  return reply.flatMap((entry: unknown) => {
    if (!Array.isArray(entry)) return [];
    const inner = flatNames(entry[9]);
    return inner.length > 0 ? inner : [String(entry[0])];
  });
}

/** The same commands as a server before 7.0 tells them: six fields and the ACL's categories. */
function withoutSpecifications(reply: unknown): unknown[] {
  const before = new Map<string, number[]>([
    ['object', [2, 2, 1]],
    ['xgroup', [2, 2, 1]],
    ['xinfo', [2, 2, 1]],
  ]);
  return (Array.isArray(reply) ? reply : []).map((entry: unknown[]) => {
    const name = String(entry[0]);
    const keys = before.get(name) ?? entry.slice(3, 6);
    return [name, entry[1], entry[2], ...keys, entry[6]];
  });
}
