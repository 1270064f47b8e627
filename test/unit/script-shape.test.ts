import t from 'tap';
import { scriptShape } from '../../src/intent/script-shape.js';

function told(text: string): string {
  const shape = scriptShape(text, 200);
  return shape === null ? 'none' : `${shape.effect} ${shape.yes}/${shape.no}`;
}

t.test('compare and delete, in the ways in which people write it', async t => {
  const ways: Record<string, string> = {
    'if redis.call("get",KEYS[1]) == ARGV[1] then return redis.call("del",KEYS[1]) else return 0 end':
      'DEL 1/0',
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]); else return 0; end;":
      'DEL 1/0',
    'if (ARGV[1] == redis.call("get", KEYS[1])) then redis.call("del", KEYS[1]) return 1 end return 0':
      'DEL 1/0',
    'if redis.call("get",KEYS[1]) ~= ARGV[1] then return 0 else return redis.call("del",KEYS[1]) end':
      'DEL 1/0',
    'if not (redis.call("get",KEYS[1]) == ARGV[1]) then return 0 end return redis.call("unlink",KEYS[1])':
      'UNLINK 1/0',
    'local key = KEYS[1]\nlocal token, now = ARGV[1], redis.call("get", key) -- who?\nif token == now then\n  return redis.pcall("del", key)\nend\nreturn 0':
      'DEL 1/0',
    'return redis.call("get",KEYS[1]) == ARGV[1] and redis.call("del",KEYS[1]) or 0': 'DEL 1/0',
    'if redis.call("get",KEYS[1]) == ARGV[1] then return redis.call("del",KEYS[1]) end':
      'DEL 1/null',
    'if redis.call("get",KEYS[1]) == ARGV[1] then redis.call("del",KEYS[1]) return true end return false':
      'DEL 1/null',
    '--[[ long\ncomment ]] if redis.call("get",KEYS[1]) == ARGV[1] then return redis.call("del",KEYS[1]) else return -1 end':
      'DEL 1/-1',
  };
  for (const [text, shape] of Object.entries(ways)) t.equal(told(text), shape, text);
});

t.test('compare and expire, or rewrite', async t => {
  const ways: Record<string, string> = {
    'if redis.call("get",KEYS[1]) == ARGV[1] then return redis.call("pexpire",KEYS[1],ARGV[2]) else return 0 end':
      'PEXPIRE 1/0',
    'if redis.call("get",KEYS[1]) == ARGV[1] then return redis.call("expire",KEYS[1],tonumber(ARGV[2])) else return 0 end':
      'EXPIRE 1/0',
    'if redis.call("get",KEYS[1]) == ARGV[1] then return redis.call("set",KEYS[1],ARGV[1],"px",ARGV[2]) end':
      'SET PX OK/null',
    'if redis.call("get",KEYS[1]) == ARGV[1] then if redis.call("set",KEYS[1],ARGV[1],"EX",ARGV[2]) then return 1 else return 0 end else return 0 end':
      'SET EX 1/0',
  };
  for (const [text, shape] of Object.entries(ways)) t.equal(told(text), shape, text);
});

