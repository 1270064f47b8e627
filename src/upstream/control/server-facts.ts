import type { ControlAnswer, ControlConnection } from './control-connection.js';
import { infoFields } from './info.js';

export interface ServerFactsEvents {
  /** The reply to COMMAND as nested arrays; null where Redis doesn't let Forelock ask. */
  commands(reply: unknown): void;
  /** The settings are read anew. */
  refreshing(): void;
}

/**
 * Settings and clients of Redis under which nothing is delegated by default, since somebody could
 * see a lock that nobody holds, or Redis could drop one (docs/protocol.md, mixed fleets).
 */
export class ServerFacts {
  readonly #connection: ControlConnection;
  readonly #events: ServerFactsEvents;
  readonly #timer: NodeJS.Timeout;
  #evictionBar: string | null = NOT_TOLD;
  #keyspaceEventsBar: string | null = NOT_TOLD;
  #trackingBar: string | null = NOT_TOLD;
  /** The longest argument that Redis takes; its default while it has not told. */
  bulkMaxBytes = BULK_MAX_BYTES;
  #asking = 0;

  constructor(connection: ControlConnection, refreshMs: number, events: ServerFactsEvents) {
    this.#connection = connection;
    this.#events = events;
    this.#timer = setInterval(() => this.#refresh(), refreshMs);
  }

  get bar(): string | null {
    return this.#evictionBar ?? this.#keyspaceEventsBar ?? this.#trackingBar;
  }

  connected(): void {
    this.#asking = 0;
    // What held before holds no more until it is told again.
    this.#evictionBar = this.#keyspaceEventsBar = this.#trackingBar = NOT_TOLD;
    this.#connection.send(['COMMAND'], answer => {
      if (answer.kind === 'reply') this.#events.commands(answer.value);
      if (answer.kind === 'error') this.#events.commands(null);
    });
    this.#refresh();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #refresh(): void {
    if (!this.#connection.isReady || this.#asking > 0) return;
    this.#events.refreshing();
    this.#ask(['CONFIG', 'GET', 'maxmemory-policy'], answer => {
      this.#evictionBar = settingBar(answer, policy =>
        policy === 'noeviction' ? null : `maxmemory-policy ${policy} may evict locks`,
      );
    });
    this.#ask(['CONFIG', 'GET', 'notify-keyspace-events'], answer => {
      this.#keyspaceEventsBar = settingBar(answer, flags =>
        flags === '' ? null : `notify-keyspace-events is set (${flags})`,
      );
    });
    this.#ask(['CONFIG', 'GET', 'proto-max-bulk-len'], answer => {
      const bytes = Number(settingOf(answer) ?? Number.NaN);
      this.bulkMaxBytes = Number.isFinite(bytes) ? bytes : BULK_MAX_BYTES;
    });
    this.#ask(['INFO', 'clients'], answer => this.#trackingTold(answer));
  }

  #ask(words: readonly string[], told: (answer: ControlAnswer) => void): void {
    this.#asking++;
    this.#connection.send(words, answer => {
      this.#asking = Math.max(0, this.#asking - 1);
      if (answer.kind === 'reply' || answer.kind === 'error') told(answer);
    });
  }

  /** Only where clients track at all is the list of clients asked for, which may be long. */
  #trackingTold(answer: ControlAnswer): void {
    if (answer.kind !== 'reply') {
      this.#trackingBar = "Forelock's own user may not read INFO";
      return;
    }
    if (Number(infoFields(answer.value).get('tracking_clients') ?? 0) === 0) {
      this.#trackingBar = null;
      return;
    }
    this.#ask(['CLIENT', 'LIST'], list => {
      this.#trackingBar =
        list.kind === 'reply'
          ? broadcastBar(String(list.value))
          : "clients track keys, and Forelock's own user may not see how (CLIENT LIST)";
    });
  }
}

const NOT_TOLD = 'Redis has not told its settings yet';
const BULK_MAX_BYTES = 512 * 1024 * 1024;

function settingBar(answer: ControlAnswer, barOf: (value: string) => string | null): string | null {
  const value = settingOf(answer);
  if (value !== null) return barOf(value);
  return answer.kind === 'reply' && Array.isArray(answer.value)
    ? 'Redis does not tell its settings (CONFIG GET)'
    : "Forelock's own user may not read the settings of Redis (CONFIG GET)";
}

function settingOf(answer: ControlAnswer): string | null {
  if (answer.kind !== 'reply' || !Array.isArray(answer.value)) return null;
  const value: unknown = answer.value[1];
  return typeof value === 'string' ? value : null;
}

/** A client that tracks by BCAST is told of every change of a key, our tokens included. */
function broadcastBar(clients: string): string | null {
  const tracks = clients.split('\n').some(line => / flags=[A-Za-z]*B/.test(line));
  return tracks ? 'a client tracks keys with BCAST' : null;
}
