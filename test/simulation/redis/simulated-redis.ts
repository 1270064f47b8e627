import { readScriptFiles } from '../../../src/upstream/control/script-files.js';
import type { Command } from './command.js';
import { COMMANDS } from './command-table.js';
import { Connection } from './connection.js';
import { Follower } from './followers.js';
import { type Effect, Keyspace } from './keyspace.js';
import { parseInteger } from './numbers.js';
import { ErrorReply, NOT_AN_INTEGER, type Reply } from './reply.js';
import { scriptEngine } from './script-engine.js';
import { ServerClock } from './server-clock.js';
import { Tracking } from './tracking.js';

/** Why a server that is there does not do what it is asked. */
export type Trouble = 'loading' | 'busy' | 'out of memory';

export interface SimulatedRedisOptions {
  /** Time of the world, in ms; the clock of the server is made from it. */
  readonly trueMs: () => number;
  /** What the clock of the server is ahead of that. */
  readonly clockAheadMs?: number;
  /** Runs something when so much time has passed: only WAIT and WAITAOF need it. */
  readonly after?: (ms: number, run: () => void) => void;
  /** Texts of scripts in place of those in lua/. */
  readonly scripts?: ReadonlyMap<string, string>;
}

const TROUBLES: Readonly<Record<Trouble, ErrorReply>> = {
  loading: new ErrorReply('LOADING Redis is loading the dataset in memory'),
  busy: new ErrorReply(
    'BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.',
  ),
  'out of memory': new ErrorReply("OOM command not allowed when used memory > 'maxmemory'."),
};
const NO_DISK = new ErrorReply(
  'ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.',
);
const READ_ONLY = new ErrorReply("READONLY You can't write against a read only replica.");

let scriptTexts: ReadonlyMap<string, string> | null = null;

/**
 * A Redis 7.0 in memory, on time and chance of the test's own, that runs the files of lua/ as they
 * are: `lua-model.test.ts` holds it to a real one, reply by reply and key by key.
 *
 *     const redis = new SimulatedRedis({ trueMs: () => events.nowMs });
 *     const connection = redis.connect();
 *     connection.onPush = push => …            // invalidations and messages
 *     connection.call(['SET', 'a', '1', 'NX', 'PX', '100'])       // a Reply, errors too
 *     connection.evalScript('want', keys, args)                   // a file of lua/, or a text
 *     redis.addReplica(() => random.below(5))                     // how late each write gets there
 *     redis.failover()      // the replica takes over; what has not reached it is lost
 *     redis.restart('disk') // with 'all', 'disk' (appendOnly) or 'nothing' of its keys
 *     redis.demote(); redis.trouble = 'loading'; redis.evict(0, key); redis.expireSome(random)
 *     redis.clock.jump(-5000); redis.clock.drift(0.01)
 *
 * It stands for an address, behind which another server may answer after a failover. A key that has
 * expired is gone when somebody looks at it; nobody is told so, as Redis does in its own time, until
 * `expireSome`. A command that is not modelled throws.
 */
export class SimulatedRedis {
  readonly clock: ServerClock;
  keyspace: Keyspace;
  readonly tracking = new Tracking();
  /** What SCRIPT LOAD and EVAL have brought, by SHA-1. */
  readonly scripts = new Map<string, string>();
  trouble: Trouble | null = null;
  runId: string;
  replicationId: string;
  role: 'master' | 'slave' = 'master';
  /** How many commands and scripts were carried out for clients. */
  commandsRun = 0;
  /** How many of them were scripts. */
  scriptsRun = 0;
  private readonly options: SimulatedRedisOptions;
  private readonly replicas: Follower[] = [];
  private disk: Follower | null = null;
  /** Replicas and disk. */
  private followers: readonly Follower[] = [];
  private offset = 0;
  private readonly connections = new Map<number, Connection>();
  private nextConnectionId = 1;
  private servers = 0;
  /** Whose command is carried out; null: the server acts by itself. */
  private client: Connection | null = null;
  private scriptKeys: readonly string[] | null = null;
  /** Keys that the command under way has changed: one step of replication. */
  private readonly dirty = new Map<string, { database: number; key: string }>();
  private flushed = false;
  private changed = false;

  constructor(options: SimulatedRedisOptions) {
    this.options = options;
    this.clock = new ServerClock(options.trueMs, options.clockAheadMs);
    this.keyspace = this.newKeyspace();
    this.runId = this.newId('run');
    this.replicationId = this.newId('replication');
  }

