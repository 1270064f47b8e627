import { encodeCommand } from '../resp/encode.js';
import { type Channel, connectionNumber, naming } from './identity.js';
import type { UpstreamOptions } from './options.js';
import { Pipe } from './pipe.js';
import type { PipeClient, ReplyReader } from './pipe-client.js';

/**
 * Asks Redis what it answers to a command of connection state (AUTH, HELLO, SELECT, CLIENT SETNAME
 * …) without giving the client a connection: on one connection kept for this, the client's state is
 * replayed, its command is sent as it came, and RESET makes the connection as new for the next.
 */
export class Greeter implements PipeClient {
  readonly #options: UpstreamOptions;
  #pipe: Pipe | null = null;
  /** A Redis older than 6.2 knows no RESET: each question then takes a connection of its own. */
  #knowsReset = true;
  /** Redis lets a connection have a name that has not logged in. */
  #mayHaveName = true;

  constructor(options: UpstreamOptions) {
    this.#options = options;
  }

  /** Redis's number of the connection that is kept; 0 while it is not known. */
  get upstreamId(): number {
    return this.#pipe?.upstreamId ?? 0;
  }

  /**
   * The reply's bytes, Redis's own; null when the upstream was lost meanwhile.
   * @param state commands that replay the client's state; their replies are not looked at
   */
  ask(state: readonly (readonly string[])[], command: Buffer, answered: ReplyReader): void {
    const pipe = this.#connection();
    // A Redis that takes no more clients says so to the first command, and closes.
    let refusal: Buffer | null = null;
    if (this.#mayHaveName) {
      this.#put(pipe, UNNAMED, reply => {
        if (reply?.[0] === MINUS) refusal = reply;
      });
    }
    for (const words of state) this.#put(pipe, encodeCommand(words), () => undefined);
    this.#put(pipe, command, reply => answered(reply ?? refusal));
    if (pipe.upstreamId === 0) this.#put(pipe, ID, reply => this.#numbered(pipe, reply));
    this.#put(pipe, RESET, reply => {
      if (reply === null || reply[0] === PLUS) return;
      this.#knowsReset = false;
      if (this.#pipe === pipe) this.#pipe = null;
      pipe.close('asked');
    });
    if (!this.#knowsReset) this.#pipe = null;
    else if (this.#mayHaveName) this.#put(pipe, NAMED, reply => this.#named(reply));
  }

  /** Behind the client's question Redis tells it to whoever the client has logged in as. */
  #numbered(pipe: Pipe, reply: Buffer | null): void {
    if (reply !== null) pipe.upstreamId = connectionNumber(reply, 0, reply.length);
  }

  #named(reply: Buffer | null): void {
    if (reply?.[0] === MINUS) this.#mayHaveName = false;
  }

  /**
   * One command that does something, to others or to the server: it is sent once Redis has accepted
   * the login, which may have been taken back since, on a connection that ends with its answer.
   */
  askLoggedIn(channel: Channel, command: Buffer, answered: ReplyReader): void {
    const use = { channel, replay: [naming(channel.protocol, NAME)], owner: null };
    const pipe = new Pipe(this.#options, use, () => undefined);
    this.#put(pipe, command, reply => {
      answered(reply);
      pipe.close('asked');
    });
  }

  oldestUnansweredAtMs(): number {
    return this.#pipe?.oldestUnansweredAtMs() ?? Number.POSITIVE_INFINITY;
  }

  close(): void {
    this.#pipe?.close('Forelock stops');
  }

  deliver(): number {
    return 0;
  }

  upstreamLost(): void {
    // Each question hears of it through its own reader.
  }

  pipeDrained(): void {
    // Questions are few and small: they wait in the pipe.
  }

  #connection(): Pipe {
    if (this.#pipe !== null && !this.#pipe.closed) return this.#pipe;
    const channel = { identity: NOBODY, database: 0, selectedBy: null, protocol: 2 } as const;
    const pipe = new Pipe(this.#options, { channel, replay: [], owner: null }, closed => {
      if (this.#pipe === closed) this.#pipe = null;
    });
    this.#pipe = pipe;
    return pipe;
  }

  #put(pipe: Pipe, bytes: Buffer, answered: ReplyReader): void {
    pipe.ask(this, bytes, 0, bytes.length, answered);
  }
}

const PLUS = 0x2b;
const MINUS = 0x2d;
/** So that CLIENT LIST on Redis tells what these connections are. */
const NAME = 'forelock:greeter';
const NAMED = encodeCommand(naming(2, NAME));
const UNNAMED = encodeCommand(naming(2, ''));
const ID = encodeCommand(['HELLO']);
const RESET = encodeCommand(['RESET']);
const NOBODY = { user: '', credentials: null };
