import { eventually } from '../../harness/lifetime.js';
import { type Comparing, describe, type Pair } from '../../harness/twins.js';
import { shape, type Table, type, unordered } from './row.js';

/** Waits for the child process of BGSAVE or BGREWRITEAOF: another one is refused meanwhile. */
async function inBackground(t: Comparing, pair: Pair, command: string): Promise<void> {
  for (const args of [[command], [command, 'X', 'Y']]) {
    await pair.same(t, ...args);
    await eventually('no background save runs', async () => {
      const infos = await pair.call('INFO', 'persistence');
      return infos.every(
        info => /rdb_bgsave_in_progress:0/.test(info) && /aof_rewrite_in_progress:0/.test(info),
      );
    });
  }
}

/** Forelock is no replication link: these get an error, and the connection lives on. */
async function refused(t: Comparing, pair: Pair, ...args: string[]): Promise<void> {
  const reply = await pair.proxied.call(...args);
  t.equal(reply.slice(0, 1), '-', `${describe(args)} gets an error: ${reply}`);
  t.equal(await pair.proxied.call('PING'), '+PONG\r\n', 'and the connection lives on');
}

export const server: Table = {
  acl: ['ACL', 'ACL NOSUCH'],
  'acl|cat': ['ACL CAT', unordered('ACL CAT hyperloglog'), 'ACL CAT nosuch'],
  'acl|deluser': ['ACL SETUSER bob', 'ACL DELUSER bob nobody', 'ACL DELUSER default'],
  'acl|dryrun': [
    'ACL DRYRUN default GET k',
    'ACL SETUSER bob on +get ~a*',
    'ACL DRYRUN bob GET b',
    'ACL DRYRUN bob SET a 1',
    'ACL DRYRUN nobody GET a',
    'ACL DELUSER bob',
  ],
  'acl|genpass': [shape('ACL GENPASS'), shape('ACL GENPASS 5'), 'ACL GENPASS x'],
  'acl|getuser': [
    'ACL GETUSER nobody',
    'ACL SETUSER bob on >p ~a* &c* +get',
    'ACL GETUSER bob',
    'ACL DELUSER bob',
  ],
  'acl|help': ['ACL HELP'],
  'acl|list': ['ACL LIST'],
  'acl|load': ['ACL LOAD'],
  'acl|log': [
    'ACL LOG RESET',
    'ACL LOG',
    'AUTH nobody wrong',
    shape('ACL LOG'),
    'ACL LOG 0',
    'ACL LOG RESET',
  ],
  'acl|save': ['ACL SAVE'],
  'acl|setuser': [
    'ACL SETUSER bob on nopass ~* +@all',
    'AUTH bob x',
    'ACL WHOAMI',
    'ACL SETUSER bob +nosuch',
    'AUTH default x',
    'ACL DELUSER bob',
  ],
  'acl|users': ['ACL USERS'],
  'acl|whoami': ['ACL WHOAMI'],
  bgrewriteaof: (t, pair) => inBackground(t, pair, 'BGREWRITEAOF'),
  bgsave: (t, pair) => inBackground(t, pair, 'BGSAVE'),
  command: [unordered('COMMAND')],
  'command|count': ['COMMAND COUNT'],
  'command|docs': ['COMMAND DOCS get', 'COMMAND DOCS nosuch', unordered('COMMAND DOCS')],
  'command|getkeys': [
    'COMMAND GETKEYS MSET a 1 b 2',
    'COMMAND GETKEYS PING',
    'COMMAND GETKEYS NOSUCH',
    'COMMAND GETKEYS EVAL x 2 a b c',
  ],
  'command|getkeysandflags': ['COMMAND GETKEYSANDFLAGS LMOVE a b LEFT RIGHT'],
  'command|help': ['COMMAND HELP'],
  'command|info': [
    'COMMAND INFO get nosuch eval',
    unordered('COMMAND INFO config'),
    'COMMAND INFO config|get',
  ],
  'command|list': [
    unordered('COMMAND LIST'),
    unordered('COMMAND LIST FILTERBY ACLCAT hyperloglog'),
    'COMMAND LIST FILTERBY PATTERN xack*',
    'COMMAND LIST FILTERBY MODULE none',
  ],
  config: ['CONFIG', 'CONFIG NOSUCH'],
  'config|get': [
    'CONFIG GET maxmemory-samples',
    'CONFIG GET nosuch',
    unordered('CONFIG GET hz maxmemory-samples'),
    shape('CONFIG GET *'),
  ],
  'config|help': ['CONFIG HELP'],
  'config|resetstat': ['CONFIG RESETSTAT'],
  'config|rewrite': ['CONFIG REWRITE'],
  'config|set': [
    'CONFIG SET maxmemory-samples 6',
    'CONFIG GET maxmemory-samples',
    'CONFIG SET maxmemory-samples 5',
    'CONFIG SET nosuch 1',
    'CONFIG SET hz x',
  ],
  dbsize: ['DBSIZE', 'MSET a 1 b 2', 'DBSIZE'],
  debug: ['DEBUG SLEEP 0', 'DEBUG NOSUCH'],
  failover: ['FAILOVER', 'FAILOVER ABORT', 'FAILOVER X'],
  flushall: ['SET k v', 'FLUSHALL', 'DBSIZE', 'FLUSHALL SYNC', 'FLUSHALL ASYNC', 'FLUSHALL X'],
  flushdb: ['SET k v', 'SELECT 1', 'FLUSHDB', 'SELECT 0', 'FLUSHDB ASYNC', 'DBSIZE'],
  info: [type('INFO'), type('INFO server clients'), 'INFO nosuch', type('INFO EVERYTHING')],
  lastsave: [shape('LASTSAVE')],
  latency: ['LATENCY', 'LATENCY NOSUCH'],
  'latency|doctor': ['LATENCY DOCTOR'],
  'latency|graph': ['LATENCY GRAPH nosuch'],
  'latency|help': ['LATENCY HELP'],
  'latency|histogram': ['LATENCY HISTOGRAM nosuch', type('LATENCY HISTOGRAM')],
  'latency|history': ['LATENCY HISTORY nosuch'],
  'latency|latest': ['LATENCY LATEST'],
  'latency|reset': ['LATENCY RESET'],
  lolwut: ['LOLWUT', 'LOLWUT VERSION 99'],
  memory: ['MEMORY', 'MEMORY NOSUCH'],
  'memory|doctor': [type('MEMORY DOCTOR')],
  'memory|help': ['MEMORY HELP'],
  'memory|malloc-stats': [type('MEMORY MALLOC-STATS')],
  'memory|purge': ['MEMORY PURGE'],
  'memory|stats': [type('MEMORY STATS')],
  'memory|usage': [
    'SET k hello',
    'MEMORY USAGE k',
    'MEMORY USAGE none',
    'MEMORY USAGE k SAMPLES 0',
  ],
  module: ['MODULE', 'MODULE NOSUCH'],
  'module|help': ['MODULE HELP'],
  'module|list': ['MODULE LIST'],
  'module|load': ['MODULE LOAD /nosuch.so'],
  'module|loadex': ['MODULE LOADEX /nosuch.so'],
  'module|unload': ['MODULE UNLOAD nosuch'],
  monitor: ['MONITOR', 'MONITOR x'],
  psync: (t, pair) => refused(t, pair, 'PSYNC', '?', '-1'),
  replconf: (t, pair) => refused(t, pair, 'REPLCONF', 'listening-port', '6380'),
  replicaof: ['REPLICAOF NO ONE', 'REPLICAOF x', 'REPLICAOF 127.0.0.1 x', 'ROLE'],
  role: ['ROLE'],
  save: ['SAVE', 'SAVE x'],
  shutdown: ['SHUTDOWN ABORT', 'SHUTDOWN X'],
  slaveof: ['SLAVEOF NO ONE', 'SLAVEOF x'],
  slowlog: ['SLOWLOG', 'SLOWLOG NOSUCH'],
  'slowlog|get': ['SLOWLOG GET', 'SLOWLOG GET 0', 'SLOWLOG GET x'],
  'slowlog|help': ['SLOWLOG HELP'],
  'slowlog|len': ['SLOWLOG LEN'],
  'slowlog|reset': ['SLOWLOG RESET'],
  swapdb: ['SET k v', 'SWAPDB 0 1', 'EXISTS k', 'SELECT 1', 'GET k', 'SWAPDB 0 99', 'SWAPDB 0'],
  sync: (t, pair) => refused(t, pair, 'SYNC'),
  time: [shape('TIME')],
};

