import { createServer } from 'node:net';

/**
 * What no proxy in Node can beat: a server that reads nothing of a command but its first letter,
 * and answers +OK to SET and :1 to all else. It relies on its clients to send one command at a time.
 */

/** Where the first letter of the command's name stands in `*6\r\n$3\r\nSET\r\n…`. */
const firstLetterAt = 8;
const letterS = 'S'.charCodeAt(0);
const ok = Buffer.from('+OK\r\n');
const one = Buffer.from(':1\r\n');

const server = createServer({ noDelay: true }, socket => {
  socket.on('data', chunk => socket.write(chunk[firstLetterAt] === letterS ? ok : one));
  socket.on('error', () => socket.destroy());
});

process.once('disconnect', () => process.exit());

server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address instanceof Object) process.send?.({ port: address.port });
});
