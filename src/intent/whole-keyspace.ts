/**
 * Commands that see or change keys which they do not name, or none at all. A command in none of
 * these sets, and without keys in COMMAND's reply, is unknown and taken to touch everything.
 */

function words(list: string): ReadonlySet<string> {
  return new Set(list.split(/\s+/).filter(word => word !== ''));
}

/** See or change any key of the session's database. */
export const WHOLE_DATABASE = words(`scan keys dbsize randomkey flushdb migrate
  cluster|getkeysinslot cluster|countkeysinslot`);

/** See or change keys of any database; a function may SELECT another, as a script may. */
export const EVERY_DATABASE = words(`flushall swapdb fcall fcall_ro debug shutdown failover
  replicaof slaveof cluster|reset cluster|flushslots cluster|replicate cluster|failover
  pfdebug pfselftest`);

/** Concern no key. */
export const NO_KEYS = words(`
  acl|cat acl|deluser acl|dryrun acl|genpass acl|getuser acl|help acl|list acl|load acl|log
  acl|save acl|setuser acl|users acl|whoami
  asking auth bgrewriteaof bgsave
  cluster|addslots cluster|addslotsrange cluster|bumpepoch cluster|count-failure-reports
  cluster|delslots cluster|delslotsrange cluster|forget cluster|help cluster|info
  cluster|keyslot cluster|links cluster|meet cluster|myid cluster|myshardid cluster|nodes
  cluster|replicas cluster|saveconfig cluster|set-config-epoch cluster|setslot cluster|shards
  cluster|slaves cluster|slot-stats cluster|slots
  discard echo exec
  function|delete function|dump function|flush function|help function|kill function|list
  function|load function|restore function|stats
  hello info lastsave
  lolwut
  memory|doctor memory|help memory|malloc-stats memory|purge memory|stats
  module|help module|list module|load module|loadex module|unload
  monitor multi object|help ping psubscribe psync publish punsubscribe quit readonly readwrite
  replconf reset role save
  script|debug script|exists script|flush script|help script|kill script|load
  select slowlog|get slowlog|help slowlog|len slowlog|reset
  spublish ssubscribe subscribe sunsubscribe sync time unsubscribe unwatch wait waitaof
  xgroup|help xinfo|help`);

/** Containers of which no subcommand, not even one that is new to us, concerns a key. */
export const NO_KEYS_CONTAINERS = words('client command config latency pubsub slowlog acl');

/**
 * Modules that come with Redis 8 and index or hold types of their own: what a search finds are
 * hashes and JSON documents, what a time series query finds are time series. A lock is a string.
 */
export const TYPED_MODULE_PREFIXES: readonly string[] = ['ft.', 'ts.'];