  nowMs(): number {
    return this.clock.nowMs();
  }

  connect(): Connection {
    const connection = new Connection(this, this.nextConnectionId++);
    this.connections.set(connection.id, connection);
    return connection;
  }

  connectionWithId(id: number): Connection | null {
    return this.connections.get(id) ?? null;
  }

  forget(connection: Connection): void {
    connection.isOpen = false;
    connection.channels.clear();
    this.tracking.stop(connection);
    this.connections.delete(connection.id);
  }

  /** The text of a file of lua/ for its name; anything else is a text itself. */
  textOf(script: string): string {
    scriptTexts ??= new Map([...readScriptFiles()].map(([name, { text }]) => [name, text]));
    return this.options.scripts?.get(script) ?? scriptTexts.get(script) ?? script;
  }

  // ---- commands

  execute(connection: Connection, words: readonly string[]): Reply {
    if (!connection.isOpen) throw new Error('a command on a connection that is closed');
    const command = COMMANDS.get(words[0]?.toUpperCase() ?? '');
    if (command === undefined) {
      throw new Error(`the simulated Redis does not have ${words[0]}`);
    }
    if (!hasArity(command, words)) {
      const name = words[0]?.toLowerCase();
      return new ErrorReply(`ERR wrong number of arguments for '${name}' command`);
    }
    const isOutermost = this.begin(connection);
    try {
      return this.refusal(command) ?? this.run(command, connection, words);
    } finally {
      if (isOutermost) this.end(connection);
    }
  }

  /** Runs a script for a client, which is a command of its own. */
  evaluate(
    connection: Connection,
    text: string,
    keys: readonly string[],
    args: readonly string[],
  ): Reply {
    const script = scriptEngine.compile(text);
    if (script instanceof ErrorReply) return script;
    this.scripts.set(script.sha, text);
    const isOutermost = this.begin(connection);
    try {
      if (this.trouble === 'loading' || this.trouble === 'busy') return TROUBLES[this.trouble];
      this.scriptsRun++;
      this.scriptKeys = keys;
      const wrote = { any: false };
      return scriptEngine.run(script, keys, args, words =>
        this.callFromScript(connection, words, wrote),
      );
    } finally {
      this.scriptKeys = null;
      if (isOutermost) this.end(connection);
    }
  }

  private callFromScript(
    connection: Connection,
    words: readonly string[],
    wrote: { any: boolean },
  ): Reply {
    const command = COMMANDS.get(words[0]?.toUpperCase() ?? '');
    if (command === undefined) {
      throw new Error(`the simulated Redis does not have ${words[0]}`);
    }
    if (!hasArity(command, words)) {
      return new ErrorReply('ERR Wrong number of args calling Redis command from script');
    }
    if (command.notInScripts === true) {
      return new ErrorReply('ERR This Redis command is not allowed from script');
    }
    // What a script has begun to write it may write to its end.
    const refusal = wrote.any && this.trouble === 'out of memory' ? null : this.refusal(command);
    if (refusal !== null) return refusal;
    if (command.writes === true) wrote.any = true;
    return this.run(command, connection, words);
  }

  private run(command: Command, connection: Connection, words: readonly string[]): Reply {
    const reply = command.run(connection, words);
    if (command.reads !== undefined && this.tracking.tracks(connection)) {
      this.remember(command, connection, words);
    }
    return reply;
  }

  /** Redis 7.0 tracks, for a command in a script, all the keys that the script was given. */
  private remember(command: Command, connection: Connection, words: readonly string[]): void {
    const end = command.reads === 'all' ? words.length : 2;
    for (const key of this.scriptKeys ?? words.slice(1, end)) this.tracking.read(connection, key);
  }

  private refusal(command: Command): ErrorReply | null {
    const { trouble } = this;
    if (trouble === 'busy') return TROUBLES.busy;
    if (trouble === 'loading' && command.whileLoading !== true) return TROUBLES.loading;
    if (command.writes === true && this.role !== 'master') return READ_ONLY;
    if (command.needsMemory === true && trouble === 'out of memory') return TROUBLES[trouble];
    return null;
  }

  /** A client's command begins; false where it is part of one: EVAL, and what a script calls. */
  private begin(connection: Connection): boolean {
    if (this.client !== null) return false;
    this.client = connection;
    this.commandsRun++;
    return true;
  }

