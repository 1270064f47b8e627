import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { lentSocket } from '../../src/session/lent-socket.js';

/** An accepted connection is read into one buffer that all of them share. */

interface Accepted {
  readonly socket: Socket;
  readonly given: Socket;
  readonly buffers: Set<Buffer>;
  heard: string;
}

async function pair(t: Test) {
  const accepted: Accepted[] = [];
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, given => {
    const one: Accepted = {
      given,
      buffers: new Set(),
      heard: '',
      socket: lentSocket(given, (bytes, length) => {
        one.buffers.add(bytes);
        one.heard += bytes.toString('latin1', 0, length);
      }),
    };
    accepted.push(one);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const open = async (): Promise<[Socket, Accepted]> => {
    const client = connect(port, '127.0.0.1');
    t.teardown(() => client.destroy());
    await once(client, 'connect');
    while (accepted.length === 0) await new Promise(setImmediate);
    return [client, accepted.pop() as Accepted];
  };
  return { server, open };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(setImmediate);
}

t.test('two connections share the buffer, and each hears its own bytes', async t => {
  const { server, open } = await pair(t);
  const [first, one] = await open();
  const [second, other] = await open();
  first.write('first');
  second.write('second');
  await until(() => one.heard === 'first' && other.heard === 'second');
  t.not(one.socket, one.given, 'the connection was taken over');
  t.same(one.buffers, other.buffers);
  t.equal([...one.buffers][0], [...other.buffers][0], 'one buffer for both');
  for (const { socket } of [one, other]) socket.destroy();
  server.close();
  await once(server, 'close');
  t.pass('the server does not count them any more');
});

t.test('what is written arrives, and a client that closes its side still hears', async t => {
  const { server, open } = await pair(t);
  const [client, { socket }] = await open();
  const ended = once(socket, 'end');
  client.end('last');
  await ended;
  const data = once(client, 'data');
  socket.end('answer');
  t.equal(String((await data)[0]), 'answer');
  server.close();
});

t.test('a paused client is not read', async t => {
  const { server, open } = await pair(t);
  const [client, one] = await open();
  one.socket.pause();
  client.write('later');
  await new Promise(resolve => setTimeout(resolve, 50));
  t.equal(one.heard, '');
  one.socket.resume();
  await until(() => one.heard === 'later');
  t.equal(one.heard, 'later');
  one.socket.destroy();
  server.close();
});
