import { processClock } from './alarm.js';
import { composeTraining } from './compose-forecast.js';
import {
  type ComposedListener,
  composeListener,
  type ListenerPlace,
  type Running,
} from './compose-listener.js';
import { type KeptState, openKeptState } from './compose-state.js';
import type { ListenAddress, Options, UpstreamAddress } from './config.js';
import { formatAddress, formatUpstream } from './config.js';
import { LockGroup } from './locks/group/lock-group.js';
import { createHttp } from './observe/http.js';
import type { LogOutput } from './observe/log.js';
import { createHoldHistogram, createMetrics } from './observe/metrics.js';
import { notReadyBecause } from './observe/sources.js';
import { patience } from './patience.js';
import { bound, StartError } from './start-error.js';
import { type PrivateRedis, startPrivateRedis } from './upstream/private-redis.js';

/** Forelock as it runs. Addresses are as bound: port 0 has become a real one. */
export interface Forelock {
  /** In the order of the settings. */
  readonly listeners: readonly RunningListener[];
  readonly http: ListenAddress;
  readonly isRedisPrivate: boolean;
  /** Resolves with the reason when Forelock can't go on: its private Redis has ended. */
  readonly broken: Promise<string>;
  /** No new grants, delegations given back, clients finished; at most --drain-timeout-ms. */
  drain(): Promise<void>;
  /** Ends all that is left: listeners, connections, the private Redis. */
  close(): Promise<void>;
}

export interface RunningListener {
  readonly listen: ListenAddress;
  /** Without its login. */
  readonly upstream: string;
}

/**
 * Puts the parts together and starts them. Throws a StartError where the user can help: an address
 * is taken, or there is no redis-server. An upstream that can't be reached is no such error.
 */
export async function compose(options: Options, output: LogOutput): Promise<Forelock> {
  const redis = options.upstream === null ? await privateRedis(options) : null;
  let state: KeptState | null = null;
  try {
    state = await openKeptState(options, output.log);
    return await start(options, output, redis, state);
  } catch (error) {
    state?.leave();
    await redis?.stop();
    throw error;
  }
}

async function privateRedis(options: Options): Promise<PrivateRedis> {
  try {
    return await startPrivateRedis(options);
  } catch (error) {
    throw new StartError(error instanceof Error ? error.message : String(error));
  }
}

async function start(
  options: Options,
  output: LogOutput,
  redis: PrivateRedis | null,
  state: KeptState,
): Promise<Forelock> {
  const holds = createHoldHistogram();
  const running: Running = { startedAtMs: performance.now(), http: '', draining: false };
  const training = composeTraining(options, output.log);
  const share = {
    training,
    log: output.log,
    held: (upstream: string, heldMs: number) => holds.observe({ upstream }, heldMs / 1000),
    running,
  };
  const listeners = placesOf(options, redis, state).map(place =>
    composeListener(options, place, share),
  );
  const sources = listeners.map(each => each.sources);
  const http = createHttp(options, {
    notReady: () => notReadyBecause(sources),
    metrics: createMetrics(sources, holds, output.droppedLines),
    failed: error => output.log.error({ err: error }, 'an HTTP page failed'),
  });
  try {
    // The addresses are the last thing that can fail.
    const opened: RunningListener[] = [];
    for (const { open, upstream } of listeners) opened.push({ listen: await open(), upstream });
    const { host, port } = options.http;
    const { address, port: httpPort } = await bound(
      '--http',
      formatAddress(host, port),
      http.listen(host, port),
    );
    running.http = formatAddress(address, httpPort);
    return {
      listeners: opened,
      http: { host: address, port: httpPort },
      isRedisPrivate: redis !== null,
      broken: brokenBy(redis),
      drain: () => {
        running.draining = true;
        return drain(listeners, options.drainTimeoutMs, output);
      },
      close: async () => {
        for (const listener of listeners) listener.end();
        await training.stop();
        await http.close();
        await redis?.stop();
        state.leave();
      },
    };
  } catch (error) {
    for (const listener of listeners) listener.end();
    throw error;
  }
}

/** The pairs of --listen and --upstream, in order. */
function placesOf(
  options: Options,
  redis: PrivateRedis | null,
  state: KeptState,
): readonly ListenerPlace[] {
  const upstreams: readonly UpstreamAddress[] =
    redis === null ? (options.upstream ?? []) : [{ kind: 'unix', path: redis.socketPath }];
  // A group says in which order attempts are decided: where nothing is decided, there is none.
  const isGroup = options.group && options.mode === 'reserve';
  const group = isGroup ? new LockGroup(upstreams.length, options, processClock) : null;
  return options.listen.map((listen, member) => {
    const upstream = upstreams[member];
    if (upstream === undefined) throw new Error('a listener without an upstream');
    return {
      listen,
      upstream,
      membership: group === null ? null : { group, member },
      proxy: state.proxyId(member),
      // A private Redis has nothing left that could be recovered.
      network: state.network(member),
      journal: redis === null ? state.journal(member, formatUpstream(upstream)) : null,
    };
  });
}

function brokenBy(redis: PrivateRedis | null): Promise<string> {
  if (redis === null) return new Promise(() => {});
  return redis.ended.then(words => `the private redis-server has ended: ${words}`);
}

async function drain(
  listeners: readonly ComposedListener[],
  timeoutMs: number,
  { log }: LogOutput,
): Promise<void> {
  const finished = Promise.all(listeners.map(listener => listener.drain()));
  const isFinished = finished.then(() => true);
  if (await Promise.race([isFinished, patience(timeoutMs)])) return;
  for (const listener of listeners) {
    const left = listener.left();
    if (left.delegations + left.clients === 0) continue;
    log.warn(
      { upstream: listener.upstream, ...left },
      'not all is given back within --drain-timeout-ms: what is left ends with its lease',
    );
  }
}