  /** What follows from a command: its changes go to the replicas, its own connection hears of them. */
  private end(connection: Connection): void {
    this.client = null;
    if (this.propagate()) connection.writtenOffset = this.offset;
    this.tracking.finish(connection);
  }

  /** As `execute`, for WAIT and WAITAOF, whose answer may come later. */
  executeLater(
    connection: Connection,
    words: readonly string[],
    answered: (reply: Reply) => void,
  ): void {
    const name = words[0]?.toUpperCase();
    if (name === 'WAIT') {
      const [replicas, timeoutMs] = [parseInteger(words[1]), parseInteger(words[2])];
      if (replicas === null || timeoutMs === null) return answered(NOT_AN_INTEGER);
      const count = (): number => this.reached(this.replicas, connection.writtenOffset);
      return this.answerOnce(timeoutMs, connection, () => count() >= replicas, count, answered);
    }
    if (name === 'WAITAOF') {
      const [local, replicas, timeoutMs] = words.slice(1).map(parseInteger);
      if (local == null || replicas == null || timeoutMs == null) return answered(NOT_AN_INTEGER);
      if (local > 0 && this.disk === null) return answered(NO_DISK);
      const disks = this.disk === null ? [] : [this.disk];
      const counts = (): [number, number] => [
        this.reached(disks, connection.writtenOffset),
        this.reached(this.replicas, connection.writtenOffset),
      ];
      const isDone = (): boolean => counts()[0] >= local && counts()[1] >= replicas;
      return this.answerOnce(timeoutMs, connection, isDone, counts, answered);
    }
    answered(this.execute(connection, words));
  }

  private answerOnce(
    timeoutMs: number,
    connection: Connection,
    isDone: () => boolean,
    reply: () => Reply,
    answered: (reply: Reply) => void,
  ): void {
    const { trueMs, after } = this.options;
    if (isDone()) return answered(reply());
    if (after === undefined) throw new Error('WAIT needs time to wait in: give `after`');
    const endMs = timeoutMs === 0 ? Infinity : trueMs() + timeoutMs;
    const look = (): void => {
      if (!connection.isOpen) return;
      if (isDone() || trueMs() >= endMs) return answered(reply());
      const steps = this.followers
        .map(follower => follower.reachesAtMs(connection.writtenOffset))
        .filter(atMs => atMs > trueMs());
      const nextMs = Math.min(endMs, ...steps);
      if (nextMs !== Infinity) after(nextMs - trueMs(), look);
    };
    look();
  }

  private reached(followers: readonly Follower[], offset: number): number {
    for (const follower of followers) follower.catchUp();
    return followers.filter(follower => follower.offset >= offset).length;
  }

  // ---- what happens in it, and to it

  /** How many connections heard it. */
  publish(channel: string, message: string): number {
    let heard = 0;
    for (const connection of this.connections.values()) {
      if (!connection.channels.has(channel)) continue;
      heard++;
      connection.onPush({ kind: 'message', channel, message });
    }
    return heard;
  }

  /** FLUSHALL. */
  flush(): void {
    this.keyspace.clear();
    this.dirty.clear();
    this.flushed = this.changed = true;
    this.tracking.flushed();
    if (this.client === null) this.propagate();
  }

  /** Some of the keys that have expired are deleted, as Redis does now and then: clients are told. */
  expireSome(random: { chance(probability: number): boolean }, share = 0.5): void {
    if (!this.keyspace.deletesExpired) return;
    for (const { database, key } of this.keyspace.expired()) {
      if (random.chance(share)) this.keyspace.find(database, key);
    }
    this.propagate();
  }

  /** A key goes for want of memory. */
  evict(database: number, key: string): void {
    this.keyspace.remove(database, key);
    this.propagate();
  }

  /** A replica that gets each write `lagMs` after it was made, and in order. */
  addReplica(lagMs: () => number): Follower {
    const replica = this.newFollower(lagMs);
    this.replicas.push(replica);
    this.followers = [...this.followers, replica];
    return replica;
  }

  /** From now on writes go to disk, each `lagMs` after it was made. */
  appendOnly(lagMs: () => number): void {
    const disk = this.newFollower(lagMs);
    this.followers = [...this.replicas, disk];
    this.disk = disk;
  }

