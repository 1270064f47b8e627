import type { Comparing, Pair } from '../../harness/twins.js';
import type { Table } from './row.js';

const SCRIPT = 'return {KEYS[1],ARGV[1],1,redis.call("GET",KEYS[1])}';
const LIBRARY = `#!lua name=lib
redis.register_function('twice', function(keys, args) return 2 * args[1] end)
redis.register_function{function_name='look', callback=function(keys, args)
  return redis.call('GET', keys[1]) end, flags={'no-writes'}}`;
const LOAD = ['FUNCTION', 'LOAD', LIBRARY];

async function dumpAndRestore(t: Comparing, pair: Pair): Promise<void> {
  await pair.same(t, ...LOAD);
  const dumped = await pair.same(t, 'FUNCTION', 'DUMP');
  const payload = dumped.slice(dumped.indexOf('\n') + 1, -2);
  await pair.same(t, 'FUNCTION', 'RESTORE', payload);
  await pair.same(t, 'FUNCTION', 'RESTORE', payload, 'REPLACE');
  await pair.same(t, 'FUNCTION', 'RESTORE', 'nonsense');
  await pair.same(t, 'FUNCTION', 'FLUSH');
}

async function loadedScript(t: Comparing, pair: Pair, command: string): Promise<void> {
  await pair.same(t, 'SCRIPT', 'FLUSH');
  await pair.same(t, command, '0'.repeat(40), '0');
  const loaded = await pair.same(t, 'SCRIPT', 'LOAD', SCRIPT);
  const sha = loaded.slice(5, 45);
  await pair.same(t, command, sha, '1', 'k', 'a');
  await pair.same(t, command, sha.toUpperCase(), '1', 'k', 'a');
  await pair.same(t, command, sha, '-1', 'k');
  await pair.same(t, command, sha, '2', 'k');
}

export const scripting: Table = {
  eval: [
    ['EVAL', SCRIPT, '1', 'k', 'a'],
    ['EVAL', 'return redis.call("SET",KEYS[1],ARGV[1])', '1', 'k', 'v'],
    ['EVAL', 'return {1,2.9,"three",false,{4}}', '0'],
    ['EVAL', 'return redis.error_reply("MY error")', '0'],
    ['EVAL', 'return redis.status_reply("fine")', '0'],
    ['EVAL', 'redis.setresp(3); return redis.call("HGETALL",KEYS[1])', '1', 'h'],
    ['EVAL', 'return redis.call("NOSUCH")', '0'],
    ['EVAL', 'this is no Lua', '0'],
    ['EVAL', 'return 1', 'x'],
    ['EVAL', 'return 1', '2', 'k'],
    ['EVAL', 'return redis.call("SELECT",1)', '0'],
    'GET k',
  ],
  eval_ro: [
    ['EVAL_RO', SCRIPT, '1', 'k', 'a'],
    ['EVAL_RO', 'return redis.call("SET",KEYS[1],1)', '1', 'k'],
  ],
  evalsha: (t, pair) => loadedScript(t, pair, 'EVALSHA'),
  evalsha_ro: (t, pair) => loadedScript(t, pair, 'EVALSHA_RO'),
  fcall: ['FUNCTION FLUSH', LOAD, 'FCALL twice 0 21', 'FCALL nosuch 0', 'FCALL twice x'],
  fcall_ro: ['FUNCTION FLUSH', LOAD, 'SET k v', 'FCALL_RO look 1 k', 'FCALL_RO twice 0 2'],
  function: ['FUNCTION', 'FUNCTION NOSUCH'],
  'function|delete': ['FUNCTION FLUSH', LOAD, 'FUNCTION DELETE lib', 'FUNCTION DELETE lib'],
  'function|dump': ['FUNCTION FLUSH', 'FUNCTION DUMP'],
  'function|flush': ['FUNCTION FLUSH', 'FUNCTION FLUSH ASYNC', 'FUNCTION FLUSH X'],
  'function|help': ['FUNCTION HELP'],
  'function|kill': ['FUNCTION KILL'],
  'function|list': [
    'FUNCTION FLUSH',
    'FUNCTION LIST',
    ['FUNCTION', 'LOAD', "#!lua name=one\nredis.register_function('f', function() return 1 end)"],
    'FUNCTION LIST WITHCODE',
    'FUNCTION LIST LIBRARYNAME x*',
  ],
  'function|load': [
    'FUNCTION FLUSH',
    LOAD,
    LOAD,
    ['FUNCTION', 'LOAD', 'REPLACE', LIBRARY],
    'FUNCTION LOAD x',
  ],
  'function|restore': dumpAndRestore,
  'function|stats': ['FUNCTION FLUSH', 'FUNCTION STATS'],
  script: ['SCRIPT', 'SCRIPT NOSUCH'],
  'script|debug': ['SCRIPT DEBUG NO', 'SCRIPT DEBUG X'],
  'script|exists': [
    'SCRIPT FLUSH',
    ['SCRIPT', 'LOAD', 'return 1'],
    `SCRIPT EXISTS ${'0'.repeat(40)} e0e1f9fabfc9d4800c877a703b823ac0578ff8db`,
  ],
  'script|flush': ['SCRIPT FLUSH', 'SCRIPT FLUSH SYNC', 'SCRIPT FLUSH X'],
  'script|help': ['SCRIPT HELP'],
  'script|kill': ['SCRIPT KILL'],
  'script|load': [['SCRIPT', 'LOAD', SCRIPT], ['SCRIPT', 'LOAD', 'no Lua'], 'SCRIPT LOAD'],
};
