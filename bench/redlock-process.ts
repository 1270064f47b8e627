import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';

/**
 * Clients of one application that lock the same resource with npm redlock over all masters, each with
 * connections of its own. Argument: the settings as JSON. IPC: sends `{ port: 0 }` when it is ready;
 * takes `{ runMs }`, and answers with what happened meanwhile.
 */

export interface RedlockSettings {
  readonly version: '4' | '5';
  readonly ports: readonly number[];
  readonly resource: string;
  readonly clients: number;
  readonly ttlMs: number;
  readonly retryDelayMs: number;
  readonly retryJitterMs: number;
  readonly holdMs: number;
  readonly thinkMs: number;
}

/** One attempt at all masters. Times are of the machine's clock, to compare processes. */
export interface Round {
  readonly fromMs: number;
  /** Of a round that got the lock: when it was given back. */
  toMs: number;
  votes: number;
}

export interface RedlockRun {
  readonly rounds: readonly Round[];
  /** From asking for the lock to having it, or to the end of the run. */
  readonly waitsMs: readonly number[];
}

const nowMs = (): number => performance.timeOrigin + performance.now();

/** What redlock calls of a client, with the answers counted in passing. */
class Master {
  readonly #redis: Redis;
  readonly #voter: Voter;
  readonly #number: number;

  constructor(redis: Redis, voter: Voter, number: number) {
    this.#redis = redis;
    this.#voter = voter;
    this.#number = number;
  }

  /** redlock 4: (hash, [keys, …], callback); redlock 5: (hash, keys, [keys and arguments]). */
  evalsha(hash: string, ...rest: readonly unknown[]): unknown {
    return this.#call('evalsha', hash, rest);
  }

  /** redlock 4: ([text, keys, …], callback); redlock 5 as above. */
  eval(...args: readonly unknown[]): unknown {
    const [first, ...rest] = args;
    if (!Array.isArray(first)) return this.#call('eval', String(first), rest);
    const [text, ...words] = first;
    return this.#call('eval', String(text), [words, ...rest]);
  }

  #call(command: 'eval' | 'evalsha', script: string, rest: readonly unknown[]): unknown {
    const callback = rest.at(-1);
    const words = rest
      .filter(each => typeof each !== 'function')
      .flat()
      .map(String);
    // One key, a value and a TTL: to acquire, or to extend, which nobody does here.
    const round = words.length === 4 ? this.#voter.sent(this.#number) : null;
    const reply = this.#redis.call(command, script, ...words).then(
      votes => {
        if (round !== null) this.#voter.answered(round, Number(votes));
        return votes;
      },
      error => {
        if (round !== null) this.#voter.failed(round, this.#number);
        throw error;
      },
    );
    if (typeof callback !== 'function') return reply;
    // What the callback returns is its own affair, as with any callback.
    reply.then(
      votes => void callback(null, votes),
      error => void callback(error),
    );
    return undefined;
  }
}

/** Puts the answers of one client together to rounds. */
class Voter {
  readonly rounds: Round[] = [];
  #current: Round | null = null;
  #asked = new Set<number>();

  sent(master: number): Round {
    if (this.#current === null || this.#asked.has(master)) {
      this.#current = { fromMs: nowMs(), toMs: nowMs(), votes: 0 };
      this.#asked = new Set();
      this.rounds.push(this.#current);
    }
    this.#asked.add(master);
    return this.#current;
  }

  answered(round: Round, votes: number): void {
    round.votes += votes;
    round.toMs = nowMs();
  }

  /** NOSCRIPT: redlock asks again in other words. */
  failed(round: Round, master: number): void {
    if (round === this.#current) this.#asked.delete(master);
  }

  /** The lock that the last round got was given back. */
  gaveBack(): void {
    if (this.#current !== null) this.#current.toMs = nowMs();
  }
}

interface Lock {
  giveBack(): Promise<unknown>;
}

type Take = () => Promise<Lock>;

const require = createRequire(import.meta.url);

function takeWith(
  { version, resource, ttlMs, ...settings }: RedlockSettings,
  masters: Master[],
): Take {
  const options = {
    retryCount: -1,
    retryDelay: settings.retryDelayMs,
    retryJitter: settings.retryJitterMs,
  };
  if (version === '4') {
    const Redlock = require('redlock');
    const redlock = new Redlock(masters, options);
    return async () => {
      const lock = await redlock.lock(resource, ttlMs);
      return { giveBack: () => lock.unlock() };
    };
  }
  const { default: Redlock } = require('redlock5');
  const redlock = new Redlock(masters, options);
  return async () => {
    const lock = await redlock.acquire([resource], ttlMs);
    return { giveBack: () => redlock.release(lock, { retryCount: 0 }) };
  };
}

interface Client {
  readonly voter: Voter;
  readonly take: Take;
  /** An attempt that the end of a run has overtaken: until it has its lock, and has given it back. */
  overtaken: Promise<unknown>;
}

async function openClient(settings: RedlockSettings): Promise<Client> {
  const voter = new Voter();
  const masters = await Promise.all(
    settings.ports.map(async (port, number) => {
      const redis = new Redis({ host: '127.0.0.1', port, lazyConnect: true });
      await redis.connect();
      return new Master(redis, voter, number);
    }),
  );
  return { voter, take: takeWith(settings, masters), overtaken: Promise.resolve() };
}

async function run(
  clients: readonly Client[],
  { holdMs, thinkMs }: RedlockSettings,
  runMs: number,
): Promise<RedlockRun> {
  const endsAtMs = performance.now() + runMs;
  const waitsMs: number[] = [];
  for (const { voter } of clients) voter.rounds.length = 0;
  await Promise.all(
    clients.map(async client => {
      const { voter, take } = client;
      const over = sleep(runMs).then(() => null);
      await Promise.race([client.overtaken, over]);
      while (performance.now() < endsAtMs) {
        const askedAtMs = performance.now();
        const asking = take();
        const lock = await Promise.race([asking, over]);
        // Whoever still waits in the end has waited for so long at least.
        waitsMs.push(performance.now() - askedAtMs);
        if (lock === null) {
          client.overtaken = asking.then(late => late.giveBack()).catch(() => {});
          return;
        }
        await sleep(holdMs);
        // A lock that ran out meanwhile is none to give back.
        await lock.giveBack().catch(() => {});
        voter.gaveBack();
        await sleep(thinkMs * (0.5 + Math.random()));
      }
    }),
  );
  return { rounds: clients.flatMap(({ voter }) => voter.rounds), waitsMs };
}

if (process.send !== undefined) {
  const settings = JSON.parse(process.argv[2] ?? '{}') as RedlockSettings;
  const clients: Client[] = [];
  for (let opened = 0; opened < settings.clients; opened++)
    clients.push(await openClient(settings));
  process.on('message', message => {
    if (!(message instanceof Object) || !('runMs' in message)) return;
    void run(clients, settings, Number(message.runMs)).then(result => process.send?.(result));
  });
  process.once('disconnect', () => process.exit());
  process.send({ port: 0 });
}