  /**
   * The replica that has come furthest takes over: what has not reached it is lost, and so is every
   * connection. The old master, as a replica of the new one, has its keys.
   */
  failover(): void {
    for (const replica of this.replicas) replica.loseTail();
    const [next, ...others] = [...this.replicas].sort((one, other) => other.offset - one.offset);
    if (next === undefined) throw new Error('there is no replica to take over');
    this.disconnectAll();
    this.keyspace.copy(next.keyspace);
    this.offset = next.offset;
    this.becomeMaster();
    for (const replica of [next, ...others]) replica.resync(this.keyspace, this.offset);
    this.disk?.resync(this.keyspace, this.offset);
  }

  /** The process ends and starts anew, with all its keys, those on disk, or none. */
  restart(keeps: 'all' | 'disk' | 'nothing'): void {
    if (keeps === 'disk' && this.disk === null) throw new Error('there is no append-only file');
    this.disconnectAll();
    this.disk?.loseTail();
    if (keeps === 'nothing') this.keyspace.clear();
    if (keeps === 'disk' && this.disk !== null) this.keyspace.copy(this.disk.keyspace);
    this.becomeMaster();
    for (const replica of this.replicas) replica.resync(this.keyspace, this.offset);
    this.disk?.resync(this.keyspace, this.offset);
  }

  /** It becomes the replica of another master: connections stay, and writes are refused. */
  demote(): void {
    this.role = 'slave';
    this.keyspace.deletesExpired = false;
  }

  /** The end of `demote`, with the keys as they are, under a new replication id. */
  promote(): void {
    this.role = 'master';
    this.keyspace.deletesExpired = true;
    this.replicationId = this.newId('replication');
  }

  disconnectAll(): void {
    const connections = [...this.connections.values()];
    for (const connection of connections) this.forget(connection);
    for (const connection of connections) connection.onClose();
  }

  roleReply(): Reply {
    if (this.role === 'slave') return ['slave', 'master', 6379, 'connected', this.offset];
    return [
      'master',
      this.offset,
      this.replicas.map(({ offset }) => ['replica', '6379', String(offset)]),
    ];
  }

  info(): string {
    return [
      '# Server',
      'redis_version:7.0.15',
      `run_id:${this.runId}`,
      '# Clients',
      `connected_clients:${this.connections.size}`,
      `tracking_clients:${this.tracking.count}`,
      '# Persistence',
      `loading:${this.trouble === 'loading' ? 1 : 0}`,
      `aof_enabled:${this.disk === null ? 0 : 1}`,
      '# Replication',
      `role:${this.role}`,
      `connected_slaves:${this.replicas.length}`,
      `master_replid:${this.replicationId}`,
      `master_repl_offset:${this.offset}`,
      '',
    ].join('\r\n');
  }

  private becomeMaster(): void {
    this.scripts.clear();
    this.runId = this.newId('run');
    this.promote();
  }

  private newId(kind: 'run' | 'replication'): string {
    return `${kind === 'run' ? 'a' : 'b'}${String(++this.servers).padStart(39, '0')}`;
  }

  private newKeyspace(): Keyspace {
    return new Keyspace(
      () => this.clock.nowMs(),
      (database, key, expired) => {
        this.tracking.changed(key, expired ? null : this.client);
        this.changed = true;
        if (this.followers.length > 0) this.dirty.set(`${database} ${key}`, { database, key });
      },
    );
  }

  private newFollower(lagMs: () => number): Follower {
    const keyspace = new Keyspace(
      () => this.clock.nowMs(),
      () => {},
    );
    const follower = new Follower(keyspace, this.options.trueMs, lagMs);
    follower.resync(this.keyspace, this.offset);
    return follower;
  }

  /** What was changed since the last time goes to the followers as one step. */
  private propagate(): boolean {
    if (!this.changed) return false;
    this.changed = false;
    this.offset++;
    const { dirty, followers, flushed } = this;
    this.flushed = false;
    if (followers.length === 0) return true;
    const effects: Effect[] = [];
    for (const { database, key } of dirty.values()) {
      effects.push(this.keyspace.effect(database, key));
    }
    for (const follower of followers) {
      if (flushed) follower.follow(this.offset, 'flush');
      if (effects.length > 0) follower.follow(this.offset, effects);
    }
    dirty.clear();
    return true;
  }
}

function hasArity({ arity }: Command, words: readonly string[]): boolean {
  return arity < 0 ? words.length >= -arity : words.length === arity;
}
