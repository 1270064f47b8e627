import t from 'tap';
import { eventually } from '../harness/lifetime.js';
import { decode } from '../harness/resp-frame.js';
import { Twins } from '../harness/twins.js';

/** Pub/sub in both protocols, by channel, pattern and shard channel. */

t.test('RESP2: messages come as replies, and few commands are allowed meanwhile', async t => {
  const twins = await Twins.start(t);
  const subscriber = await twins.pair(t);
  const publisher = await twins.pair(t);
  await subscriber.same(t, 'SUBSCRIBE', 'news');
  await subscriber.same(t, 'PSUBSCRIBE', 'n*s');
  await publisher.same(t, 'PUBLISH', 'news', 'hello\r\n\0');
  await subscriber.sameReply(t, 'by channel');
  await subscriber.sameReply(t, 'by pattern');
  await publisher.same(t, 'PUBLISH', 'nos', 'x');
  await subscriber.sameReply(t, 'by pattern only');
  await subscriber.same(t, 'PING');
  await subscriber.same(t, 'PING', 'x');
  await subscriber.same(t, 'GET', 'k');
  await subscriber.same(t, 'SET', 'lock', 'me', 'NX', 'PX', '1000');
  await publisher.same(t, 'PUBSUB', 'NUMSUB', 'news', 'none');
  await publisher.same(t, 'PUBSUB', 'NUMPAT');
  await publisher.same(t, 'PUBSUB', 'CHANNELS');
  await subscriber.same(t, 'UNSUBSCRIBE');
  await subscriber.same(t, 'PUNSUBSCRIBE');
  await subscriber.same(t, 'GET', 'k');
  await publisher.same(t, 'PUBLISH', 'news', 'nobody');
});

t.test('RESP3: messages come as pushes, and all commands are allowed meanwhile', async t => {
  const twins = await Twins.start(t);
  const subscriber = await twins.pair(t);
  const publisher = await twins.pair(t);
  await subscriber.call('HELLO', '3');
  subscriber.send('SUBSCRIBE', 'news', 'more');
  await subscriber.samePush(t, 'first channel');
  await subscriber.samePush(t, 'second channel');
  await publisher.same(t, 'PUBLISH', 'news', 'hello');
  await subscriber.samePush(t, 'the message');
  await subscriber.same(t, 'SET', 'k', 'v');
  await subscriber.same(t, 'PING');
  await subscriber.same(t, 'SET', 'lock', 'me', 'NX', 'PX', '100000');
  await subscriber.same(t, 'PUBLISH', 'news', 'to myself');
  await subscriber.samePush(t, 'its own message');
  subscriber.send('UNSUBSCRIBE');
  for (const client of [subscriber.direct, subscriber.proxied]) {
    // Redis leaves its channels in the order of a hash table.
    const [left, last] = [decode(await client.push()), decode(await client.push())].map(value =>
      Array.isArray(value) ? value : [],
    );
    t.same([left?.[1], last?.[1]].sort(), ['more', 'news']);
    t.same([left?.[2], last?.[2]], [1, 0], 'with the number of those that are left');
  }
  await subscriber.same(t, 'GET', 'k');
});

t.test('sharded channels', async t => {
  const twins = await Twins.start(t);
  const subscriber = await twins.pair(t);
  const publisher = await twins.pair(t);
  await subscriber.same(t, 'SSUBSCRIBE', 'shard');
  await publisher.same(t, 'SPUBLISH', 'shard', 'hello');
  await subscriber.sameReply(t, 'the message');
  await publisher.same(t, 'PUBLISH', 'shard', 'another channel');
  await publisher.same(t, 'PUBSUB', 'SHARDCHANNELS');
  await publisher.same(t, 'PUBSUB', 'SHARDNUMSUB', 'shard');
  await subscriber.same(t, 'SUNSUBSCRIBE');
  await publisher.same(t, 'SPUBLISH', 'shard', 'nobody');
});

t.test('subscribing in a pipeline, with commands before and behind', async t => {
  const twins = await Twins.start(t);
  for (const hello of ['HELLO 2', 'HELLO 3']) {
    const pair = await twins.pair(t);
    await pair.call(...hello.split(' '));
    pair.write(
      'SET k v\r\nGET k\r\nSUBSCRIBE a b\r\nPSUBSCRIBE p*\r\nPING\r\nUNSUBSCRIBE a\r\nPING x\r\n',
    );
    for (let frame = 0; frame < 8; frame++) {
      const [wanted, found] = await Promise.all([pair.direct.frame(), pair.proxied.frame()]);
      t.equal(found, wanted, `${hello}, frame ${frame}`);
    }
  }
});

t.test('every subscriber gets every message in the order of publishing', async t => {
  const twins = await Twins.start(t);
  const subscribers = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const client = await twins.forelock.connect(t);
      await client.call('SUBSCRIBE', 'ch');
      return client;
    }),
  );
  const publisher = await twins.forelock.connect(t);
  const MESSAGES = 300;
  const receivers = await publisher.pipeline(
    Array.from({ length: MESSAGES }, (_, index) => ['PUBLISH', 'ch', String(index)]),
  );
  t.ok(
    receivers.every(reply => reply === ':20\r\n'),
    'each message has 20 receivers',
  );
  for (const subscriber of subscribers) {
    const messages = (await subscriber.replies(MESSAGES)).map(reply => [decode(reply)].flat()[2]);
    t.same(
      messages,
      Array.from({ length: MESSAGES }, (_, index) => String(index)),
    );
  }
});

t.test('a subscriber that goes is no receiver any more', async t => {
  const twins = await Twins.start(t);
  const subscriber = await twins.forelock.connect(t);
  await subscriber.call('SUBSCRIBE', 'ch');
  const publisher = await twins.forelock.connect(t);
  t.equal(await publisher.call('PUBLISH', 'ch', 'x'), ':1\r\n');
  subscriber.destroy();
  await eventually(
    'nobody receives',
    async () => (await publisher.call('PUBLISH', 'ch', 'x')) === ':0\r\n',
  );
});
