import t from 'tap';
import { CommandTable } from '../../src/intent/command-table.js';
import { mayLoopForever, scriptScope } from '../../src/intent/script-scope.js';

/** As servers before 7.0 tell their commands: name, arity, flags, first key, last key, step. */
const table = new CommandTable([
  ['get', 2, ['readonly'], 1, 1, 1],
  ['set', -3, ['write'], 1, 1, 1],
  ['del', -2, ['write'], 1, -1, 1],
  ['mset', -3, ['write'], 1, -1, 2],
  ['rename', 3, ['write'], 1, 2, 1],
  ['bitop', -4, ['write'], 2, -1, 1],
  ['sadd', -3, ['write'], 1, 1, 1],
  ['zunionstore', -4, ['write', 'movablekeys'], 0, 0, 0],
  ['publish', 3, ['pubsub'], 0, 0, 0],
  ['object', -2, ['readonly'], 2, 2, 1],
  ['sort', -2, ['write', 'movablekeys'], 1, 1, 1],
  ['scan', -2, ['readonly'], 0, 0, 0],
]);

const scope = (text: string) => scriptScope(text, table);

t.test('a script that takes its keys from KEYS alone touches those', async t => {
  const texts = [
    'return 1',
    'return redis.call("get", KEYS[1])',
    "return redis.pcall('GET',KEYS[ 1 ])",
    'local key = KEYS[1] return redis.call("get", key)',
    'local a, b = KEYS[1], KEYS[2]; redis.call("rename", a, b)',
    'local key\t= KEYS[1]\nlocal token = ARGV[1]\nif redis.call("get", key) == token then redis.call("del", key) end',
    'for i, key in ipairs(KEYS) do redis.call("set", key, ARGV[i]) end return #KEYS',
    'for _, k in pairs(KEYS) do redis.call("del", k) end',
    'for i = 1, #KEYS do redis.call("set", KEYS[i], ARGV[i], "PX", ARGV[#ARGV]) end',
    'return redis.call("del", unpack(KEYS))',
    'return redis.call("sadd", KEYS[1], unpack(ARGV))',
    'return redis.call("mset", KEYS[1], ARGV[1], KEYS[2], ARGV[2])',
    'return redis.call("bitop", "AND", KEYS[1], KEYS[2], KEYS[3])',
    'redis.call("publish", "channel", ARGV[1]) return redis.sha1hex("x")',
    'return redis.call("object", "encoding", KEYS[1])',
    '-- redis.call("get", "elsewhere")\nreturn redis.call("get", KEYS[1]) --[[ redis.call("keys", "*") ]]',
    'local s = "redis.call(\'keys\')" return redis.call("get", KEYS[1])',
    'local call = redis.call("get", KEYS[1]) return {call, call}',
    '#!lua flags=no-writes\nreturn redis.call("get", KEYS[1])',
    'return redis.call("get", KEYS[redis.call("get", KEYS[1]) and 1 or 2])',
  ];
  for (const text of texts) t.equal(scope(text), 'keys', text);
});

t.test('a key from elsewhere means the whole database', async t => {
  const texts = [
    'return redis.call("get", "literal")',
    'return redis.call("get", ARGV[1])',
    'return redis.call("get", KEYS[1] .. ":x")',
    'return redis.call("get", "p:" .. KEYS[1])',
    'return redis.call("get", (KEYS[1]))',
    'local key = KEYS[1] .. "x" return redis.call("get", key)',
    'local key = KEYS[1] or "x" return redis.call("get", key)',
    'local key = KEYS[1] key = ARGV[1] return redis.call("get", key)',
    'local key = KEYS[1] local x x, key = 1, "b" return redis.call("get", key)',
    'local key = KEYS[1] local x key, x = "b", 1 return redis.call("get", key)',
    'local key = KEYS[1] local function f(key) return redis.call("get", key) end return f("b")',
    'local key = KEYS[1] for key in string.gmatch("a b", "%a") do redis.call("get", key) end',
    'for i, key in ipairs(ARGV) do redis.call("get", key) end',
    'for key in pairs(KEYS) do redis.call("get", key) end',
    'local a, b = KEYS[1] return redis.call("get", b)',
    'local a, b = ARGV[1], KEYS[1] return redis.call("rename", KEYS[1], a)',
    'return redis.call("rename", KEYS[1], "other")',
    'return redis.call("del", KEYS[1], unpack(ARGV))',
    'return redis.call("del", KEYS[1], ...)',
    'return redis.call("del", KEYS[1], f "x")',
    'return redis.call("mset", unpack(KEYS))',
    'return redis.call("mset", KEYS[1], f("x"))',
    'return redis.call("bitop", "AND", KEYS[1], "b")',
    'return redis.call("zunionstore", KEYS[1], 2, KEYS[2], KEYS[3])',
    'return redis.call("sort", KEYS[1], "BY", "w_*")',
    'return redis.call("scan", 0)',
    'return redis.call("keys", "*")',
    'return redis.call("object", "encoding", "k")',
    'return redis.call("get", KEYS[1], redis.call("get", "x"))',
  ];
  for (const text of texts) t.equal(scope(text), 'whole-database', text);
});

