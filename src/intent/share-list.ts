/**
 * Which commands may share an upstream connection with other clients, and which may not.
 *
 * A command may share a pipe if it neither reads nor writes anything that Redis keeps per
 * connection, and if its reply never waits for another client. Sharing is a list, so that a command
 * nobody here has thought about gets a connection of its own, where nothing can go wrong.
 */

export type Place =
  /** May go down a pipe that other clients of the same user, database and protocol use too. */
  | 'shared'
  /** Reads or writes the state of the client's connection: Redis is asked, the answer remembered. */
  | 'state'
  /** Replication: through a proxy it could only do harm, so it gets an error. */
  | 'refused'
  /** Everything else needs the client's own connection. */
  | 'own';

/** Groups of commands by what they do, so that a gap is easy to see; all of them may share. */
const SHARED = {
  strings: `get set setnx setex psetex getset getdel getex mget mset msetnx append strlen substr
    getrange setrange incr incrby incrbyfloat decr decrby lcs stralgo delex digest msetex increx`,
  bitmaps: 'setbit getbit bitcount bitpos bitop bitfield bitfield_ro',
  keys: `del unlink exists touch type expire pexpire expireat pexpireat expiretime pexpiretime ttl
    pttl persist rename renamenx copy move dump restore sort sort_ro keys scan randomkey object`,
  hashes: `hget hset hsetnx hmget hmset hgetall hkeys hvals hlen hexists hdel hstrlen hincrby
    hincrbyfloat hrandfield hscan hexpire hpexpire hexpireat hpexpireat hexpiretime hpexpiretime
    httl hpttl hpersist hgetdel hgetex hsetex`,
  lists: `lpush rpush lpushx rpushx lpop rpop llen lindex lset linsert lrem ltrim lrange lpos lmove
    lmpop rpoplpush`,
  sets: `sadd srem smembers sismember smismember scard spop srandmember smove sinter sinterstore
    sintercard sunion sunionstore sdiff sdiffstore sscan`,
  'sorted sets': `zadd zrem zscore zmscore zincrby zcard zcount zlexcount zrank zrevrank zrange
    zrevrange zrangebyscore zrevrangebyscore zrangebylex zrevrangebylex zrangestore zpopmin zpopmax
    zmpop zrandmember zremrangebyrank zremrangebyscore zremrangebylex zunion zunionstore zinter
    zinterstore zintercard zdiff zdiffstore zscan`,
  // XREAD and XREADGROUP wait where they say BLOCK: see BLOCKING_WITH.
  streams: `xadd xlen xrange xrevrange xdel xdelex xackdel xtrim xsetid xack xclaim xautoclaim
    xpending xinfo xgroup xread xreadgroup`,
  geo: `geoadd geodist geohash geopos georadius georadius_ro georadiusbymember
    georadiusbymember_ro geosearch geosearchstore`,
  HyperLogLog: 'pfadd pfcount pfmerge',
  // A script whose text may loop for ever is taken off the pipe by ScriptKnowledge: while it runs,
  // Redis reads nothing more from its connection, so that others behind it got no BUSY error.
  scripts: 'eval eval_ro evalsha evalsha_ro',
  // Subscribing is state; telling others is not.
  messages: 'publish spublish pubsub',
  server: `ping echo time info role lastsave save bgsave bgrewriteaof dbsize flushdb flushall swapdb
    command config latency slowlog memory lolwut`,
  // Modules that come with Redis 8. Not FT.* and VSIM: they answer from threads of their own, and
  // would hold up a pipe meanwhile.
  'vector sets': 'vcard vdim vemb vgetattr vinfo vismember vlinks vrandmember vrem vsetattr',
  JSON: `json.get json.set json.del json.forget json.mget json.mset json.merge json.type
    json.numincrby json.nummultby json.strappend json.strlen json.arrappend json.arrindex
    json.arrinsert json.arrlen json.arrpop json.arrtrim json.objkeys json.objlen json.toggle
    json.clear json.resp`,
  'Bloom and cuckoo filters': `bf.add bf.madd bf.exists bf.mexists bf.insert bf.reserve bf.info
    bf.card cf.add cf.addnx cf.insert cf.insertnx cf.exists cf.mexists cf.del cf.count cf.reserve
    cf.info`,
} as const;

