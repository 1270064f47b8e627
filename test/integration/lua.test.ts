import t, { type Test } from 'tap';
import { companionOf, FENCE_COUNTER } from '../../src/locks/names.js';
import { RedisServer } from '../harness/redis-server.js';
import { LuaScripts } from '../simulation/lua-scripts.js';

// Binary, as every key and value: what a script compares and writes is bytes.
const key = 'lock:{\xff\x00}:1';
const value = 'holder \x00\xfe\r\n';
const token = 'forelock:p1:e1:1';
const otherToken = 'forelock:p1:e1:2';
const foreignToken = 'forelock:p2:e9:1';
const companion = companionOf(key) ?? '';

const reserveArgs = (name: string): (string | number)[] => [name, 60_000, 'p1', 1000, ''];
const retainArgs = (name: string): (string | number)[] => {
  return [value, name, 60_000, 'p1', 1000, 700, 0, LIMIT_MS, BREATH_MS];
};

/** How long the fleet may keep a key from others, and how long it then leaves it to them. */
const LIMIT_MS = 2000;
const BREATH_MS = 500;
/** What all scripts are told that give a key back: database, fences, limit, breath. */
const giving = [0, 1000, LIMIT_MS, BREATH_MS];

interface WantArgs {
  readonly own?: string;
  readonly believed?: string;
  readonly proxy?: string;
  readonly waits?: boolean;
  readonly asks?: boolean;
  readonly ticket?: string;
}

const wantArgs = (args: WantArgs = {}): (string | number)[] => {
  const { own = '', believed = '', proxy = 'p1', waits = false, ticket = '' } = args;
  const { asks = !waits } = args;
  const offer = [ticket, ticket === '' ? 0 : 20_000, ticket === '' ? 0 : 40_000, asks ? 1 : 0];
  return [value, 30_000, own, believed, proxy, ...giving, waits ? 1 : 0, ...offer];
};

/** What has to be in the key for each script to do its work. */
const PRESENT = {
  reserve: null,
  renew: token,
  want: null,
  materialize: token,
  retain: value,
  release: value,
  extend: value,
  yield: token,
  fence: value,
  recover: token,
};

