import { connect, createServer, type Socket } from 'node:net';

/**
 * What a shared pipe in Node can do at best: forty lines that gather the bytes of all clients for one
 * connection to Redis, count requests by their `*` and replies by their first letter, and look at
 * nothing else. They understand what redis-benchmark sends and no more, and are no proxy.
 * Argument: the port of Redis.
 */

const port = Number(process.argv[2]);
const [asterisk, dollar, plus, capitalC] = [0x2a, 0x24, 0x2b, 0x43];
/** Where the first letter of the command's name stands in `*3\r\n$3\r\nSET\r\n…`. */
const firstLetterAt = 8;

/** Who waits for replies, in the order of their requests. */
const waiting: { readonly client: Socket; requests: number; replies: number }[] = [];
let gathered: Buffer[] = [];

const redis = connect({ host: '127.0.0.1', port, noDelay: true });
redis.on('data', (bytes: Buffer) => {
  let from = 0;
  for (let at = 0; at < bytes.length; at++) {
    if (bytes[at] !== plus && bytes[at] !== dollar) continue;
    const first = waiting[0];
    if (first !== undefined && first.replies === first.requests) {
      if (from < at) first.client.write(bytes.subarray(from, at));
      waiting.shift();
      from = at;
    }
    if (waiting[0] !== undefined) waiting[0].replies++;
  }
  waiting[0]?.client.write(bytes.subarray(from));
});

function send(client: Socket, bytes: Buffer): void {
  let requests = 0;
  for (const byte of bytes) if (byte === asterisk) requests++;
  waiting.push({ client, requests, replies: 0 });
  if (gathered.push(bytes) > 1) return;
  setImmediate(() => {
    redis.write(gathered.length === 1 ? (gathered[0] ?? '') : Buffer.concat(gathered));
    gathered = [];
  });
}

const server = createServer({ noDelay: true }, client => {
  client.on('error', () => client.destroy());
  client.once('data', (bytes: Buffer) => {
    // Before it begins it asks for settings: an array, which would be counted wrongly.
    if (bytes[firstLetterAt] === capitalC) {
      const own = connect({ host: '127.0.0.1', port, noDelay: true });
      own.write(bytes);
      client.pipe(own).pipe(client);
      return;
    }
    send(client, bytes);
    client.on('data', (more: Buffer) => send(client, more));
  });
});

process.once('disconnect', () => process.exit());

server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address instanceof Object) process.send?.({ port: address.port });
});
