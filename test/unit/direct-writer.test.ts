import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { DirectWriter } from '../../src/resp/direct-writer.js';

/** What is written past the stream arrives as if it had been written to the stream. */

interface Link {
  /** The end that is written to, and the one that reads. */
  readonly socket: Socket;
  readonly peer: Socket;
}

async function link(t: Test, kind: 'tcp' | 'unix' = 'tcp'): Promise<Link> {
  const server = createServer({ allowHalfOpen: true });
  const path = join(mkdtempSync(join(tmpdir(), 'direct-')), 'socket');
  if (kind === 'unix') server.listen(path);
  else server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const peer =
    kind === 'unix' ? connect(path) : connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [socket] = (await once(server, 'connection')) as [Socket];
  t.teardown(() => {
    socket.destroy();
    peer.destroy();
    server.close();
  });
  for (const end of [socket, peer]) end.on('error', () => undefined);
  return { socket, peer };
}

/** What the kernel has not taken yet. */
function queueBytes(socket: Socket): number {
  return (socket as Socket & { _handle: { writeQueueSize: number } })._handle.writeQueueSize;
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(resolve => setTimeout(resolve, 1));
}

/** The bytes number `from` to `to` of a sequence without a period that a block could hide in. */
function sequence(from: number, to: number): Buffer {
  const bytes = Buffer.alloc(to - from);
  for (let at = from; at < to; at++)
    bytes[at - from] = (at * 31 + (at >> 8) * 7 + (at >> 16)) & 0xff;
  return bytes;
}

/** Writes pieces of these sizes over and over, in both manners, until `stop` says so. */
function pieces(writer: DirectWriter, sizes: readonly number[]) {
  let written = 0;
  let directly = 0;
  let allSentAt = 0;
  let overcounted = 0;
  let turn = 0;
  return {
    get written() {
      return written;
    },
    get directly() {
      return directly;
    },
    get overcounted() {
      return overcounted;
    },
    next() {
      const size = sizes[turn % sizes.length] as number;
      const bytes = sequence(written, written + size);
      if (turn % 3 === 0) {
        if (writer.writeBytes(bytes)) {
          bytes.fill('?');
          directly++;
        }
      } else {
        const lent = Buffer.concat([Buffer.from('<<'), bytes, Buffer.from('>>')]);
        writer.writeLent(lent, 2, 2 + size);
        lent.fill('!');
      }
      written += size;
      turn++;
      if (writer.waitingBytes === 0) allSentAt = written;
      overcounted += Math.max(0, writer.waitingBytes - (written - allSentAt));
    },
  };
}

for (const kind of ['tcp', 'unix'] as const) {
  t.test(`${kind}: all arrives in order, while the reader stops and goes on`, async t => {
    const { socket, peer } = await link(t, kind);
    let drains = 0;
    let forgotten = 0;
    const writer = new DirectWriter(socket, () => {
      drains++;
      forgotten += Math.max(0, queueBytes(socket) - writer.waitingBytes);
    });
    const heard: Buffer[] = [];
    let heardBytes = 0;
    peer.on('data', bytes => {
      heard.push(bytes);
      heardBytes += bytes.length;
    });
    const source = pieces(writer, [5, 700, 1025, 3, 40_000, 1024, 200_000, 1, 64]);
    for (let pause = 0; pause < 6; pause++) {
      for (let few = 0; few < 8; few++) source.next();
      await until(() => heardBytes === source.written);
      peer.pause();
      while (writer.waitingBytes < 300_000) source.next();
      // Some more behind what waits, and some between two looks at it.
      for (let more = 0; more < 20; more++) source.next();
      await new Promise(setImmediate);
      source.next();
      peer.resume();
      await until(() => heardBytes === source.written);
    }
    t.ok(Buffer.concat(heard).equals(sequence(0, source.written)), `${source.written} bytes`);
    t.ok(source.directly > 10, `${source.directly} buffers were sent at once`);
    t.ok(drains >= 6, 'and it was told each time that what waited is gone');
    t.equal(writer.waitingBytes, 0);
    t.equal(forgotten, 0, 'all that waited was counted');
    t.equal(source.overcounted, 0, 'and counted once');
  });
}

t.test('two that wait at once are told apart', async t => {
  const links = [await link(t), await link(t), await link(t)];
  const drained = new Set<number>();
  const writers = links.map(
    ({ socket }, index) => new DirectWriter(socket, () => drained.add(index)),
  );
  for (const { peer } of links) peer.pause();
  for (const [index, writer] of writers.entries()) {
    writer.writeLent(Buffer.from('x'), 0, 1);
    t.equal(writer.writeBytes(sequence(index, index + 8 * 1024 * 1024)), false);
  }
  for (const [index, { peer }] of links.entries()) {
    const heard: Buffer[] = [];
    peer.on('data', bytes => heard.push(bytes));
    peer.resume();
    await until(() => drained.has(index));
    await until(() => Buffer.concat(heard).length === 8 * 1024 * 1024 + 1);
    const whole = Buffer.concat(heard).subarray(1);
    t.ok(whole.equals(sequence(index, index + 8 * 1024 * 1024)), `connection ${index}`);
    t.equal(writers[index]?.waitingBytes, 0);
  }
});

