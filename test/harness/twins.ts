import { Forelock } from './forelock.js';
import type { Lifetime } from './lifetime.js';
import { type RedisOptions, RedisServer } from './redis-server.js';
import { RespClient } from './resp-client.js';
import { shapeOf } from './resp-frame.js';

/** What a pair of clients needs of a test to compare. tap's `t` is one. */
export interface Comparing extends Lifetime {
  equal(found: unknown, wanted: unknown, message: string): boolean;
}

export interface TwinOptions {
  readonly redis?: RedisOptions;
  readonly forelockArgs?: readonly string[];
}

/**
 * Two redis-servers in equal state, one asked directly, the other through Forelock. What the first
 * answers is by definition right.
 */
export class Twins {
  readonly direct: RedisServer;
  readonly behind: RedisServer;
  readonly forelock: Forelock;

  private constructor(direct: RedisServer, behind: RedisServer, forelock: Forelock) {
    this.direct = direct;
    this.behind = behind;
    this.forelock = forelock;
  }

  static async start(t: Lifetime, options: TwinOptions = {}): Promise<Twins> {
    const [direct, behind] = await Promise.all([
      RedisServer.start(t, options.redis),
      RedisServer.start(t, options.redis),
    ]);
    const forelock = await Forelock.start(t, {
      upstream: behind.url,
      args: options.forelockArgs ?? [],
    });
    return new Twins(direct, behind, forelock);
  }

  /** One client on each side, after the same opening commands: `['HELLO', '3']`. */
  async pair(t: Lifetime, ...hello: string[][]): Promise<Pair> {
    const [direct, proxied] = await Promise.all([
      RespClient.connect(t, this.direct.port, ...hello),
      RespClient.connect(t, this.forelock.port, ...hello),
    ]);
    return new Pair(direct, proxied);
  }

  /** Empties both, through Forelock: what is flushed behind its back takes delegated locks away. */
  async flush(): Promise<void> {
    const ends: (() => unknown)[] = [];
    const pair = await this.pair({ teardown: end => ends.push(end) });
    await pair.call('FLUSHALL');
    for (const end of ends) end();
  }

  /** The same command on both redis-servers, past Forelock. */
  async onBoth(...args: string[]): Promise<void> {
    await Promise.all(
      [this.direct, this.behind].map(async server => {
        const ends: (() => unknown)[] = [];
        const client = await server.connect({ teardown: end => ends.push(end) });
        await client.call(...args);
        for (const end of ends) end();
      }),
    );
  }
}

/** A client of direct Redis and one of Forelock that do the same. */
export class Pair {
  readonly direct: RespClient;
  readonly proxied: RespClient;

  constructor(direct: RespClient, proxied: RespClient) {
    this.direct = direct;
    this.proxied = proxied;
  }

  send(...args: (string | number)[]): void {
    this.direct.send(...args);
    this.proxied.send(...args);
  }

  write(bytes: string | Buffer): void {
    this.direct.write(bytes);
    this.proxied.write(bytes);
  }

  /** Direct Redis's reply and Forelock's, to the same command. */
  call(...args: (string | number)[]): Promise<[string, string]> {
    return Promise.all([this.direct.call(...args), this.proxied.call(...args)]);
  }

  /** Both answer with the same bytes; returns the reply. */
  async same(t: Comparing, ...args: (string | number)[]): Promise<string> {
    const [wanted, found] = await this.call(...args);
    t.equal(found, wanted, `${describe(args)} is answered as Redis answers it`);
    return wanted;
  }

  /** Both answer in the same shape (types and lengths), where content cannot be equal. */
  async sameShape(t: Comparing, ...args: (string | number)[]): Promise<[string, string]> {
    const [wanted, found] = await this.call(...args);
    t.equal(shapeOf(found), shapeOf(wanted), `${describe(args)} is answered in Redis's shape`);
    return [wanted, found];
  }

  /** The next reply, to something sent before, is the same. */
  async sameReply(t: Comparing, what: string): Promise<string> {
    const [wanted, found] = await Promise.all([this.direct.reply(), this.proxied.reply()]);
    t.equal(found, wanted, what);
    return wanted;
  }

  async samePush(t: Comparing, what: string): Promise<string> {
    const [wanted, found] = await Promise.all([this.direct.push(), this.proxied.push()]);
    t.equal(found, wanted, what);
    return wanted;
  }

  /** Both connections are ended by the server, after the same bytes. */
  async sameEnd(t: Comparing, what: string): Promise<string> {
    const [wanted, found] = await Promise.all([this.direct.untilEnd(), this.proxied.untilEnd()]);
    t.equal(found, wanted, `${what}: the connection ends after the same bytes`);
    return wanted;
  }

  destroy(): void {
    this.direct.destroy();
    this.proxied.destroy();
  }
}

/** A command for a test's message, cut short. */
export function describe(args: readonly (string | number)[]): string {
  const text = args.map(arg => JSON.stringify(String(arg)).slice(1, -1)).join(' ');
  return text.length > 90 ? `${text.slice(0, 87)}...` : text;
}