t.test('what may run any command, anywhere, means every database', async t => {
  const texts = [
    'redis.call("select", 1) return redis.call("get", KEYS[1])',
    'return redis.call(ARGV[1], KEYS[1])',
    'return redis.call("g" .. "et", KEYS[1])',
    'return redis.call("g\\101t", KEYS[1])',
    'return redis.call([[get]], KEYS[1])',
    'return redis.call(KEYS[1], KEYS[1])',
    'return redis.call(unpack(ARGV))',
    'return redis.call()',
    'local call = redis.call return call("get", "x")',
    'local r = redis return r.call("get", "x")',
    'return redis["call"]("get", "x")',
    'return redis.call "ping"',
    'return pcall(redis.call, "get", "x")',
    'redis.call = print return redis.call("get", KEYS[1])',
    'function redis.call() end return redis.call("get", KEYS[1])',
    'return _G.redis.call("get", "x")',
    "return loadstring(\"return redis.call('get', 'x')\")()",
    'return getfenv().redis.call("get", "x")',
    'return server.call("get", "x")',
    'return redis.call("nobodyknows", KEYS[1])',
    'return redis.call("flushall")',
    'return redis.call("move", KEYS[1], 1)',
    'return redis.call("copy", KEYS[1], KEYS[2])',
    // KEYS changes, or gets away.
    'KEYS[1] = "x" return redis.call("get", KEYS[1])',
    'KEYS[1], KEYS[2] = "x", "y" return redis.call("get", KEYS[1])',
    'local a a, KEYS[1] = 1, "x" return redis.call("get", KEYS[1])',
    'KEYS = {"x"} return redis.call("get", KEYS[1])',
    'local KEYS = {"x"} return redis.call("get", KEYS[1])',
    'local k = KEYS k[1] = "x" return redis.call("get", KEYS[1])',
    'table.insert(KEYS, 1, "x") return redis.call("get", KEYS[1])',
    'local f, k = ipairs(KEYS) k[1] = "x" return redis.call("get", KEYS[1])',
    'local unpack = f return redis.call("del", unpack(KEYS))',
    'local function unpack(t) return "x" end return redis.call("del", unpack(KEYS))',
    'for i, KEYS in ipairs(ARGV) do redis.call("get", KEYS[1]) end',
    // No Lua that we can read.
    'return redis.call("get", KEYS[1]',
    'return "unclosed',
    '--[[ unclosed',
    'return redis.call("get", KEYS[1]) @',
  ];
  for (const text of texts) t.equal(scope(text), 'every-database', text);
});

t.test('a loop that only its body ends keeps a script off shared connections', async t => {
  t.ok(mayLoopForever('while true do end'));
  t.ok(mayLoopForever('repeat until false'));
  t.notOk(mayLoopForever('for i = 1, 10 do end -- while'));
  t.notOk(mayLoopForever('return "repeat"'));
});

t.test('a text made to be hard to read is read in no time', async t => {
  const texts = [
    `return {${'a,'.repeat(30_000)}}`,
    `local t = {${'KEYS[1],'.repeat(7000)}} return redis.call("get", KEYS[1])`,
    `return ${'redis.call("get",'.repeat(3500)}KEYS[1]${')'.repeat(3500)}`,
    '('.repeat(60_000),
    '['.repeat(60_000),
    `--[${'='.repeat(60_000)}`,
    'redis.call('.repeat(5000),
    `return ${'- '.repeat(30_000)}1`,
  ];
  for (const text of texts) {
    // Of the processor, whatever else the machine has to do meanwhile.
    const before = process.cpuUsage();
    scope(text);
    const { user, system } = process.cpuUsage(before);
    const tookMs = (user + system) / 1000;
    t.ok(tookMs < 500, `${text.slice(0, 30)}… took ${tookMs.toFixed(0)} ms`);
  }
});
