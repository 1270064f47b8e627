import type { Confirmation, ScriptAnswer, ScriptCall } from '../../locks/contract.js';
import { endpointName } from '../endpoint.js';
import { Confirmer } from './confirmer.js';
import { ControlConnection } from './control-connection.js';
import { Heartbeat } from './heartbeat.js';
import type { ControlLog, ControlOptions } from './options.js';
import { Permissions } from './permissions.js';
import { readScriptFiles } from './script-files.js';
import { ScriptRunner } from './script-runner.js';
import { ServerFacts } from './server-facts.js';
import { Subscriber } from './subscriber.js';
import { Watches } from './watches.js';

export interface ControlEvents {
  /**
   * The reply to COMMAND as nested arrays of binary strings and numbers, after every connect; null
   * where Redis doesn't let Forelock ask.
   */
  commands(reply: unknown): void;
  /** A connection of Forelock's own is lost: no further grant from memory (invariant 6). */
  lost(reason: string): void;
  /** All connections are there again. Told for the first connect too. */
  back(): void;
  /** The connections stand, but Redis is not what it was: a failover, a restart. */
  doubt(reason: string): void;
  /** Somebody has published that on one of our channels. A binary string. */
  message(message: string): void;
  /** Keys that are watched may have changed, in whatever database; null: all may have. */
  changed(keys: readonly string[] | null): void;
}

/** What Forelock itself asks of Redis: scripts, heartbeats, settings, permissions. */
export class Control {
  readonly permissions: Permissions;
  readonly #options: ControlOptions;
  readonly #events: ControlEvents;
  readonly #log: ControlLog;
  readonly #files = readScriptFiles();
  readonly #main: ControlConnection;
  readonly #runners = new Map<number, ScriptRunner>();
  readonly #connections = new Map<number, ControlConnection>();
  /** Connections that were lost and are not back. */
  readonly #missing = new Set<number>();
  readonly #confirmer: Confirmer | null = null;
  readonly #heartbeat: Heartbeat;
  readonly #facts: ServerFacts;
  readonly #subscriber: Subscriber;
  readonly #watches = new Watches();
  readonly #silenceCheck: NodeJS.Timeout;
  #lastHeardAtMs = Number.NEGATIVE_INFINITY;
  #closed = false;

