import { Command, Redis } from 'ioredis';
import { naming } from '../identity.js';
import type { ControlOptions } from './options.js';

/** What came of one command on a control connection. */
export type ControlAnswer =
  /** Strings are binary (latin1) strings; arrays nest. */
  | { readonly kind: 'reply'; readonly value: unknown }
  /** Redis's error text, its code first. */
  | { readonly kind: 'error'; readonly error: string }
  /** Sent, and the connection was lost before the answer. */
  | { readonly kind: 'lost' }
  /** Never sent: there is no connection now. */
  | { readonly kind: 'unsent' };

export interface ControlConnectionEvents {
  /** Authenticated, and in its database. */
  ready(): void;
  /** It was ready, and is no more. */
  lost(reason: string): void;
  /** It can't be made ready: unreachable, or Redis says no. Told again only when the reason changes. */
  failing(reason: string, refused: boolean): void;
  /** Redis answered something. */
  heard(): void;
  /** A message on a channel that this connection has subscribed to. Strings are binary strings. */
  pushed?(channel: string, message: unknown): void;
}

/**
 * One connection of Forelock's own to Redis, in one database for good: AUTH and SELECT are sent and
 * their answers seen before anything else, so no command can run as another user or in another
 * database. Lost, it is opened anew; nothing is queued for it, sent again or taken over, for a
 * command of ours must run once or not at all (invariant 11 of docs/protocol.md).
 */
export class ControlConnection {
  readonly database: number;
  readonly #options: ControlOptions;
  readonly #events: ControlConnectionEvents;
  #redis: Redis | null = null;
  #ready = false;
  #readyAtMs = 0;
  #closed = false;
  #retryMs: number;
  #retry: NodeJS.Timeout | null = null;
  #lastError = 'closed by Redis';
  #lastFailure: string | null = null;
  #unanswered = 0;
  /** When the last answer came while others were awaited, or the first of these was asked for. */
  #waitingSinceMs = 0;

  constructor(options: ControlOptions, database: number, events: ControlConnectionEvents) {
    this.#options = options;
    this.#retryMs = options.controlRetryMinMs;
    this.database = database;
    this.#events = events;
    this.#open();
  }

  get isReady(): boolean {
    return this.#ready;
  }

