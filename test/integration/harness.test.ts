import t from 'tap';
import { sleep } from '../harness/lifetime.js';
import { RedisServer } from '../harness/redis-server.js';
import { Relay } from '../harness/relay.js';
import { RespClient } from '../harness/resp-client.js';
import { decode, frameEnd, RespError, shapeOf } from '../harness/resp-frame.js';
import { Pair } from '../harness/twins.js';

/** The instruments are tested first: a blunt one would let every other test pass. */

t.test('frames end where RESP ends them, and nowhere earlier', async t => {
  const frames = [
    '+OK\r\n',
    '-ERR no\r\n',
    ':12\r\n',
    '$-1\r\n',
    '$0\r\n\r\n',
    '$4\r\na\r\nb\r\n',
    '*0\r\n',
    '*-1\r\n',
    '*2\r\n$1\r\na\r\n*1\r\n:1\r\n',
    '_\r\n',
    '#t\r\n',
    ',1.5\r\n',
    '(123456789012345678901234567890\r\n',
    '=8\r\ntxt:text\r\n',
    '!5\r\nERR x\r\n',
    '%1\r\n+a\r\n:1\r\n',
    '~1\r\n+a\r\n',
    '>2\r\n+invalidate\r\n_\r\n',
    '|1\r\n+ttl\r\n:3\r\n$1\r\nv\r\n',
  ];
  for (const frame of frames) {
    const whole = Buffer.from(`${frame}+NEXT\r\n`, 'latin1');
    t.equal(frameEnd(whole, 0), frame.length, JSON.stringify(frame));
    for (let cut = 0; cut < frame.length; cut++) {
      const part = whole.subarray(0, cut);
      if (frameEnd(part, 0) <= cut) t.fail(`${JSON.stringify(frame)} seemed whole at ${cut}`);
    }
  }
  t.throws(() => frameEnd(Buffer.from('OK\r\n'), 0), /no reply begins/);
});

t.test('replies are decoded to what they say', async t => {
  t.same(decode('*3\r\n$1\r\na\r\n:-2\r\n$-1\r\n'), ['a', -2, null]);
  t.same(decode('%1\r\n+a\r\n#f\r\n'), [['a', false]]);
  t.type(decode('-ERR no\r\n'), RespError);
  t.equal(shapeOf('*2\r\n$3\r\nabc\r\n:1\r\n'), shapeOf('*2\r\n$1\r\nz\r\n:99\r\n'));
  t.not(shapeOf('*2\r\n$3\r\nabc\r\n:1\r\n'), shapeOf('*1\r\n$3\r\nabc\r\n'));
});

t.test('a pair sees a changed byte, a missing and a doubled reply', async t => {
  const redis = await RedisServer.start(t);
  const relay = await Relay.start(t, redis.port);
  const seen: boolean[] = [];
  const comparing = {
    teardown: t.teardown.bind(t),
    equal: (found: unknown, wanted: unknown) => {
      seen.push(found === wanted);
      return found === wanted;
    },
  };
  const open = async (): Promise<Pair> =>
    new Pair(await redis.connect(t), await RespClient.connect(t, relay.port));

  const honest = await open();
  await honest.same(comparing, 'PING');
  t.same(seen.splice(0), [true], 'an honest relay changes nothing');

  relay.down = bytes => Buffer.from(bytes.toString('latin1').replace('PONG', 'PoNG'), 'latin1');
  await honest.same(comparing, 'PING');
  t.same(seen.splice(0), [false], 'a changed byte is seen');

  relay.down = bytes => Buffer.concat([bytes, bytes]);
  await honest.same(comparing, 'ECHO', 'a');
  await honest.same(comparing, 'ECHO', 'b');
  t.same(seen.splice(0), [true, false], 'a doubled reply is seen at the next command');

  relay.down = () => null;
  const dropping = await open();
  dropping.send('PING');
  t.equal(await dropping.direct.reply(), '+PONG\r\n');
  await t.rejects(dropping.proxied.reply(100), /did not come/, 'a dropped reply is seen');
});

t.test('the relay cuts, stalls, delays, refuses and counts', async t => {
  const redis = await RedisServer.start(t);
  const relay = await Relay.start(t, redis.port);
  const client = await RespClient.connect(t, relay.port);
  t.equal(await client.call('PING'), '+PONG\r\n');
  t.equal(relay.open, 1);

  relay.stall();
  client.send('ECHO', 'late');
  await t.rejects(client.reply(100), /did not come/);
  relay.flow();
  t.equal(await client.reply(), '$4\r\nlate\r\n');

  relay.delayMs = 30;
  const beforeMs = performance.now();
  await client.call('PING');
  t.ok(performance.now() - beforeMs >= 55, 'both ways are delayed');
  relay.delayMs = 0;

  relay.cut();
  t.equal(await client.untilEnd(), '');
  relay.refuse();
  await t.rejects(RespClient.connect(t, relay.port), { code: 'ECONNREFUSED' });
  await relay.accept();
  const again = await RespClient.connect(t, relay.port);
  t.equal(await again.call('PING'), '+PONG\r\n');
  t.equal(relay.accepted, 2);
});

t.test('a paused redis-server keeps its connections and says nothing', async t => {
  const redis = await RedisServer.start(t, { requirepass: 'secret' });
  const client = await redis.connect(t);
  t.equal(await client.call('SET', 'a', '1'), '+OK\r\n');
  redis.pause();
  client.send('GET', 'a');
  await sleep(50);
  t.same(client.drain(), []);
  redis.resume();
  t.equal(await client.reply(), '$1\r\n1\r\n');
  await redis.restart();
  t.equal(await client.untilEnd(), '');
  t.equal(await (await redis.connect(t)).call('GET', 'a'), '$-1\r\n', 'restarted empty');
});
