import type { Comparing, Pair } from '../../harness/twins.js';
import { shape, type Table, unordered } from './row.js';

/** Restores what DUMP gave, and what no DUMP ever gives. */
async function dumpAndRestore(t: Comparing, pair: Pair, command: string): Promise<void> {
  await pair.same(t, 'SET', 'k', 'value');
  const dumped = await pair.same(t, 'DUMP', 'k');
  const payload = dumped.slice(dumped.indexOf('\n') + 1, -2);
  await pair.same(t, command, 'copy', '0', payload);
  await pair.same(t, 'GET', 'copy');
  await pair.same(t, command, 'copy', '0', payload);
  await pair.same(t, command, 'copy', '100000', payload, 'REPLACE');
  await pair.same(t, 'TTL', 'copy');
  await pair.same(t, command, 'bad', '0', 'nonsense');
}

export const keys: Table = {
  copy: ['SET a 1', 'COPY a b', 'COPY a b', 'COPY a b REPLACE', 'COPY a b DB 1', 'COPY a a'],
  del: ['MSET a 1 b 2', 'DEL a b c', 'DEL'],
  dump: ['SET k hello', 'DUMP k', 'DUMP none'],
  exists: ['SET a 1', 'EXISTS a a b'],
  expire: [
    'SET k v',
    'EXPIRE k 100',
    'TTL k',
    'EXPIRE k 50 GT',
    'EXPIRE k -1',
    'EXISTS k',
    'EXPIRE k x',
  ],
  expireat: ['SET k v', 'EXPIREAT k 33177117420', 'EXPIRETIME k'],
  expiretime: ['EXPIRETIME k', 'SET k v', 'EXPIRETIME k'],
  keys: ['MSET a1 1 a2 2 b 3', unordered('KEYS a*'), 'KEYS none*'],
  migrate: [
    'MIGRATE 127.0.0.1 1 none 0 100',
    'SET k v',
    'MIGRATE 127.0.0.1 1 k 0 100',
    'MIGRATE 127.0.0.1',
  ],
  move: ['SET k v', 'MOVE k 1', 'EXISTS k', 'SELECT 1', 'GET k', 'MOVE k 1', 'MOVE k 99'],
  object: ['OBJECT', 'OBJECT NOSUCH k'],
  'object|encoding': ['SET k 12', 'OBJECT ENCODING k', 'OBJECT ENCODING none'],
  'object|freq': ['SET k 12', 'OBJECT FREQ k'],
  'object|help': ['OBJECT HELP'],
  'object|idletime': ['SET k 12', shape('OBJECT IDLETIME k'), 'OBJECT IDLETIME none'],
  'object|refcount': ['SET k hello', 'OBJECT REFCOUNT k'],
  persist: ['SET k v EX 100', 'PERSIST k', 'PERSIST k', 'TTL k'],
  pexpire: ['SET k v', 'PEXPIRE k 100000', 'PEXPIRE k 1 LT', 'PEXPIRE none 1'],
  pexpireat: ['SET k v', 'PEXPIREAT k 33177117420000', 'PEXPIRETIME k'],
  pexpiretime: ['PEXPIRETIME none', 'SET k v', 'PEXPIRETIME k'],
  pttl: ['PTTL none', 'SET k v', 'PTTL k', 'PEXPIRE k 100000', shape('PTTL k')],
  randomkey: ['RANDOMKEY', 'SET k v', 'RANDOMKEY'],
  rename: ['SET a 1', 'RENAME a b', 'GET b', 'RENAME none x'],
  renamenx: ['MSET a 1 b 2', 'RENAMENX a b', 'RENAMENX a c'],
  restore: (t, pair) => dumpAndRestore(t, pair, 'RESTORE'),
  'restore-asking': (t, pair) => dumpAndRestore(t, pair, 'RESTORE-ASKING'),
  scan: ['SCAN 0', 'SET k v', 'SCAN 0', 'SCAN 0 TYPE list', 'SCAN 0 MATCH k* COUNT 100', 'SCAN x'],
  sort: [
    'RPUSH l 3 1 2',
    'SORT l',
    'MSET w1 3 w2 2 w3 1',
    'SORT l BY w* GET # GET w* STORE m',
    'LRANGE m 0 -1',
  ],
  sort_ro: ['RPUSH l b a', 'SORT_RO l ALPHA DESC', 'SORT_RO l', 'SORT_RO l STORE m'],
  touch: ['SET a 1', 'TOUCH a b'],
  ttl: ['TTL none', 'SET k v', 'TTL k', 'EXPIRE k 100', 'TTL k'],
  type: ['TYPE none', 'SET k v', 'TYPE k', 'XADD x 1-1 a 1', 'TYPE x'],
  unlink: ['SET a 1', 'UNLINK a b'],
  wait: ['WAIT 0 0', 'SET k v', 'WAIT 0 10', 'WAIT 1 20', 'WAIT x 0', 'WAIT 0 -1'],
  waitaof: ['WAITAOF 0 0 10', 'WAITAOF x'],
};