t.test('a script that does, says or needs anything else is not read', async t => {
  const others = [
    '',
    'return 1',
    'return redis.call("del",KEYS[1])',
    'if redis.call("get",KEYS[1]) == ARGV[1] then return 1 else return 0 end',
    // Both ways tell the same.
    'if redis.call("get",KEYS[1]) == ARGV[1] then redis.call("del",KEYS[1]) end return 1',
    // Another key, another argument, another comparison.
    'if redis.call("get",KEYS[2]) == ARGV[1] then return redis.call("del",KEYS[1]) else return 0 end',
    'if redis.call("get",KEYS[1]) == ARGV[1] then return redis.call("del",KEYS[2]) else return 0 end',
    'if redis.call("get",KEYS[1]) == ARGV[2] then return redis.call("del",KEYS[1]) else return 0 end',
    'if redis.call("get",KEYS[1]) == KEYS[1] then return redis.call("del",KEYS[1]) else return 0 end',
    'if redis.call("get",KEYS[1]) == "x" then return redis.call("del",KEYS[1]) else return 0 end',
    'if redis.call("get",KEYS[1]) <= ARGV[1] then return redis.call("del",KEYS[1]) else return 0 end',
    'if redis.call("get",KEYS[1]) then return redis.call("del",KEYS[1]) else return 0 end',
    'if redis.call("get",KEYS[1]) == ARGV[1]..ARGV[2] then return redis.call("del",KEYS[1]) else return 0 end',
    // Deletes where it differs.
    'if redis.call("get",KEYS[1]) ~= ARGV[1] then return redis.call("del",KEYS[1]) else return 0 end',
    // Does more.
    'if redis.call("get",KEYS[1]) == ARGV[1] then redis.call("publish","c","m") return redis.call("del",KEYS[1]) else return 0 end',
    'if redis.call("get",KEYS[1]) == ARGV[1] then redis.call("del",KEYS[1]) redis.call("del",KEYS[1]) return 1 else return 0 end',
    'redis.call("incr","n") if redis.call("get",KEYS[1]) == ARGV[1] then return redis.call("del",KEYS[1]) else return 0 end',
    'if redis.call("get",KEYS[1]) == ARGV[1] then return redis.call("del",KEYS[1]) else redis.call("del",KEYS[1]) return 0 end',
    // Looks again after the change.
    'if redis.call("get",KEYS[1]) == ARGV[1] then redis.call("del",KEYS[1]) if redis.call("get",KEYS[1]) == ARGV[1] then return 1 end return -1 end return 0',
    // Replies what is no lock's reply.
    'if redis.call("get",KEYS[1]) == ARGV[1] then return redis.call("del",KEYS[1]) else return redis.call("get",KEYS[1]) end',
    'if redis.call("get",KEYS[1]) == ARGV[1] then return {redis.call("del",KEYS[1])} else return 0 end',
    'if redis.call("get",KEYS[1]) == ARGV[1] then return redis.call("del",KEYS[1]), 2 else return 0 end',
    // A time to live that is not the argument.
    'if redis.call("get",KEYS[1]) == ARGV[1] then return redis.call("pexpire",KEYS[1],1000) else return 0 end',
    'if redis.call("get",KEYS[1]) == ARGV[1] then return redis.call("pexpire",KEYS[1],ARGV[2]*1000) else return 0 end',
    'if redis.call("get",KEYS[1]) == ARGV[1] then return redis.call("pexpire",KEYS[1],ARGV[2],"GT") else return 0 end',
    'if redis.call("get",KEYS[1]) == ARGV[1] then return redis.call("set",KEYS[1],ARGV[2],"PX",ARGV[1]) else return 0 end',
    // A name that means something else than it seems, or nothing.
    'local redis = x if redis.call("get",KEYS[1]) == ARGV[1] then return redis.call("del",KEYS[1]) else return 0 end',
    'local KEYS = ARGV if redis.call("get",KEYS[1]) == ARGV[1] then return redis.call("del",KEYS[1]) else return 0 end',
    'if redis.call("get",KEYS[1]) == ARGV[1] then local r = redis.call("del",KEYS[1]) end return r',
    'local k = KEYS[1] local k = ARGV[1] if redis.call("get",k) == ARGV[1] then return redis.call("del",k) else return 0 end',
    // Comments that hide, quotes that escape, flags, and a text that is cut short.
    '-- if redis.call("get",KEYS[1]) == ARGV[1] then return redis.call("del",KEYS[1]) else return 0 end',
    'if redis.call("g\\101t",KEYS[1]) == ARGV[1] then return redis.call("del",KEYS[1]) else return 0 end',
    '#!lua flags=no-writes\nif redis.call("get",KEYS[1]) == ARGV[1] then return redis.call("del",KEYS[1]) else return 0 end',
    'if redis.call("get",KEYS[1]) == ARGV[1] then return redis.call("del",KEYS[1]) else return 0',
    'if redis.call("get",KEYS[1]) == ARGV[1] then return redis.call("del",KEYS[1]) else return 0 end end',
    'if redis.call("get",KEYS[1]) == ARGV[1] then return redis.call("del",KEYS[1]) else return 0 end return 1',
  ];
  for (const text of others.slice(0, -1)) t.equal(told(text), 'none', text);
  // After both branches have returned, nothing is reached: the same meaning still.
  t.equal(told(others.at(-1) ?? ''), 'DEL 1/0');
});
