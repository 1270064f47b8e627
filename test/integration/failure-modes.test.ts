import t from 'tap';
import { isDelegated, isToken, rawValue } from '../harness/delegation.js';
import { Forelock } from '../harness/forelock.js';
import { eventually, Hopeless, type Lifetime, sleep } from '../harness/lifetime.js';
import { acquire, release } from '../harness/lock-scripts.js';
import { RedisServer } from '../harness/redis-server.js';
import { Relay } from '../harness/relay.js';
import type { RespClient } from '../harness/resp-client.js';
import { decode } from '../harness/resp-frame.js';

/**
 * What goes wrong with a Redis while somebody has a lock that only Forelock's memory knows of: the
 * lock stays the holder's as far as Redis keeps it, and nobody else gets it. docs/failure-modes.md
 * tells of each what clients and operators see of it.
 */

const KEY = 'lock:0';
/** A lock that nobody has: who asks for it hears what Redis says. */
const FREE = 'lock:free';
const TTL_MS = 20_000;
const GRANTED = '+OK\r\n';
const HELD = '$-1\r\n';
const ENDED = 'disconnected';

interface Setting {
  /** Arguments of redis-server. */
  readonly redis?: readonly string[];
  /** Arguments of Forelock. */
  readonly forelock?: readonly string[];
}

class Scene {
  private other: RespClient | null = null;

  private constructor(
    private readonly t: Lifetime,
    readonly redis: RedisServer,
    readonly relay: Relay,
    readonly forelock: Forelock,
    /** A client that Forelock knows, and whose rights it knows for some seconds. */
    readonly client: RespClient,
  ) {}

  /** The lock is held ready in memory. */
  static async ready(t: Lifetime, { redis, forelock }: Setting = {}): Promise<Scene> {
    const server = await RedisServer.start(t, { args: redis ?? [] });
    const relay = await Relay.start(t, server.port);
    const args = ['--delegate', 'lock:*', '--window-ms', '60000', '--heartbeat-ms', '50'];
    args.push('--materialize-after-ms', '1000', '--reconnect-wait-ms', '500');
    const started = await Forelock.start(t, {
      upstream: relay.url,
      args: [...args, ...(forelock ?? [])],
    });
    const client = await started.connect(t);
    const scene = new Scene(t, server, relay, started, client);
    const direct = await scene.direct();
    await eventually('the lock is delegated', async () => {
      await client.call(...acquire(KEY, 'first', TTL_MS));
      await client.call(...release(KEY, 'first'));
      return isDelegated(direct, KEY);
    });
    return scene;
  }

  /** And somebody has it: `me`. */
  static async held(t: Lifetime, setting: Setting = {}): Promise<Scene> {
    const scene = await Scene.ready(t, setting);
    const holder = await scene.forelock.connect(t);
    if ((await holder.call(...acquire(KEY, 'me', TTL_MS))) !== GRANTED) throw new Error('not held');
    holder.destroy();
    if (!isToken(await scene.inRedis())) throw new Error('the holder is not in memory alone');
    return scene;
  }

  direct(): Promise<RespClient> {
    return this.redis.connect(this.t);
  }

  async inRedis(): Promise<string | null> {
    const direct = await this.direct();
    const value = await rawValue(direct, KEY);
    direct.destroy();
    return value;
  }

  /** An attempt of somebody else; a client that was disconnected connects again for the next one. */
  async attempt(value = 'you', key = KEY): Promise<string> {
    try {
      if (this.other === null || this.other.isEnded)
        this.other = await this.forelock.connect(this.t);
      return await this.other.call(...acquire(key, value, TTL_MS));
    } catch {
      this.other = null;
      return ENDED;
    }
  }

  /** What attempts of others come to until `over`; a grant is the end of all hopes. */
  async attempts(over: () => Promise<boolean> | boolean): Promise<ReadonlySet<string>> {
    const seen = new Set<string>();
    await eventually(
      'it is over',
      async () => {
        const reply = await this.attempt();
        if (reply === GRANTED) throw new Hopeless('the lock was given to another');
        seen.add(reply);
        return over();
      },
      { withinMs: 8000 },
    );
    return seen;
  }

  /** Until Redis says that to who asks for a lock that is free, while KEY goes to nobody. */
  says(error: string): Promise<ReadonlySet<string>> {
    return this.attempts(async () => (await this.attempt('you', FREE)).startsWith(`-${error} `));
  }

  /** Until the holder is in Redis, and there for all to see. */
  settled(): Promise<ReadonlySet<string>> {
    return this.attempts(async () => (await this.inRedis()) === 'me');
  }

  async release(value = 'me'): Promise<string> {
    const client = await this.forelock.connect(this.t);
    const reply = await client.call(...release(KEY, value));
    client.destroy();
    return reply;
  }