const CLUSTER_SUBCOMMANDS = [
  'ADDSLOTS 1',
  'ADDSLOTSRANGE 1 2',
  'BUMPEPOCH',
  'COUNT-FAILURE-REPORTS x',
  'COUNTKEYSINSLOT 1',
  'DELSLOTS 1',
  'DELSLOTSRANGE 1 2',
  'FAILOVER',
  'FLUSHSLOTS',
  'FORGET x',
  'GETKEYSINSLOT 1 1',
  'HELP',
  'INFO',
  'KEYSLOT k',
  'LINKS',
  'MEET 127.0.0.1 1',
  'MYID',
  'MYSHARDID',
  'NODES',
  'REPLICAS x',
  'REPLICATE x',
  'RESET',
  'SAVECONFIG',
  'SET-CONFIG-EPOCH 1',
  'SETSLOT 1 STABLE',
  'SHARDS',
  'SLAVES x',
  'SLOTS',
];

/** On a Redis without cluster mode: each has its own checks before the common error. */
export const cluster: Table = {
  cluster: ['CLUSTER', 'CLUSTER NOSUCH'],
  ...Object.fromEntries(
    CLUSTER_SUBCOMMANDS.map(text => [
      `cluster|${text.split(' ')[0]?.toLowerCase()}`,
      [`CLUSTER ${text}`],
    ]),
  ),
};