/** The subcommands of a container that may share; its others need an own connection. */
const SHARED_SUBCOMMANDS: Readonly<Record<string, string>> = {
  // WHOAMI tells the pipe's user, which is the client's own.
  acl: 'whoami cat genpass list users getuser log dryrun help',
  // KILL must reach Redis while the connection of a running script is not read; DEBUG is state.
  script: 'load exists flush help',
  function: 'load list dump restore delete flush stats help',
  cluster: `info nodes slots shards keyslot myid myshardid links countkeysinslot getkeysinslot
    count-failure-reports replicas slaves help`,
  module: 'list help',
};

/** State of the connection that can be asked of Redis elsewhere, remembered, and replayed. */
const STATE = 'hello auth select readonly readwrite asking reset quit';

const STATE_SUBCOMMANDS: Readonly<Record<string, string>> = {
  // TRACKING, CACHING and REPLY change how every later reply comes: they need the connection.
  client: `setname getname setinfo id info list kill unblock no-evict no-touch getredir
    trackinginfo help`,
};

const REFUSED = 'sync psync replconf';

/** A shared command that has this word among its arguments may wait for another client. */
const BLOCKING_WITH: ReadonlyMap<string, string> = new Map([
  ['xread', 'block'],
  ['xreadgroup', 'block'],
]);

function words(list: string): string[] {
  return list.split(/\s+/).filter(word => word !== '');
}

const PLACES: ReadonlyMap<string, Place> = new Map<string, Place>([
  ...Object.values(SHARED)
    .flatMap(words)
    .map(name => [name, 'shared'] as const),
  ...words(STATE).map(name => [name, 'state'] as const),
  ...words(REFUSED).map(name => [name, 'refused'] as const),
]);

const SUBCOMMAND_PLACES: ReadonlyMap<string, Place> = new Map<string, Place>([
  ...subcommandPlaces(SHARED_SUBCOMMANDS, 'shared'),
  ...subcommandPlaces(STATE_SUBCOMMANDS, 'state'),
]);

function subcommandPlaces(table: Readonly<Record<string, string>>, place: Place) {
  return Object.entries(table).flatMap(([container, list]) =>
    words(list).map(name => [`${container}|${name}`, place] as const),
  );
}

const CONTAINERS: ReadonlySet<string> = new Set([
  ...Object.keys(SHARED_SUBCOMMANDS),
  ...Object.keys(STATE_SUBCOMMANDS),
]);

/** All names that the list speaks of, in lower case, containers included. */
export const LISTED_NAMES: readonly string[] = [...PLACES.keys(), ...CONTAINERS];

/** The place of a command by its name alone, in lower case; `own` where arguments may say else. */
export function placeOfName(name: string): Place {
  return PLACES.get(name) ?? 'own';
}

/** Whether the place depends on arguments: see `placeOfArguments`. */
export function placeNeedsArguments(name: string): boolean {
  return CONTAINERS.has(name) || BLOCKING_WITH.has(name);
}

/**
 * The place of a whole command of which `placeNeedsArguments` is true.
 * @param words its arguments in lower case, the name first
 */
export function placeOfArguments(words: readonly string[]): Place {
  const [name = '', second = ''] = words;
  if (CONTAINERS.has(name)) return SUBCOMMAND_PLACES.get(`${name}|${second}`) ?? 'own';
  const blocking = BLOCKING_WITH.get(name);
  if (blocking !== undefined && words.includes(blocking, 1)) return 'own';
  return placeOfName(name);
}
