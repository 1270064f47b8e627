import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { type Command, Redis } from 'ioredis';
import { Mutex } from 'redis-semaphore';
import t from 'tap';
import { CommandTable } from '../../src/intent/command-table.js';
import type { LockReply } from '../../src/intent/intent.js';
import { intentOf, outcomeOf } from '../../src/intent/recognise.js';
import { scriptScope } from '../../src/intent/script-scope.js';
import { ScriptKnowledge } from '../../src/intent/scripts.js';
import type { Lifetime } from '../harness/lifetime.js';
import { RedisServer } from '../harness/redis-server.js';

/** An ioredis that writes down what each command means for a lock, and how Redis answered it. */
class Recorder extends Redis {
  readonly told: string[] = [];
  readonly #scripts = new ScriptKnowledge();

  override sendCommand(command: Command): unknown {
    const args = [command.name, ...command.args.map(argument => String(argument))];
    const intent = intentOf(args, this.#scripts);
    const answered = super.sendCommand(command);
    void command.promise.then(
      (reply: unknown) => {
        if (intent === null) return;
        const plain = intent.kind === 'release' || intent.plain ? '' : ' (Redis decides)';
        const outcome = outcomeOf(intent.form, reply as LockReply);
        this.told.push(`${intent.kind} ${intent.key}${plain}: ${outcome}`);
      },
      () => undefined,
    );
    return answered;
  }
}

const require = createRequire(import.meta.url);

interface RedlockLock {
  extend(ttlMs: number): PromiseLike<RedlockLock>;
  unlock(): PromiseLike<void>;
}
type RedlockConstructor = new (
  clients: readonly object[],
  options: { readonly retryCount: number },
) => { lock(resource: string | string[], ttlMs: number): PromiseLike<RedlockLock> };
const Redlock: RedlockConstructor = require('redlock');

async function recorder(t: Lifetime): Promise<Recorder> {
  const server = await RedisServer.start(t);
  const redis = new Recorder(server.port);
  t.teardown(() => redis.disconnect());
  await redis.ping();
  return redis;
}

t.test(
  'redlock 4: what the unmodified library sends is understood, by its SHA-1s alone',
  async t => {
    const redis = await recorder(t);
    const redlock = new Redlock([redis], { retryCount: 0 });
    for (const round of ['EVALSHA, then EVAL', 'EVALSHA']) {
      redis.told.length = 0;
      const lock = await redlock.lock('resource', 1000);
      await t.rejects(Promise.resolve(redlock.lock('resource', 1000)));
      const extended = await lock.extend(2000);
      await extended.unlock();
      await t.rejects(Promise.resolve(lock.unlock()));
      t.same(
        redis.told,
        [
          'acquire resource: yes',
          'acquire resource: no',
          'release resource: no',
          'extend resource: yes',
          'release resource: yes',
          'release resource: no',
        ],
        round,
      );
    }
    redis.told.length = 0;
    await (await redlock.lock(['one', 'two'], 1000)).unlock();
    t.same(redis.told, [], 'several resources at once are left to Redis');
  },
);

/** The library refreshes by a timer; here it does so when it is told. */
class RefreshingMutex extends Mutex {
  refresh(): Promise<boolean> {
    return this._refresh();
  }
}

t.test('redis-semaphore: what the unmodified library sends is understood', async t => {
  const redis = await recorder(t);
  const mutex = () =>
    new RefreshingMutex(redis, 'resource', { refreshInterval: 0, acquireTimeout: 1 });
  for (const round of ['EVALSHA, then EVAL', 'EVALSHA']) {
    redis.told.length = 0;
    const holder = mutex();
    await holder.acquire();
    await t.rejects(mutex().acquire());
    t.equal(await holder.refresh(), true);
    await holder.release();
    await holder.release();
    t.same(
      redis.told,
      [
        'acquire mutex:resource: yes',
        'acquire mutex:resource: no',
        'extend mutex:resource: yes',
        'release mutex:resource: yes',
      ],
      round,
    );
  }
});

t.test(
  "the libraries' scripts, read as text, touch the keys that they are called with",
  async t => {
    const server = await RedisServer.start(t);
    const redis = new Redis(server.port);
    t.teardown(() => redis.disconnect());
    const table = new CommandTable(await redis.call('COMMAND'));
    const files = [
      require.resolve('redlock'),
      ...['mutex/release', 'mutex/refresh', 'semaphore/acquire/lua', 'semaphore/refresh/lua'].map(
        name => require.resolve('redis-semaphore').replace(/index\.js$/, `${name}.js`),
      ),
    ];
    for (const file of files) {
      const source = await readFile(file, 'utf8');
      const texts = [...source.matchAll(/`([^`]*redis\.call[^`]*)`/g)].map(match => match[1] ?? '');
      t.ok(texts.length > 0, file);
      for (const text of texts) t.equal(scriptScope(text, table), 'keys', text);
    }
  },
);