  /** Calls back exactly once, and never before it returns. */
  send(words: readonly string[], answered: (answer: ControlAnswer) => void): void {
    const redis = this.#redis;
    if (!this.#ready || redis === null) queueMicrotask(() => answered({ kind: 'unsent' }));
    else this.#sendOn(redis, words, answered);
  }

  /** Gives the connection up where it has been silent for too long; another one is opened. */
  checkSilence(): void {
    if (this.#unanswered === 0) return;
    const silentMs = performance.now() - this.#waitingSinceMs;
    if (silentMs < this.#options.controlSilenceMaxMs) return;
    this.#lastError = `silent for ${Math.floor(silentMs)} ms`;
    this.#redis?.disconnect();
  }

  close(): void {
    this.#closed = true;
    this.#ready = false;
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#redis?.disconnect();
  }

  #open(): void {
    this.#retry = null;
    const { endpoint, upstreamConnectTimeoutMs, keepAliveMs } = this.#options;
    const redis = new Redis({
      ...(endpoint.kind === 'unix'
        ? { path: endpoint.path }
        : { host: endpoint.host, port: endpoint.port }),
      connectTimeout: upstreamConnectTimeoutMs,
      keepAlive: keepAliveMs,
      lazyConnect: true,
      // A lost connection is lost: a new client is made for the next one.
      retryStrategy: () => null,
      autoResendUnfulfilledCommands: false,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      // AUTH and SELECT are sent, and their answers looked at, by `#greet` alone.
      enableReadyCheck: false,
      disableClientInfo: true,
      disconnectTimeout: this.#options.controlDisconnectMs,
    });
    this.#redis = redis;
    redis.on('error', (error: Error) => {
      this.#lastError = error.message;
    });
    redis.on('messageBuffer', (channel: Buffer, message: unknown) => {
      if (this.#redis === redis) this.#events.pushed?.(channel.toString('latin1'), binary(message));
    });
    redis.once('ready', () => this.#greet(redis, this.#greeting()));
    redis.once('end', () => this.#ended(redis));
    // Whatever is wrong is told by 'error' and 'end'.
    redis.connect().catch(() => undefined);
  }

  #greeting(): string[][] {
    const { credentials } = this.#options;
    const auth = credentials === null ? [] : [['AUTH', credentials.user, credentials.password]];
    return [...auth, ['SELECT', String(this.database)]];
  }

  #greet(redis: Redis, greeting: readonly string[][]): void {
    const [command, ...rest] = greeting;
    if (command === undefined) {
      this.#ready = true;
      this.#readyAtMs = performance.now();
      this.#retryMs = this.#options.controlRetryMinMs;
      this.#lastFailure = null;
      this.#lastError = 'closed by Redis';
      this.#sendOn(redis, NAMED, () => undefined);
      this.#events.ready();
      return;
    }
    this.#sendOn(redis, command, answer => {
      if (this.#redis !== redis || this.#closed) return;
      if (answer.kind === 'reply') return this.#greet(redis, rest);
      if (answer.kind !== 'error') return;
      this.#lastError = `${command[0]} refused: ${answer.error}`;
      this.#fail(this.#lastError, true);
      redis.disconnect();
    });
  }

  #sendOn(redis: Redis, words: readonly string[], answered: (answer: ControlAnswer) => void): void {
    const [name = '', ...args] = words;
    const command = new Command(
      name,
      args.map(word => Buffer.from(word, 'latin1')),
      // Bytes stay bytes: ioredis would read them as UTF-8.
      { replyEncoding: null },
    );
    if (this.#unanswered === 0) this.#waitingSinceMs = performance.now();
    this.#unanswered++;
    command.promise.then(
      (value: unknown) => {
        this.#heard();
        answered({ kind: 'reply', value: binary(value) });
      },
      (error: unknown) => {
        const answer = failure(error);
        if (answer.kind === 'error') this.#heard();
        else this.#unanswered--;
        answered(answer);
      },
    );
    redis.sendCommand(command);
  }

  #heard(): void {
    this.#unanswered--;
    this.#waitingSinceMs = performance.now();
    this.#events.heard();
  }

  #ended(redis: Redis): void {
    if (this.#redis !== redis) return;
    this.#redis = null;
    if (this.#closed) return;
    if (this.#ready) {
      this.#ready = false;
      this.#events.lost(this.#lastError);
      // Redis may well be there, and all locks wait for this. One that ends at once is no such case.
      const stoodMs = performance.now() - this.#readyAtMs;
      if (stoodMs > this.#options.controlRetryMinMs && !this.#closed) return this.#open();
    } else {
      this.#fail(this.#lastError, false);
    }
    this.#retry = setTimeout(() => this.#open(), this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, this.#options.controlRetryMaxMs);
  }

  #fail(reason: string, refused: boolean): void {
    if (reason === this.#lastFailure) return;
    this.#lastFailure = reason;
    this.#events.failing(reason, refused);
  }
}

const NAMED = naming(2, 'forelock:control');

/** ioredis's own words for a command that it did not write, since there was nothing to write to. */
const NOT_WRITTEN = "Stream isn't writeable";

function failure(error: unknown): ControlAnswer {
  if (!(error instanceof Error)) return { kind: 'lost' };
  if (error.name === 'ReplyError') return { kind: 'error', error: error.message };
  return { kind: error.message.startsWith(NOT_WRITTEN) ? 'unsent' : 'lost' };
}

function binary(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return value.toString('latin1');
  return Array.isArray(value) ? value.map(binary) : value;
}
