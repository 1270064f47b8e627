import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { ClientOutput } from '../../src/session/client-output.js';
import type { Gateway, HeldBack, WrittenFirst } from '../../src/session/gateway.js';
import type { Lifetime } from '../harness/lifetime.js';

/** Replies on their way to a client, where grants are written down before anybody hears of them. */

class Journal implements WrittenFirst {
  unwritten = false;
  readonly held: HeldBack[] = [];
  writes = 0;

  hold(back: HeldBack): void {
    this.held.push(back);
  }

  writeNow(): void {
    this.writes++;
    this.unwritten = false;
    for (const back of this.held.splice(0)) back.letGo();
  }
}

/** A client's output, and what of it the client has read. */
async function output(t: Lifetime, journal: WrittenFirst | null) {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [socket] = (await once(server, 'connection')) as [Socket];
  let read = '';
  client.on('data', bytes => {
    read += bytes.toString();
  });
  client.on('end', () => {
    read += '(end)';
  });
  t.teardown(() => {
    client.destroy();
    socket.destroy();
    server.close();
  });
  const gateway = { journal, options: { closingPatienceMs: 1000 } } as Gateway;
  const heard = async (): Promise<string> => {
    await sleep(30);
    return read;
  };
  return { out: new ClientOutput(socket, gateway, 1, () => undefined), heard };
}

t.test('a reply waits until what it tells is written; later ones stay behind it', async t => {
  const journal = new Journal();
  const { out, heard } = await output(t, journal);
  out.write(Buffer.from('+before\r\n'));
  journal.unwritten = true;
  out.write(Buffer.from('+OK\r\n'));
  out.writeLent(Buffer.from('xx:1\r\nxx'), 2, 6);
  t.equal(await heard(), '+before\r\n');
  t.equal(journal.held.length, 1, 'it waits once');
  journal.writeNow();
  t.equal(await heard(), '+before\r\n+OK\r\n:1\r\n');
  out.writeLent(Buffer.from('+OK\r\n'), 0, 5);
  journal.unwritten = true;
  out.writeLent(Buffer.from('+OK\r\n'), 0, 5);
  t.equal(await heard(), '+before\r\n+OK\r\n:1\r\n+OK\r\n');
  journal.writeNow();
  t.equal(await heard(), '+before\r\n+OK\r\n:1\r\n+OK\r\n+OK\r\n');
});

t.test('a connection that ends says nothing that is not written', async t => {
  const journal = new Journal();
  const { out, heard } = await output(t, journal);
  journal.unwritten = true;
  out.write(Buffer.from('+OK\r\n'));
  out.end();
  t.equal(journal.writes, 1, 'written before the end lets it out');
  t.equal(await heard(), '+OK\r\n(end)');
});

t.test('what waits for a client that is gone is forgotten', async t => {
  const journal = new Journal();
  const { out, heard } = await output(t, journal);
  journal.unwritten = true;
  out.write(Buffer.from('+OK\r\n'));
  out.destroy();
  journal.writeNow();
  t.equal(await heard(), '(end)');
});

t.test('without a journal nothing waits', async t => {
  const { out, heard } = await output(t, null);
  out.write(Buffer.from('+OK\r\n'));
  t.equal(await heard(), '+OK\r\n');
});

t.test('what looks like OK at its beginning goes out as it is', async t => {
  const { out, heard } = await output(t, null);
  const pieces = ['+ON\r\n', '+Ok\r\n', '+OK\r\n', '+OKAY', '+OUT.', '+OK\r', '\n', '+O\n\r\n'];
  for (const piece of pieces) out.writeLent(Buffer.from(piece), 0, piece.length);
  t.equal(await heard(), pieces.join(''));
});
