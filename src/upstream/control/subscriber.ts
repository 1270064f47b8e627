import { type ControlAnswer, ControlConnection } from './control-connection.js';
import type { ControlOptions } from './options.js';

export interface SubscriberEvents {
  /** It hears all channels from now on; Redis knows the connection by that number. */
  hearing(clientId: number): void;
  /** It heard, and does no more: what was published since may be lost. */
  deaf(reason: string): void;
  /** It can't be made to hear: unreachable, or Redis says no. Told again only when the reason changes. */
  failing(reason: string, refused: boolean): void;
  /** Redis answered something. */
  heard(): void;
  /** A binary string. */
  message(channel: string, message: string): void;
  /** Keys of which a connection that redirects to this one has read have changed; null: all may have. */
  invalidated(keys: readonly string[] | null): void;
}

/**
 * The one connection on which Redis tells Forelock something unasked. Opened anew when it is lost,
 * like all of Forelock's own; what was published in between is lost, and its owner told so.
 */
export class Subscriber {
  readonly #connection: ControlConnection;
  readonly #channels: readonly string[];
  readonly #events: SubscriberEvents;
  readonly #heartbeat: NodeJS.Timeout;
  #hears = false;
  #pinged = false;

  constructor(options: ControlOptions, channels: readonly string[], events: SubscriberEvents) {
    this.#channels = channels;
    this.#events = events;
    this.#connection = new ControlConnection(options, 0, {
      ready: () => this.#subscribe(),
      lost: reason => this.#lost(reason),
      failing: (reason, refused) => events.failing(reason, refused),
      heard: () => events.heard(),
      pushed: (channel, message) => {
        if (channel === INVALIDATED) events.invalidated(Array.isArray(message) ? message : null);
        else if (typeof message === 'string') events.message(channel, message);
      },
    });
    // A connection that nothing is asked on may be gone unseen.
    this.#heartbeat = setInterval(() => this.#ping(), options.heartbeatMs);
  }

  get hears(): boolean {
    return this.#hears;
  }

  checkSilence(): void {
    this.#connection.checkSilence();
  }

  close(): void {
    clearInterval(this.#heartbeat);
    this.#connection.close();
  }

  #subscribe(): void {
    this.#pinged = false;
    let clientId = 0;
    this.#connection.send(['CLIENT', 'ID'], answer => {
      if (answer.kind === 'reply' && typeof answer.value === 'number') clientId = answer.value;
    });
    // ioredis knows this command, which changes what it makes of replies, by its name in small letters.
    this.#connection.send(['subscribe', INVALIDATED, ...this.#channels], answer =>
      this.#subscribed(clientId, answer),
    );
  }

  #subscribed(clientId: number, answer: ControlAnswer): void {
    if (answer.kind === 'reply') {
      this.#hears = true;
      this.#events.hearing(clientId);
    } else if (answer.kind === 'error') {
      this.#events.failing(`SUBSCRIBE refused: ${answer.error}`, true);
    }
  }

  #lost(reason: string): void {
    const heard = this.#hears;
    this.#hears = false;
    if (heard) this.#events.deaf(reason);
  }

  #ping(): void {
    if (this.#pinged || !this.#hears) return;
    this.#pinged = true;
    this.#connection.send(['ping'], () => {
      this.#pinged = false;
    });
  }
}

/** Where Redis tells RESP2 connections of keys that have changed. */
const INVALIDATED = '__redis__:invalidate';
