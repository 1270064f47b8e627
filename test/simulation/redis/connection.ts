import { type Entry, SortedSet, type Value } from './keyspace.js';
import type { PlainReply, Reply } from './reply.js';
import { ErrorReply, plain } from './reply.js';
import type { SimulatedRedis } from './simulated-redis.js';

/** What a connection is told unasked. */
export type Push =
  /** Keys that it has read have changed; null: all that it has read. */
  | { readonly kind: 'invalidate'; readonly keys: readonly string[] | null }
  | { readonly kind: 'message'; readonly channel: string; readonly message: string };

/**
 * A client's connection, as far as the server knows it: nothing is on its way here. What is called
 * is carried out at once; pushes come meanwhile. The network is the business of who calls.
 */
export class Connection {
  database = 0;
  /** Told of pushes; those for a change of its own come before `call` returns its reply. */
  onPush: (push: Push) => void = () => {};
  /** Told when the server ends the connection. */
  onClose: () => void = () => {};
  readonly channels = new Set<string>();
  trackingOptions = { noLoop: false, redirect: null as Connection | null };
  /** Offset of its latest write, which WAIT waits for. */
  writtenOffset = 0;
  isOpen = true;

  constructor(
    readonly server: SimulatedRedis,
    readonly id: number,
  ) {}

  /** Carries out one command, its name first. Strings are bytes. */
  call(words: readonly string[]): Reply {
    return this.server.execute(this, words);
  }

  /** As `call`, and as a client library gives replies: an error of Redis is thrown. */
  ask(...words: readonly (string | number)[]): PlainReply {
    const reply = this.call(words.map(String));
    if (reply instanceof ErrorReply) throw new Error(reply.message);
    return plain(reply);
  }

  /** Runs a file of lua/ by its name, or any text; the server learns it if it does not know it. */
  evalScript(script: string, keys: readonly string[], args: readonly (string | number)[]): Reply {
    return this.server.evaluate(this, this.server.textOf(script), keys, args.map(String));
  }

  /** WAIT and WAITAOF, which answer when others have; everything else at once. */
  callLater(words: readonly string[], answered: (reply: Reply) => void): void {
    this.server.executeLater(this, words, answered);
  }

  /** The client goes away. */
  close(): void {
    this.server.forget(this);
  }

  // ---- for commands

  nowMs(): number {
    return this.server.nowMs();
  }

  find(key: string): Entry | undefined {
    return this.server.keyspace.find(this.database, key);
  }

  put(key: string, value: Value, expiresAtMs: number): void {
    this.server.keyspace.put(this.database, key, value, expiresAtMs);
  }

  remove(key: string): boolean {
    return this.server.keyspace.remove(this.database, key);
  }

  keys(): string[] {
    return this.server.keyspace.keys(this.database);
  }

  /** A collection that was changed; one that is empty is no more. */
  store(key: string, value: Exclude<Value, string>, isNew: boolean): void {
    const { keyspace } = this.server;
    if (isNew) return keyspace.put(this.database, key, value, Infinity);
    const items = value instanceof SortedSet ? value.scores : value;
    const size = Array.isArray(items) ? items.length : items.size;
    keyspace.modified(this.database, key, size === 0);
  }

  invalidated(keys: readonly string[] | null): void {
    (this.trackingOptions.redirect ?? this).onPush({ kind: 'invalidate', keys });
  }
}
