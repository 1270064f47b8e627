import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { startForelock } from './forelock.js';
import { describeMachine } from './machine.js';
import { readOptions } from './options.js';
import { residentBytes } from './processes.js';
import { startRedis } from './redis.js';
import { figure, table } from './table.js';
import { targetTable } from './targets.js';

/** What a connection costs that has nothing to say: growth of Forelock's resident memory. */

export const options = {
  connections: { default: 1000, help: 'idle connections opened at a time' },
  'settle-ms': { default: 2000, help: 'pause before each look at the memory' },
} as const;

const bytesPerConnectionMax = 20_000;
/** Opened at once; below any backlog of pending connections. */
const openedAtOnce = 50;

export async function run(args: readonly string[]): Promise<void> {
  const values = readOptions(args, options);
  const count = Math.max(1, values.connections);
  console.log(`Memory of idle connections. ${describeMachine()}\n`);
  const redis = await startRedis();
  const forelock = await startForelock(redis.port);
  const resident = async () => {
    await sleep(values['settle-ms']);
    return residentBytes(forelock.pid);
  };

  // Code that the first connection makes Forelock load and compile is no cost of the others.
  const [first] = await open(forelock.port, 1);
  if (first !== undefined) await ping([first]);
  const before = await resident();
  const idle = await open(forelock.port, count);
  const connected = await resident();
  await ping(idle);
  const spoken = await resident();
  const more = await open(forelock.port, count);
  await ping(more);
  const twice = await resident();
  for (const socket of [first, ...idle, ...more]) socket?.destroy();
  await forelock.stop();
  await redis.stop();

  const row = (name: string, bytes: number, over: number) => [
    name,
    figure(bytes / 2 ** 20, 1),
    figure((bytes - over) / count / 1000, 1),
  ];
  console.log(
    table(
      ['', 'RSS in MiB', 'kB per connection'],
      [
        ['before', figure(before / 2 ** 20, 1), ''],
        row(`${count} connected, silent`, connected, before),
        row(`the same, each having sent a PING`, spoken, before),
        row(`${count} more, each having sent a PING`, twice, spoken),
      ],
    ),
  );
  const targets = (
    [
      ['silent', connected, before],
      ['having sent a PING', spoken, before],
    ] as const
  ).map(([name, bytes, over]) => ({
    name: `kB per idle connection, ${name}`,
    atMost: bytesPerConnectionMax / 1000,
    measured: (bytes - over) / count / 1000,
  }));
  console.log(`\n${targetTable(targets)}`);
}

async function open(port: number, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const some = Array.from({ length: Math.min(openedAtOnce, count - sockets.length) }, () =>
      connect({ host: '127.0.0.1', port }),
    );
    await Promise.all(some.map(socket => once(socket, 'connect')));
    sockets.push(...some);
  }
  return sockets;
}

async function ping(sockets: readonly Socket[]): Promise<void> {
  for (const socket of sockets) {
    const answered = once(socket, 'data');
    socket.write('*1\r\n$4\r\nPING\r\n');
    const [reply] = await answered;
    if (String(reply) !== '+PONG\r\n') throw new Error(`PING was answered with ${reply}`);
  }
}