t.test('each script does what its header says, on a real Redis', async t => {
  const server = await RedisServer.start(t);
  const scripts = new LuaScripts(server.port);
  t.teardown(() => scripts.close());
  const { redis } = scripts;
  const keyBytes = Buffer.from(key, 'latin1');
  const companionBytes = Buffer.from(companion, 'latin1');
  const allKeys = [key, companion, FENCE_COUNTER];
  const stored = async (): Promise<string | null> =>
    (await redis.getBuffer(keyBytes))?.toString('latin1') ?? null;
  const put = (text: string, ttlMs = 5000): Promise<unknown> =>
    redis.set(keyBytes, Buffer.from(text, 'latin1'), 'PX', ttlMs);
  const between = (t: Test, ms: number, low: number, high: number): void => {
    t.ok(ms >= low && ms <= high, `${ms} ms is from ${low} to ${high}`);
  };
  t.beforeEach(() => redis.flushall());

  t.test('reserve', async t => {
    const keys = [key, companion, FENCE_COUNTER];
    const reserve = (name = token) =>
      scripts.run({ script: 'reserve', keys, args: reserveArgs(name) });

    t.test(
      'puts the token into an absent key, with its lease, a fence block and a companion',
      async t => {
        const before = Date.now();
        const [status, fence, keptMs] = await reserve();
        t.equal(status, 'reserved');
        t.equal(await stored(), token);
        between(t, await redis.pttl(keyBytes), 59_000, 60_000);
        between(t, await redis.pttl(companionBytes), 59_000, 60_000);
        t.ok(Number(fence) >= before * 1000, "a block begins at the server's microseconds");
        t.equal(await redis.get(FENCE_COUNTER), String(Number(fence) + 1000));
        t.equal(keptMs, 0);
        const { owner, since } = JSON.parse((await redis.get(companionBytes)) ?? '');
        t.equal(owner, 'p1');
        t.ok(since >= before && since <= Date.now());
      },
    );

    t.test('leaves a holder alone, and tells whether it is the believed one', async t => {
      await put(value);
      t.strictSame(await reserve(), ['held', 0]);
      const args = [...reserveArgs(token).slice(0, 4), value];
      t.strictSame(await scripts.run({ script: 'reserve', keys, args }), ['held', 1]);
      t.equal(await stored(), value);
      t.equal(await redis.exists(FENCE_COUNTER, companionBytes), 0);
    });

    t.test('leaves the token of another delegation alone, and names it', async t => {
      await put(otherToken);
      const found = await reserve();
      t.equal(found[0], 'delegated');
      between(t, Number(found[1]), 4000, 5000);
      t.equal(found[2], otherToken);
      t.equal(await stored(), otherToken);
    });

    t.test('begins after a counter that is ahead of the clock', async t => {
      const ahead = Date.now() * 1000 + 1e12;
      await redis.set(FENCE_COUNTER, ahead);
      t.equal((await reserve())[1], ahead);
      t.equal(await redis.get(FENCE_COUNTER), String(ahead + 1000));
    });

    t.test('goes on with a tenure that a companion tells of', async t => {
      await redis.set(companionBytes, JSON.stringify({ owner: 'p0', since: Date.now() - 1500 }));
      between(t, Number((await reserve())[2]), 1500, 2500);
    });

    t.test('takes an unreadable companion for none', async t => {
      for (const text of ['{', '[]', '"since"', '{"since":"x"}', '7']) {
        await redis.del(keyBytes);
        await redis.set(companionBytes, text);
        t.strictSame((await reserve()).toSpliced(1, 1), ['reserved', 0], text);
      }
      await redis.del(keyBytes, companionBytes);
      await redis.lpush(companionBytes, 'x');
      t.strictSame((await reserve()).toSpliced(1, 1), ['reserved', 0], 'a list');
    });
  });

  t.test('renew', async t => {
    const renew = () =>
      scripts.run({ script: 'renew', keys: [key, companion], args: [token, 90_000] });

    t.test('gives the same token a longer lease', async t => {
      await scripts.run({
        script: 'reserve',
        keys: [key, companion, FENCE_COUNTER],
        args: reserveArgs(token),
      });
      t.strictSame(await renew(), ['renewed']);
      t.equal(await stored(), token);
      between(t, await redis.pttl(keyBytes), 89_000, 90_000);
      between(t, await redis.pttl(companionBytes), 89_000, 90_000);
    });

    t.test('brings nothing back, and takes nothing from others', async t => {
      t.strictSame(await renew(), ['gone', 'absent']);
      t.equal(await stored(), null);
      await put(value);
      t.strictSame(await renew(), ['gone', 'value']);
      await put(otherToken);
      t.strictSame(await renew(), ['gone', 'token']);
      between(t, await redis.pttl(keyBytes), 4000, 5000);
    });
  });

  t.test('want', async t => {
    const want = (own = '', believed = '') =>
      scripts.run({ script: 'want', keys: allKeys, args: wantArgs({ own, believed }) });

    t.test('takes an absent key, with one fence number', async t => {
      const [status, fence, over] = await want();
      t.strictSame([status, over], ['yours', 'absent']);
      t.equal(await stored(), value);
      between(t, await redis.pttl(keyBytes), 29_000, 30_000);
      t.equal(await redis.get(FENCE_COUNTER), String(Number(fence) + 1));
      await redis.del(keyBytes);
      t.ok(Number((await want())[1]) > Number(fence), 'fences grow');
    });

    t.test('takes the token that it names as its own', async t => {
      await put(token);
      const [status, , over] = await want(token);
      t.strictSame([status, over], ['yours', 'own']);
      t.equal(await stored(), value);
    });

    t.test('takes no other token of this proxy, and names it', async t => {
      await put(otherToken);
      for (const own of ['', token]) {
        const [status, leftMs, found] = await want(own);
        t.strictSame([status, found], ['delegated', otherToken]);
        between(t, Number(leftMs), 4000, 5000);
      }
      t.equal(await stored(), otherToken);
    });

    t.test('is refused where somebody holds the lock, an equal value included', async t => {
      await put(value);
      for (const [believed, isBelieved] of [
        ['somebody else', 0],
        [value, 1],
      ] as const) {
        const [status, believing, leftMs] = await want('', believed);
        t.strictSame([status, believing], ['held', isBelieved]);
        between(t, Number(leftMs), 4000, 5000);
      }
      t.equal(await stored(), value);
      between(t, await redis.pttl(keyBytes), 4000, 5000);
    });

    t.test('an empty value in the key is a holder, not an absent token', async t => {
      await redis.set(keyBytes, '');
      t.strictSame(await want('', ''), ['held', 1, -1]);
    });
  });

  t.test('materialize', async t => {
    const materialize = () =>
      scripts.run({ script: 'materialize', keys: [key], args: [token, value, 700] });

    t.test("puts the holder's value and remaining TTL in place of the token", async t => {
      await put(token);
      t.strictSame(await materialize(), ['materialized']);
      t.equal(await stored(), value);
      between(t, await redis.pttl(keyBytes), 1, 700);
    });

    t.test('where the key is settled, the companion goes', async t => {
      await put(token);
      await redis.set(companionBytes, '{}');
      t.strictSame(await materialize(), ['materialized']);
      t.equal(await redis.exists(companionBytes), 1);
      await put(token);
      const args = [token, value, 700, 0, 'settle'];
      const settled = await scripts.run({ script: 'materialize', keys: [key, companion], args });
      t.strictSame(settled, ['materialized']);
      t.equal(await redis.exists(companionBytes), 0);
    });

    t.test('writes over nothing but the exact token', async t => {
      t.strictSame(await materialize(), ['gone', 'absent']);
      t.equal(await stored(), null);
      await put('somebody');
      t.strictSame(await materialize(), ['gone', 'value']);
      t.equal(await stored(), 'somebody');
      await put(otherToken);
      t.strictSame(await materialize(), ['gone', 'token']);
      t.equal(await stored(), otherToken);
    });
  });

  t.test('retain', async t => {
    const retain = () => scripts.run({ script: 'retain', keys: allKeys, args: retainArgs(token) });

    t.test("puts a new token in place of the holder's value", async t => {
      await put(value);
      const [status, fence] = await retain();
      t.equal(status, 'retained');
      t.equal(await stored(), token);
      between(t, await redis.pttl(keyBytes), 59_000, 60_000);
      t.equal(await redis.get(FENCE_COUNTER), String(Number(fence) + 1000));
      const { since } = JSON.parse((await redis.get(companionBytes)) ?? '');
      between(t, Date.now() - since, 700, 1700);
    });

    t.test('takes the lock from nobody else', async t => {
      t.strictSame(await retain(), ['not-owner']);
      t.equal(await redis.dbsize(), 0);
      await put('somebody');
      t.strictSame(await retain(), ['not-owner']);
      await put(token);
      t.strictSame(await retain(), ['not-owner']);
      t.equal(await stored(), token);
    });
  });

  t.test('release', async t => {
    const release = () =>
      scripts.run({ script: 'release', keys: allKeys, args: [value, ...giving, 'pass'] });

    t.test("removes the holder's value, and the companion after a breath", async t => {
      await put(value);
      await redis.set(companionBytes, '{}');
      t.strictSame(await release(), ['released']);
      t.equal(await stored(), null);
      between(t, await redis.pttl(companionBytes), 1, BREATH_MS);
    });

    t.test("frees nobody else's lock", async t => {
      t.strictSame(await release(), ['not-owner']);
      await put(`${value} `);
      t.strictSame(await release(), ['not-owner']);
      await put(token);
      t.strictSame(await release(), ['not-owner']);
      t.equal(await stored(), token);
    });
  });

  t.test('extend', async t => {
    const extend = () => scripts.run({ script: 'extend', keys: [key], args: [value, 90_000] });

    t.test("gives the holder's value the TTL asked for", async t => {
      await put(value);
      t.strictSame(await extend(), ['extended']);
      t.equal(await stored(), value);
      between(t, await redis.pttl(keyBytes), 89_000, 90_000);
    });

    t.test('extends nothing that is gone, and nobody else', async t => {
      t.strictSame(await extend(), ['not-owner']);
      await put('somebody');
      t.strictSame(await extend(), ['not-owner']);
      between(t, await redis.pttl(keyBytes), 4000, 5000);
    });
  });

  t.test('yield', async t => {
    const giveBack = (how = 'pass') =>
      scripts.run({ script: 'yield', keys: allKeys, args: [token, ...giving, how] });

    t.test('removes the token, and the companion after a breath', async t => {
      for (const [how, leastMs, mostMs] of [
        ['pass', 1, BREATH_MS],
        ['end', -2, -2],
        ['leave', -2, -2],
      ] as const) {
        await put(token);
        await redis.set(companionBytes, '{}');
        t.strictSame(await giveBack(how), ['yielded']);
        t.equal(await stored(), null);
        between(t, await redis.pttl(companionBytes), leastMs, mostMs);
      }
    });

    t.test('who takes the key within a breath goes on with its tenure', async t => {
      await scripts.run({ script: 'reserve', keys: allKeys, args: reserveArgs(token) });
      await new Promise(resolve => setTimeout(resolve, 30));
      t.strictSame(await giveBack(), ['yielded']);
      const args = reserveArgs(otherToken);
      const [status, , keptMs] = await scripts.run({ script: 'reserve', keys: allKeys, args });
      t.equal(status, 'reserved');
      between(t, Number(keptMs), 30, 400);
    });

    t.test('removes nothing but the exact token', async t => {
      t.strictSame(await giveBack(), ['gone', 'absent']);
      await put(value);
      t.strictSame(await giveBack(), ['gone', 'value']);
      await put(otherToken);
      t.strictSame(await giveBack(), ['gone', 'token']);
      t.equal(await stored(), otherToken);
    });
  });

  t.test('tickets', async t => {
    /** What the fleet was told, in order: the channel of each proxy, and the words. */
    const told: string[] = [];
    const ear = redis.duplicate();
    t.teardown(() => ear.disconnect());
    await ear.psubscribe('forelock:proxy:*');
    ear.on('pmessageBuffer', (_pattern: Buffer, channel: Buffer, message: Buffer) => {
      told.push(`${channel.toString('latin1').slice(15)}: ${message.toString('latin1')}`);
    });
    const want = (args: WantArgs) =>
      scripts.run({ script: 'want', keys: allKeys, args: wantArgs(args) });
    const yields = (name: string, how = 'pass') =>
      scripts.run({ script: 'yield', keys: allKeys, args: [name, ...giving, how] });
    const releases = (how = 'pass') =>
      scripts.run({ script: 'release', keys: allKeys, args: [value, ...giving, how] });
    const heard = async (): Promise<string[]> => {
      await ear.ping();
      return told.splice(0);
    };
    t.beforeEach(heard);
    const tickets = async (): Promise<string[]> => {
      const record = JSON.parse((await redis.get(companionBytes)) ?? '{}');
      return (record.tickets ?? []).map((ticket: { token: string }) => ticket.token);
    };
    /** p1 has the key in delegation; p2 and then p3 have asked for it. */
    const twoAsked = async (): Promise<void> => {
      await scripts.run({ script: 'reserve', keys: allKeys, args: reserveArgs(token) });
      await want({ proxy: 'p2', ticket: 'forelock:p2:e:1' });
      await want({ proxy: 'p3', ticket: 'forelock:p3:e:1', waits: true });
      await heard();
    };

    t.test("want of another proxy's token takes a ticket, and tells the owner", async t => {
      await put(foreignToken);
      const [status, leftMs, found] = await want({ ticket: token });
      t.strictSame([status, found], ['asked', foreignToken]);
      between(t, Number(leftMs), 4000, 5000);
      t.strictSame(await heard(), [`p2: recall 0 ${foreignToken} 0 ${key}`]);
      t.strictSame(await tickets(), [token]);
      between(t, await redis.pttl(companionBytes), 19_000, 20_000);
      await want({ ticket: otherToken, waits: true });
      t.strictSame(await heard(), [`p2: recall 0 ${foreignToken} 1 ${key}`], 'all who ask, wait');
      t.strictSame(await tickets(), [otherToken], 'one ticket a proxy');
      t.equal(await stored(), foreignToken);
    });

    t.test('a renewed ticket keeps its place', async t => {
      await twoAsked();
      await want({ proxy: 'p2', own: 'forelock:p2:e:1', ticket: 'forelock:p2:e:2' });
      t.strictSame(await tickets(), ['forelock:p2:e:2', 'forelock:p3:e:1']);
    });

    t.test('yield passes the key on to the first ticket, and tells its proxy', async t => {
      await twoAsked();
      const [status, passed, fence, fences, keptMs, further] = await yields(token);
      t.strictSame([status, passed, fences, further], ['passed', 'forelock:p2:e:1', 1000, 1]);
      t.equal(await stored(), 'forelock:p2:e:1');
      between(t, await redis.pttl(keyBytes), 39_000, 40_000);
      t.strictSame(await heard(), [
        `p2: transfer 0 forelock:p2:e:1 ${fence} 1000 ${keptMs} 1 ${key}`,
      ]);
      t.equal(await redis.get(FENCE_COUNTER), String(Number(fence) + 1000));
      t.strictSame(await tickets(), ['forelock:p3:e:1']);
      t.equal((await yields('forelock:p2:e:1'))[1], 'forelock:p3:e:1', 'in order');
      t.strictSame(await yields('forelock:p3:e:1'), ['yielded']);
      between(t, await redis.pttl(companionBytes), 1, BREATH_MS);
    });

    t.test(
      "release passes it on likewise; no ticket is taken beside 'held' but to wait",
      async t => {
        await put(value);
        t.equal((await want({ proxy: 'p2', ticket: 'forelock:p2:e:1' }))[0], 'held');
        t.strictSame(await tickets(), []);
        await want({ proxy: 'p2', ticket: 'forelock:p2:e:1', waits: true });
        t.equal((await releases())[0], 'passed');
        t.equal(await stored(), 'forelock:p2:e:1');
        t.match(await heard(), [/^p2: transfer 0 forelock:p2:e:1 /]);
      },
    );

    t.test("retain takes nothing from those who wait, and 'reserve' neither", async t => {
      await put(value);
      await want({ proxy: 'p2', ticket: 'forelock:p2:e:1', waits: true });
      const retained = await scripts.run({
        script: 'retain',
        keys: allKeys,
        args: retainArgs(token),
      });
      t.equal(retained[0], 'passed');
      await redis.del(keyBytes);
      await put(value);
      await want({ proxy: 'p2', ticket: 'forelock:p2:e:1', waits: true });
      await redis.del(keyBytes);
      const reserved = await scripts.run({
        script: 'reserve',
        keys: allKeys,
        args: reserveArgs(token),
      });
      t.strictSame(reserved, ['wanted']);
      t.equal(await stored(), null);
    });

    t.test(
      'want of an absent key goes behind an earlier ticket, and before a later one',
      async t => {
        await put(value);
        await want({ proxy: 'p2', ticket: 'forelock:p2:e:1', waits: true });
        await redis.del(keyBytes);
        const [status] = await want({ proxy: 'p3', ticket: 'forelock:p3:e:1' });
        t.equal(status, 'asked');
        t.equal(await stored(), 'forelock:p2:e:1');
        t.strictSame(await tickets(), ['forelock:p3:e:1']);
        t.match(await heard(), [/^p2: transfer 0 forelock:p2:e:1 \d+ 1000 0 1 /]);
        await redis.del(keyBytes);
        t.equal((await want({ proxy: 'p3' }))[0], 'yours');
        t.strictSame(await tickets(), [], 'who has the lock waits no more');
      },
    );

    t.test('a ticket whose token is in the key gives the lock', async t => {
      await twoAsked();
      await yields(token);
      const [status, , over] = await want({ proxy: 'p2', own: 'forelock:p2:e:1' });
      t.strictSame([status, over], ['yours', 'own']);
      t.equal(await stored(), value);
      t.strictSame(await tickets(), ['forelock:p3:e:1'], 'the others wait on');
    });

    t.test('a ticket that has run out is none', async t => {
      await put(foreignToken, 60_000);
      const args = wantArgs({ ticket: token });
      await scripts.run({ script: 'want', keys: allKeys, args: args.toSpliced(11, 1, 1) });
      await new Promise(resolve => setTimeout(resolve, 5));
      t.strictSame(await yields(foreignToken), ['yielded']);
      t.equal(await stored(), null);
    });

    t.test('yield withdraws a ticket by its token', async t => {
      await twoAsked();
      t.strictSame(await yields('forelock:p2:e:1'), ['gone', 'token']);
      t.strictSame(await tickets(), ['forelock:p3:e:1']);
      t.equal(await stored(), token);
    });

    t.test('materialize tells those who ask that the lock is held, and some wait on', async t => {
      await twoAsked();
      const args = [token, value, 700, 0, 'tell'];
      await scripts.run({ script: 'materialize', keys: [key, companion], args });
      t.strictSame(await heard(), [
        `p2: held 0 forelock:p2:e:1 700 ${key}`,
        `p3: held 0 forelock:p3:e:1 700 ${key}`,
      ]);
      t.strictSame(await tickets(), ['forelock:p3:e:1']);
    });

    t.test('past its tenure the key is left to Redis, whoever waits', async t => {
      await twoAsked();
      const record = JSON.parse((await redis.get(companionBytes)) ?? '');
      await redis.set(
        companionBytes,
        JSON.stringify({ ...record, since: record.since - LIMIT_MS }),
      );
      t.strictSame(await yields(token), ['yielded']);
      t.equal(await stored(), null);
      t.equal((await tickets()).length, 2);
      t.equal((await want({ proxy: 'p3' }))[0], 'yours', 'a breath is open to all');
      t.strictSame(await releases(), ['released']);
      t.strictSame(
        await scripts.run({ script: 'reserve', keys: allKeys, args: reserveArgs(token) }),
        ['wanted'],
      );
    });

    t.test('a breath leaves nothing but itself', async t => {
      await put(token);
      t.strictSame(await yields(token, 'breath'), ['yielded']);
      between(t, await redis.pttl(companionBytes), 1, BREATH_MS);
      t.equal(await stored(), null);
    });

    t.test('who takes and releases the key in a breath makes it no longer', async t => {
      await put(token);
      t.strictSame(await yields(token, 'breath'), ['yielded']);
      await redis.pexpire(companionBytes, 200);
      t.equal((await want({ proxy: 'p1' }))[0], 'yours');
      t.strictSame(await releases(), ['released']);
      between(t, await redis.pttl(companionBytes), 1, 200);
    });

    t.test('a client that looks at the key now sees no token of those who wait', async t => {
      await twoAsked();
      t.strictSame(await yields(token, 'leave'), ['yielded']);
      t.equal(await stored(), null);
      t.equal((await tickets()).length, 2);
    });

    t.test('a companion that nobody of ours wrote stops nothing', async t => {
      for (const text of ['{"tickets"', '{"tickets":7}', '{"tickets":[7,{"token":1}]}']) {
        await redis.set(companionBytes, text);
        await put(token);
        t.strictSame(await yields(token), ['yielded'], text);
        await redis.set(companionBytes, text);
        t.equal((await want({ ticket: token }))[0], 'yours', text);
        await redis.set(companionBytes, text);
        t.equal((await releases())[0], 'released', text);
      }
    });
  });

  t.test('fence', async t => {
    const fence = (known: number) =>
      scripts.run({ script: 'fence', keys: [key, FENCE_COUNTER], args: [value, known] });

    t.test('tells the number that the proxy knows, and takes none', async t => {
      await put(value);
      t.strictSame(await fence(7), ['fence', 7]);
      t.equal(await redis.exists(FENCE_COUNTER), 0);
    });

    t.test('takes one number for a grant that has none, and leaves the lock as it is', async t => {
      const before = Date.now();
      await put(value);
      const [status, first] = await fence(0);
      t.equal(status, 'fence');
      t.ok(Number(first) >= before * 1000);
      t.equal(await redis.get(FENCE_COUNTER), String(Number(first) + 1));
      t.ok(Number((await fence(0))[1]) > Number(first), 'fences grow');
      t.equal(await stored(), value);
      between(t, await redis.pttl(keyBytes), 4000, 5000);
    });

    t.test('goes on after a counter that is ahead of the clock', async t => {
      const ahead = Date.now() * 1000 + 1e12;
      await redis.set(FENCE_COUNTER, ahead);
      await put(value);
      t.strictSame(await fence(0), ['fence', ahead]);
      t.equal(await redis.get(FENCE_COUNTER), String(ahead + 1));
    });

    t.test('tells nobody who does not hold the lock', async t => {
      t.strictSame(await fence(7), ['not-owner']);
      await put('somebody');
      t.strictSame(await fence(7), ['not-owner']);
      await put(token);
      t.strictSame(await fence(0), ['not-owner']);
      t.equal(await redis.exists(FENCE_COUNTER), 0);
    });
  });

  t.test('recover', async t => {
    const recover = (leftMs: number) =>
      scripts.run({ script: 'recover', keys: [key, companion], args: [token, value, leftMs] });

    t.test('writes the holder in place of the token, with what is left of its TTL', async t => {
      await put(token);
      await redis.set(companionBytes, '{}');
      t.strictSame(await recover(700), ['materialized']);
      t.equal(await stored(), value);
      between(t, await redis.pttl(keyBytes), 1, 700);
      t.equal(await redis.exists(companionBytes), 0);
      t.strictSame(await recover(700), ['gone', 'value'], 'once more');
    });

    t.test('frees what nobody holds', async t => {
      await put(token);
      await redis.set(companionBytes, '{}');
      t.strictSame(await recover(0), ['freed']);
      t.equal(await redis.dbsize(), 0);
      t.strictSame(await recover(0), ['gone', 'absent'], 'once more');
    });

    t.test('leaves tickets where they are', async t => {
      await put(token);
      const tickets = JSON.stringify({ owner: 'p1', tickets: [{ token: otherToken }] });
      await redis.set(companionBytes, tickets);
      t.strictSame(await recover(0), ['freed']);
      t.equal(await redis.get(companionBytes), tickets);
    });

    t.test('takes an unreadable companion for none', async t => {
      for (const text of ['{', '7', '"x"']) {
        await put(token);
        await redis.set(companionBytes, text);
        t.strictSame(await recover(0), ['freed'], text);
        t.equal(await redis.dbsize(), 0, text);
      }
    });

    t.test('touches nothing but the exact token', async t => {
      for (const leftMs of [0, 700]) {
        await put('somebody');
        t.strictSame(await recover(leftMs), ['gone', 'value']);
        t.equal(await stored(), 'somebody');
        await put(otherToken);
        t.strictSame(await recover(leftMs), ['gone', 'token']);
        t.equal(await stored(), otherToken);
      }
    });
  });

  const calls = [
    { script: 'reserve', keys: [key, companion, FENCE_COUNTER], args: reserveArgs(token) },
    { script: 'renew', keys: [key, companion], args: [token, 1000] },
    { script: 'want', keys: [key, companion, FENCE_COUNTER], args: wantArgs() },
    { script: 'materialize', keys: [key], args: [token, value, 1000] },
    { script: 'retain', keys: [key, companion, FENCE_COUNTER], args: retainArgs(token) },
    {
      script: 'release',
      keys: [key, companion, FENCE_COUNTER],
      args: [value, ...giving, 'pass'],
    },
    { script: 'extend', keys: [key], args: [value, 1000] },
    {
      script: 'yield',
      keys: [key, companion, FENCE_COUNTER],
      args: [token, ...giving, 'pass'],
    },
    { script: 'fence', keys: [key, FENCE_COUNTER], args: [value, 0] },
    { script: 'recover', keys: [key, companion], args: [token, value, 1000] },
  ] as const;

  t.test('a key of another type is told by its own status, and left as it is', async t => {
    for (const call of calls) {
      await redis.lpush(keyBytes, 'x');
      t.strictSame(await scripts.run(call), ['other-type'], call.script);
      t.strictSame(await redis.lrange(keyBytes, 0, -1), ['x']);
      await redis.flushall();
    }
  });

  t.test('a fence counter of another type moves no lock', async t => {
    const counting = ['reserve', 'want', 'retain', 'fence'];
    for (const call of calls.filter(({ script }) => counting.includes(script))) {
      await redis.flushall();
      await redis.lpush(FENCE_COUNTER, 'x');
      if (call.script === 'retain' || call.script === 'fence') await put(value);
      const before = await stored();
      t.strictSame(await scripts.run(call), ['other-type'], call.script);
      t.equal(await stored(), before);
    }
  });

  t.test('a script cut short by a refusal has not moved the lock', async t => {
    const rights = ['~forelock:*', '%R~*', '+@all', 'nopass', 'on'];
    await redis.call('ACL', 'SETUSER', 'reader', ...rights);
    const reader = new LuaScripts(server.port, 'reader');
    t.teardown(() => reader.close());
    for (const call of calls) {
      await redis.flushall();
      const before = PRESENT[call.script];
      if (before !== null) await put(before);
      await t.rejects(reader.run(call), /NOPERM|permissions/, call.script);
      t.equal(await stored(), before);
    }
  });

  t.test('no script costs Redis more commands than told', async t => {
    const commandsOf = async (run: () => Promise<unknown>): Promise<number> => {
      const count = async (): Promise<number> =>
        Number(/total_commands_processed:(\d+)/.exec(await redis.info('stats'))?.[1]);
      const before = await count();
      await run();
      // The INFO that told the first number counts by the second.
      return (await count()) - before - 1;
    };
    const costs: Record<string, number> = {};
    for (const call of calls) {
      costs[call.script] = Infinity;
      // The server counts everybody's commands, a connection that comes or goes included.
      for (let attempt = 0; attempt < 3; attempt++) {
        await redis.del(keyBytes);
        const before = PRESENT[call.script];
        if (before !== null) await put(before);
        const cost = await commandsOf(() => scripts.run(call));
        costs[call.script] = Math.min(costs[call.script] ?? cost, cost);
      }
    }
    t.strictSame(costs, {
      reserve: 6,
      renew: 4,
      want: 5,
      materialize: 3,
      retain: 6,
      release: 4,
      extend: 3,
      yield: 4,
      fence: 4,
      recover: 5,
    });
  });
});