  /** The holder gives its lock back, and the next one gets it. */
  async goesOn(t: {
    equal(found: string, wanted: string, message: string): unknown;
  }): Promise<void> {
    t.equal(await this.release(), ':1\r\n', 'its holder can release it');
    t.equal(await this.attempt(), GRANTED, 'and then another has it');
  }

  /** Why something was doubted, as /metrics counts it. */
  async doubts(): Promise<string> {
    const { body } = await this.forelock.http('/metrics');
    return [...body.matchAll(/^forelock_doubts_total\{reason="([^"]*)"/gm)]
      .map(([, reason]) => reason)
      .join('; ');
  }
}

t.test('a Redis that comes back with its data as another run has the holder written', async t => {
  const scene = await Scene.held(t, { redis: ['--appendonly', 'yes', '--appendfsync', 'always'] });
  await scene.redis.kill();
  await scene.redis.restart();
  await scene.settled();
  t.match(await scene.doubts(), /upstream lost/);
  await scene.goesOn(t);
});

t.test('a changed replication id has the holder written', async t => {
  const scene = await Scene.held(t, { redis: ['--enable-debug-command', 'yes'] });
  const direct = await scene.direct();
  t.equal(await direct.call('DEBUG', 'CHANGE-REPL-ID'), GRANTED);
  t.same([...(await scene.settled())], [HELD]);
  t.match(await scene.doubts(), /the replication id of Redis changed/);
  await scene.goesOn(t);
});

t.test(
  'a master that becomes a replica grants nothing, READONLY, and settles as a master again',
  async t => {
    const scene = await Scene.held(t);
    const direct = await scene.direct();
    await direct.call('REPLICAOF', '127.0.0.1', '1');
    await eventually('it is noticed', async () =>
      /role .* changed to slave/.test(await scene.doubts()),
    );
    await scene.says('READONLY');
    t.ok(isToken(await scene.inRedis()), 'nothing can be written');
    await direct.call('REPLICAOF', 'NO', 'ONE');
    await scene.settled();
    await scene.goesOn(t);
  },
);

t.test('a lost connection has the holder written as soon as there is another', async t => {
  const scene = await Scene.held(t);
  scene.relay.refuse();
  scene.relay.cut();
  const startMs = performance.now();
  const seen = await scene.attempts(() => performance.now() - startMs > 800);
  t.notOk(seen.has(GRANTED));
  t.ok(isToken(await scene.inRedis()));
  await scene.relay.accept();
  await scene.settled();
  t.match(await scene.doubts(), /upstream lost/);
  await scene.goesOn(t);
});

t.test('a Redis that is LOADING says so to clients, and then has the holder written', async t => {
  const slowly = ['--loading-process-events-interval-bytes', '1024', '--key-load-delay', '500'];
  const scene = await Scene.held(t, { redis: slowly });
  const direct = await scene.direct();
  await direct.pipeline(
    Array.from({ length: 3000 }, (_, index) => ['SET', `data:${index}`, 'x'.repeat(100)]),
  );
  await direct.call('SAVE');
  await scene.redis.kill();
  const restarted = scene.redis.restart();
  await scene.says('LOADING');
  await restarted;
  await scene.settled();
  await scene.goesOn(t);
});

t.test(
  'a Redis that is out of memory has the holder written, and refuses new locks itself',
  async t => {
    const scene = await Scene.held(t);
    const direct = await scene.direct();
    await direct.call('CONFIG', 'SET', 'maxmemory', '1');
    t.equal(await scene.attempt(), HELD, 'memory needs none of Redis’s');
    await scene.says('OOM');
    await scene.settled();
    t.equal(await scene.release(), ':1\r\n', 'what needs no more memory goes on');
    t.match(await scene.attempt(), /^-OOM/);
    await direct.call('CONFIG', 'SET', 'maxmemory', '0');
    t.equal(await scene.attempt(), GRANTED);
  },
);

t.test(
  'a Redis that is BUSY with a script says so to clients, and then has the holder written',
  async t => {
    const scene = await Scene.held(t, { redis: ['--busy-reply-threshold', '100'] });
    const direct = await scene.direct();
    direct.send('EVAL', 'while true do end', '0');
    await eventually('it is busy', async () => {
      const one = await scene.direct();
      const reply = await one.call('GET', 'x');
      one.destroy();
      return reply.startsWith('-BUSY');
    });
    await scene.says('BUSY');
    // Until the holder would have been written, had Redis let it.
    const untilMs = performance.now() + 1300;
    await scene.attempts(() => performance.now() > untilMs);
    const killer = await scene.direct();
    t.equal(await killer.call('SCRIPT', 'KILL'), GRANTED);
    await scene.settled();
    await scene.goesOn(t);
  },
);

t.test('scripts that were flushed are loaded again, and nobody notices', async t => {
  const scene = await Scene.held(t);
  const direct = await scene.direct();
  for (let round = 0; round < 3; round++) {
    t.equal(await direct.call('SCRIPT', 'FLUSH'), GRANTED);
    t.equal(await scene.attempt(), HELD);
    await scene.settled();
    t.equal(await scene.release(), ':1\r\n');
    await direct.call('SCRIPT', 'FLUSH');
    t.equal(await scene.attempt('me'), GRANTED);
  }
  t.equal(await scene.doubts(), '');
});

t.test('a Redis that may evict is not delegated from', async t => {
  const scene = await Scene.ready(t, {
    forelock: ['--no-delegate', 'never:*', '--redis-facts-ms', '100'],
  });
  const direct = await scene.direct();
  await direct.call('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
  const client = await scene.forelock.connect(t);
  await eventually('it is told', async () =>
    String(decode(await client.call('FORELOCK', 'STATUS'))).includes('may evict locks'),
  );
  // By proof, not by declaration.
  for (let cycle = 0; cycle < 5; cycle++) {
    t.equal(await client.call(...acquire('proven:1', 'me', TTL_MS)), GRANTED);
    t.equal(await client.call(...release('proven:1', 'me')), ':1\r\n');
  }
  t.equal(await rawValue(direct, 'proven:1'), null, 'nothing is kept');
  t.match(
    String(decode(await client.call('FORELOCK', 'EXPLAIN', 'proven:1'))),
    'maxmemory-policy allkeys-lru may evict locks',
  );
});

t.test('a declared lock whose key was evicted is doubted when it is noticed', async t => {
  const scene = await Scene.held(t);
  const direct = await scene.direct();
  await direct.call('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-random');
  await direct.call('CONFIG', 'SET', 'maxmemory', '1');
  await eventually('it is evicted', async () => {
    await direct.call('SET', 'more', 'x');
    return (await scene.inRedis()) === null;
  });
  await direct.call('CONFIG', 'SET', 'maxmemory', '0');
  t.equal(await scene.attempt(), HELD, 'clients of Forelock are refused all the same');
  t.equal(
    await direct.call('SET', KEY, 'another', 'NX', 'PX', String(TTL_MS)),
    GRANTED,
    'who goes straight to Redis is not',
  );
  await eventually('it is noticed', async () =>
    /token gone from the key/.test(await scene.doubts()),
  );
  t.equal(await scene.attempt(), HELD);
  t.equal(await scene.release(), ':0\r\n', 'its holder hears that it is lost');
  t.equal(await scene.inRedis(), 'another');
});

t.test('FLUSHALL through Forelock takes locks away, as it does from Redis', async t => {
  const scene = await Scene.held(t);
  const client = await scene.forelock.connect(t);
  t.equal(await client.call('FLUSHALL'), GRANTED);
  t.equal(await scene.inRedis(), null);
  t.equal(await scene.attempt(), GRANTED, 'the lock is free');
  t.equal(await scene.release(), ':0\r\n', 'and the holder has it no more');
});

t.test('FLUSHALL straight on Redis is noticed, and the lock left to Redis', async t => {
  const scene = await Scene.held(t);
  const direct = await scene.direct();
  t.equal(await direct.call('FLUSHALL'), GRANTED);
  t.equal(await scene.attempt(), HELD, 'Forelock keeps it from its own clients meanwhile');
  await eventually('it is noticed', async () =>
    /token gone from the key/.test(await scene.doubts()),
  );
  t.equal(await scene.release(), ':0\r\n', 'its holder hears that it is lost');
  t.equal(await scene.attempt(), GRANTED);
});

t.test(
  'a master that falls silent without closing grants nothing, and then has the holder written',
  async t => {
    const scene = await Scene.held(t, { forelock: ['--control-silence-max-ms', '1000'] });
    scene.relay.stall();
    await sleep(1800);
    scene.client.send(...acquire(KEY, 'you', TTL_MS));
    await sleep(200);
    t.same(
      scene.client.drain().filter(reply => reply === GRANTED),
      [],
      'nobody gets it',
    );
    scene.relay.flow();
    await scene.settled();
    t.match(await scene.doubts(), /upstream lost/, 'the connection was given up');
    await scene.goesOn(t);
  },
);

t.test('an idle lock is not granted while a master is silent', async t => {
  const scene = await Scene.ready(t);
  scene.relay.stall();
  await sleep(1200);
  const { client } = scene;
  client.send(...acquire(KEY, 'me', TTL_MS));
  await sleep(300);
  t.same(client.drain(), [], 'no reply while Redis says nothing');
  const direct = await scene.direct();
  t.ok(isToken(await rawValue(direct, KEY)));
  scene.relay.flow();
  await eventually('it is answered, or given up', async () => {
    const [reply] = client.drain();
    return reply !== undefined || client.isEnded;
  });
  t.match(await scene.doubts(), /upstream has answered nothing lately/);
});