  /** @param channels of Redis on which Forelock is told something */
  constructor(
    options: ControlOptions,
    channels: readonly string[],
    events: ControlEvents,
    log: ControlLog,
  ) {
    this.#options = options;
    this.#events = events;
    this.#log = log;
    // Until the first connect the main connection counts as missing.
    this.#missing.add(MAIN_DATABASE);
    this.#main = this.#connect(MAIN_DATABASE);
    this.permissions = new Permissions(this.#main, options);
    this.#heartbeat = new Heartbeat(this.#main, options.heartbeatMs, reason => this.#doubt(reason));
    this.#facts = new ServerFacts(this.#main, options.redisFactsMs, {
      commands: reply => events.commands(reply),
      refreshing: () => {
        if (this.permissions.unavailable !== null) this.permissions.probe();
        if (this.#confirmer?.bar() != null) this.#confirmer.probe();
      },
    });
    if (options.confirm !== null) {
      // Without it no lease counts: it is missing until it is there.
      this.#missing.add(CONFIRMING);
      const connection = this.#open(CONFIRMING, MAIN_DATABASE);
      this.#confirmer = new Confirmer(options.confirm, connection, log);
    }
    this.#missing.add(SUBSCRIBER);
    this.#subscriber = new Subscriber(options, channels, {
      hearing: clientId => {
        this.#watches.telling(clientId, this.#connections.values());
        this.#found(SUBSCRIBER);
      },
      deaf: reason => {
        this.#watches.telling(0, []);
        this.#lost(SUBSCRIBER, reason);
      },
      failing: (reason, refused) => {
        // Where nothing can be connected, that is said of the others.
        if (!refused) return;
        this.#log.warn({ reason, ...this.#about(SUBSCRIBER) }, 'Redis can tell Forelock nothing');
        // One Forelock alone can do without.
        this.#found(SUBSCRIBER);
      },
      heard: () => {
        this.#lastHeardAtMs = performance.now();
      },
      message: (_channel, message) => events.message(message),
      invalidated: keys => events.changed(keys),
    });
    this.#silenceCheck = setInterval(() => {
      for (const connection of this.#connections.values()) connection.checkSilence();
      this.#subscriber.checkSilence();
    }, options.controlSilenceMaxMs / SILENCE_CHECKS);
  }

  /** Runs one script, exactly once or not at all. `answered` is never called before this returns. */
  run(call: ScriptCall, answered: (answer: ScriptAnswer) => void): void {
    if (this.#closed) {
      queueMicrotask(() => answered({ kind: 'refused', error: 'Forelock stops' }));
      return;
    }
    if (!this.#connections.has(call.database)) this.#connect(call.database);
    const runner = this.#runners.get(call.database);
    if (runner === undefined) throw new Error(`no runner for database ${call.database}`);
    runner.run(call, answered);
  }

  /** Whether what is published on our channels reaches us. */
  hearsNotices(): boolean {
    return this.#subscriber.hears;
  }

  /** Whether Redis tells us when another hand changes a key that is watched. */
  hearsChanges(): boolean {
    return this.#watches.heard;
  }

  /** Looks at a key, whose next change is told; `seen` is never called before this returns. */
  watch(database: number, key: string, seen: (value: string | null) => void): void {
    const connection = this.#connections.get(database);
    if (connection !== undefined) this.#watches.watch(connection, key, seen);
  }

  /** One command that concerns no lock; null where it has no reply. Strings are binary strings. */
  ask(words: readonly string[], answered: (reply: unknown) => void): void {
    this.#main.send(words, answer => answered(answer.kind === 'reply' ? answer.value : null));
  }

  /** Monotonic time of Redis's last answer; -Infinity while a connection is missing. */
  lastHeardAtMs(): number {
    return this.#missing.size > 0 ? Number.NEGATIVE_INFINITY : this.#lastHeardAtMs;
  }

  /** Why nothing may be delegated by default now; null: it may. */
  delegationBar(): string | null {
    if (this.#missing.size > 0) return 'Redis is not connected';
    const denied = this.permissions.unavailable;
    if (denied !== null) return `Redis can't be asked for permissions (ACL DRYRUN): ${denied}`;
    for (const runner of this.#runners.values()) if (runner.refusal !== null) return runner.refusal;
    return this.#heartbeat.bar ?? this.#facts.bar;
  }

  /** The longest argument that Redis takes of a client (proto-max-bulk-len). */
  get bulkMaxBytes(): number {
    return this.#facts.bulkMaxBytes;
  }

  /** Undefined: leases need not be confirmed. */
  get confirmation(): Confirmation | undefined {
    return this.#confirmer ?? undefined;
  }

  /** What Redis lacks for confirming leases, once it is connected; null: nothing. */
  async lacks(): Promise<string | null> {
    return this.#confirmer?.lacks ?? null;
  }

  get isConnected(): boolean {
    return this.#missing.size === 0;
  }

  /** Null while Redis has not told. */
  get redisVersion(): string | null {
    return this.isConnected ? this.#heartbeat.redisVersion : null;
  }

  /** `master`, or what else INFO says; null while Redis has not told. */
  get role(): string | null {
    return this.isConnected ? this.#heartbeat.role : null;
  }

  /** Ends all connections and timers. Scripts on their way get their fate as unknown. */
  close(): void {
    this.#closed = true;
    this.#heartbeat.close();
    this.#facts.close();
    clearInterval(this.#silenceCheck);
    for (const runner of this.#runners.values()) runner.close();
    for (const connection of this.#connections.values()) connection.close();
    this.#subscriber.close();
  }

  #open(id: number, database: number): ControlConnection {
    const connection = new ControlConnection(this.#options, database, {
      ready: () => this.#ready(id),
      lost: reason => this.#lost(id, reason),
      failing: (reason, refused) => this.#failing(id, reason, refused),
      heard: () => {
        this.#lastHeardAtMs = performance.now();
      },
    });
    this.#connections.set(id, connection);
    return connection;
  }

  #connect(database: number): ControlConnection {
    const connection = this.#open(database, database);
    this.#runners.set(
      database,
      new ScriptRunner(connection, this.#files, this.#options.scriptConnectWaitMs),
    );
    return connection;
  }

  #ready(database: number): void {
    this.#runners.get(database)?.connected();
    if (database === MAIN_DATABASE) {
      this.permissions.connected();
      this.#heartbeat.connected();
      this.#facts.connected();
    }
    if (database === CONFIRMING) this.#confirmer?.connected();
    const connection = this.#connections.get(database);
    if (connection !== undefined && this.#runners.has(database)) this.#watches.track(connection);
    this.#found(database);
  }

  #found(connection: number): void {
    if (!this.#missing.delete(connection) || this.#missing.size > 0) return;
    this.#log.info({ upstream: endpointName(this.#options.endpoint) }, 'Redis is connected');
    this.#events.back();
  }

  #lost(database: number, reason: string): void {
    const wasConnected = this.isConnected;
    this.#missing.add(database);
    const connection = this.#connections.get(database);
    if (connection !== undefined) this.#watches.lost(connection);
    if (!wasConnected) return;
    this.#log.warn({ reason, ...this.#about(database) }, 'a connection to Redis was lost');
    this.#events.lost(reason);
  }

  #failing(database: number, reason: string, refused: boolean): void {
    this.#log.warn({ reason, ...this.#about(database) }, 'Redis can not be connected');
    if (refused) this.#runners.get(database)?.refused();
    // A database that Redis has no more (SELECT refused) must not hold up the others.
    if (!refused || database === MAIN_DATABASE) return;
    this.#found(database);
  }

  #about(connection: number): object {
    const upstream = endpointName(this.#options.endpoint);
    if (connection === SUBSCRIBER) return { upstream, for: 'SUBSCRIBE' };
    if (connection === CONFIRMING) return { upstream, for: 'WAIT' };
    return { upstream, database: connection };
  }

  #doubt(reason: string): void {
    this.#log.warn({ reason }, 'delegations are in doubt');
    this.#events.doubt(reason);
  }
}

/** Of heartbeats, settings and permissions, which concern no database. */
const MAIN_DATABASE = 0;
/** In place of a database: the connection that leases are confirmed on, and the one that is told. */
const CONFIRMING = -1;
const SUBSCRIBER = -2;
/** How often connections are looked at for silence while the longest one lasts. */
const SILENCE_CHECKS = 20;
