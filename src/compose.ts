import { type AddressInfo, connect, createServer } from 'node:net';
import type { Options, UpstreamAddress } from './config.js';
import { formatAddress, formatUpstream } from './config.js';
import { createHttp } from './observe/http.js';
import { LockTally } from './observe/lock-tally.js';
import type { LogOutput } from './observe/log.js';
import { createHoldHistogram, createMetrics } from './observe/metrics.js';
import { notReadyBecause, type Sources } from './observe/sources.js';
import { packageVersion } from './package.js';
import { bound, StartError } from './start-error.js';
import { type PrivateRedis, startPrivateRedis } from './upstream/private-redis.js';

/** Forelock as it runs. Addresses are as bound: port 0 has become a real one. */
export interface Forelock {
  readonly listen: { readonly host: string; readonly port: number };
  readonly http: { readonly host: string; readonly port: number };
  /** Without its login. */
  readonly upstream: string;
  readonly isRedisPrivate: boolean;
  /** Resolves with the reason when Forelock can't go on: its private Redis has ended. */
  readonly broken: Promise<string>;
  /** No new grants, delegations given back, clients finished; at most --drain-timeout-ms. */
  drain(): Promise<void>;
  /** Ends all that is left: listeners, connections, the private Redis. */
  close(): Promise<void>;
}

/**
 * Puts the parts together and starts them. Throws a StartError where the user can help: an address
 * is taken, or there is no redis-server. An upstream that can't be reached is no such error.
 */
export async function compose(options: Options, output: LogOutput): Promise<Forelock> {
  const startedAtMs = performance.now();
  const redis = options.upstream === null ? await privateRedis() : null;
  try {
    return await start(options, output, redis, startedAtMs);
  } catch (error) {
    await redis?.stop();
    throw error;
  }
}

async function privateRedis(): Promise<PrivateRedis> {
  try {
    return await startPrivateRedis();
  } catch (error) {
    throw new StartError(error instanceof Error ? error.message : String(error));
  }
}

async function start(
  options: Options,
  { log, droppedLines }: LogOutput,
  redis: PrivateRedis | null,
  startedAtMs: number,
): Promise<Forelock> {
  const upstream: UpstreamAddress =
    redis !== null ? { kind: 'unix', path: redis.socketPath } : upstreamOf(options);
  let draining = false;

  const server = createServer(client => {
    const redisSocket =
      upstream.kind === 'unix' ? connect(upstream.path) : connect(upstream.port, upstream.host);
    client.on('error', () => redisSocket.destroy());
    redisSocket.on('error', () => client.destroy());
    client.pipe(redisSocket).pipe(client);
  });
  await bound(
    '--listen',
    formatAddress(options.listen.host, options.listen.port),
    new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(options.listen.port, options.listen.host, resolve);
    }),
  );
  const listenAddress = server.address() as AddressInfo;

  const sources: Sources = {
    about: () => ({
      version: packageVersion(),
      mode: options.mode,
      listen: '',
      http: '',
      uptimeMs: performance.now() - startedAtMs,
      draining,
    }),
    upstream: () => ({
      address: formatUpstream(upstream),
      reachable: true,
      redisVersion: null,
      role: null,
      lastHeardMsAgo: null,
      pipes: 0,
      ownConnections: 0,
      delegationBar: null,
    }),
    clients: () => ({ connected: 0, accepted: 0, refused: 0, closedForOutput: 0 }),
    locks: {
      count: () => 0,
      delegatedCount: () => 0,
      all: () => [],
      delegated: () => [],
      find: () => null,
    },
    scores: { highest: () => [], find: () => null },
  };

  const holds = createHoldHistogram();
  const tally = new LockTally(heldMs => holds.observe(heldMs / 1000));
  const http = createHttp({
    notReady: () => notReadyBecause(sources),
    metrics: createMetrics(sources, tally, holds, droppedLines),
    failed: error => log.error({ err: error }, 'an HTTP page failed'),
  });
  const httpAddress = await bound(
    '--http',
    formatAddress(options.http.host, options.http.port),
    http.listen(options.http.host, options.http.port),
  );

  return {
    listen: { host: listenAddress.address, port: listenAddress.port },
    http: { host: httpAddress.address, port: httpAddress.port },
    upstream: formatUpstream(upstream),
    isRedisPrivate: redis !== null,
    broken:
      redis === null
        ? new Promise(() => {})
        : redis.ended.then(words => `the private redis-server has ended: ${words}`),
    drain: async () => {
      draining = true;
    },
    close: async () => {
      server.close();
      await http.close();
      await redis?.stop();
    },
  };
}

function upstreamOf(options: Options): UpstreamAddress {
  if (options.upstream === null) throw new Error('no upstream');
  return options.upstream;
}