t.test('what the stream has taken before goes before', async t => {
  const { socket, peer } = await link(t);
  const writer = new DirectWriter(socket, () => undefined);
  writer.writeLent(Buffer.from('x'), 0, 1);
  peer.pause();
  const large = sequence(0, 6 * 1024 * 1024);
  for (let turn = 0; turn < 3; turn++) socket.write(large);
  writer.writeLent(Buffer.from('short'), 0, 5);
  t.equal(writer.writeBytes(Buffer.from('last')), false);
  const heard: Buffer[] = [];
  peer.on('data', bytes => heard.push(bytes));
  peer.resume();
  await until(() => Buffer.concat(heard).subarray(-4).equals(Buffer.from('last')));
  const [x, last] = [Buffer.from('x'), Buffer.from('shortlast')];
  t.ok(Buffer.concat(heard).equals(Buffer.concat([x, large, large, large, last])));
});

t.test('the first reply of all, +OK, and one of bytes above 127 arrive as they are', async t => {
  const { socket, peer } = await link(t);
  const writer = new DirectWriter(socket, () => undefined);
  const replies = [
    '+OK\r\n',
    '+OH\r\n',
    '+OKAY\r\n',
    '+OKAY',
    ':12\r\n',
    '+OK\r\n',
    '$3\r\n\xff\x80\0\r\n',
  ];
  let heard = '';
  peer.on('data', bytes => {
    heard += bytes.toString('latin1');
  });
  for (const reply of replies) {
    const bytes = Buffer.from(reply, 'latin1');
    writer.writeLent(bytes, 0, bytes.length);
  }
  await until(() => heard.length === replies.join('').length);
  t.equal(heard, replies.join(''));
});

t.test('a corked stream lets nothing pass it', async t => {
  const { socket, peer } = await link(t);
  const writer = new DirectWriter(socket, () => undefined);
  let heard = '';
  peer.on('data', bytes => {
    heard += String(bytes);
  });
  writer.writeLent(Buffer.from('one '), 0, 4);
  await until(() => heard === 'one ');
  socket.cork();
  writer.writeLent(Buffer.from('two '), 0, 4);
  t.equal(writer.writeBytes(Buffer.from('three ')), false);
  t.equal(writer.waitingBytes, 10);
  await new Promise(resolve => setTimeout(resolve, 20));
  t.equal(heard, 'one ');
  socket.uncork();
  await until(() => heard.length > 4);
  t.equal(heard, 'one two three ');
});

t.test('the end of the connection comes behind what waits', async t => {
  const { socket, peer } = await link(t);
  peer.pause();
  const writer = new DirectWriter(socket, () => undefined);
  writer.writeLent(Buffer.from('x'), 0, 1);
  const large = Buffer.alloc(8 * 1024 * 1024, 'y');
  t.equal(writer.writeBytes(large), false);
  t.ok(writer.waitingBytes > 0);
  socket.end();
  let heardBytes = 0;
  peer.on('data', bytes => {
    heardBytes += bytes.length;
  });
  peer.resume();
  await once(peer, 'end');
  t.equal(heardBytes, large.length + 1);
});

t.test('a connection that is closed with bytes waiting tells so, and takes no more', async t => {
  const { socket, peer } = await link(t);
  peer.pause();
  let drains = 0;
  const writer = new DirectWriter(socket, () => drains++);
  writer.writeLent(Buffer.from('x'), 0, 1);
  writer.writeBytes(Buffer.alloc(8 * 1024 * 1024));
  t.ok(writer.waitingBytes > 0);
  socket.destroy();
  await once(socket, 'close');
  await until(() => drains === 1);
  t.equal(writer.waitingBytes, 0);
  writer.writeLent(Buffer.from('late'), 0, 4);
  t.equal(writer.writeBytes(Buffer.from('late')), false);
});

t.test('a connection that the other side has cut is closed by the next write', async t => {
  const { socket, peer } = await link(t);
  const writer = new DirectWriter(socket, () => undefined);
  writer.writeLent(Buffer.from('x'), 0, 1);
  const reasons: string[] = [];
  socket.on('error', error => reasons.push(error.message));
  // Nobody reads here, so it is the writing that finds out.
  socket.pause();
  peer.resetAndDestroy();
  await once(peer, 'close');
  const closed = new Promise(resolve => socket.on('close', resolve));
  const timer = setInterval(() => writer.writeLent(Buffer.from('anybody?'), 0, 8), 1);
  t.teardown(() => clearInterval(timer));
  await closed;
  t.match(reasons.join(), /EPIPE|ECONNRESET/);
});

t.test('a socket whose handle is another than Node has now is written to as a stream', async t => {
  const { socket, peer } = await link(t);
  const { _handle: handle } = socket as Socket & { _handle: { writeBuffer?: unknown } };
  handle.writeBuffer = undefined;
  const writer = new DirectWriter(socket, () => undefined);
  let heard = '';
  peer.on('data', bytes => {
    heard += String(bytes);
  });
  for (const text of ['one ', 'two ', 'three']) writer.writeLent(Buffer.from(text), 0, text.length);
  await until(() => heard === 'one two three');
  t.equal(heard, 'one two three');
});
