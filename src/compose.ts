import { composeLocks, type Locks } from './compose-locks.js';
import type { Options, UpstreamAddress } from './config.js';
import { formatAddress, formatUpstream } from './config.js';
import { CommandTable } from './intent/command-table.js';
import { ScriptKnowledge } from './intent/scripts.js';
import { createAdmin, createAdminDesk } from './observe/admin.js';
import { createHttp } from './observe/http.js';
import { LockTally } from './observe/lock-tally.js';
import type { LogOutput } from './observe/log.js';
import { createHoldHistogram, createMetrics } from './observe/metrics.js';
import { notReadyBecause, type Sources } from './observe/sources.js';
import { packageVersion } from './package.js';
import { encodeCommand } from './resp/encode.js';
import { parseReply, replyValue } from './resp/parse-reply.js';
import { ClientRegistry } from './session/client-registry.js';
import type { Gateway, Traffic } from './session/gateway.js';
import { Listener } from './session/listener.js';
import { bound, StartError } from './start-error.js';
import { Control } from './upstream/control/control.js';
import { Greeter } from './upstream/greeter.js';
import { PipeSet } from './upstream/pipe-set.js';
import { type PrivateRedis, startPrivateRedis } from './upstream/private-redis.js';
import { Waiters } from './upstream/waiters.js';

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
  const redis = options.upstream === null ? await privateRedis() : null;
  try {
    return await start(options, output, redis);
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
  output: LogOutput,
  redis: PrivateRedis | null,
): Promise<Forelock> {
  const upstream = redis === null ? upstreamOf(options) : unixUpstream(redis.socketPath);
  const service = composeService(options, upstream, output);
  try {
    return await open(service, options, upstream, output, redis);
  } catch (error) {
    service.end();
    throw error;
  }
}

function upstreamOf(options: Options): UpstreamAddress {
  if (options.upstream === null) throw new Error('no upstream');
  return options.upstream;
}

function unixUpstream(path: string): UpstreamAddress {
  return { kind: 'unix', path };
}

/** All that serves clients, before any address is taken. */
interface Service {
  readonly gateway: Gateway;
  readonly control: Control;
  readonly locks: Locks;
  readonly tally: LockTally;
  readonly holds: ReturnType<typeof createHoldHistogram>;
  readonly sources: Sources;
  readonly running: Running;
  end(): void;
}

/** What changes while Forelock runs, for those who look. */
interface Running {
  readonly startedAtMs: number;
  listen: string;
  http: string;
  draining: boolean;
}

function composeService(options: Options, upstream: UpstreamAddress, { log }: LogOutput): Service {
  const upstreamOptions = { ...options, endpoint: upstream };
  const greeter = new Greeter(upstreamOptions);
  const pipes = new PipeSet(upstreamOptions);
  const scripts = new ScriptKnowledge();
  const waiters = new Waiters(options.reconnectWaitMs);
  let commands: CommandTable | null = null;
  const learnCommands = (reply: unknown): void => {
    commands = new CommandTable(reply ?? []);
    scripts.useCommands(commands);
    waiters.release();
  };
  const credentials = upstream.kind === 'tcp' ? upstream.credentials : null;
  const control = new Control(
    { ...upstreamOptions, credentials },
    {
      commands: learnCommands,
      lost: () => {
        scripts.upstreamLost();
        locks.manager.upstreamLost();
      },
      back: () => locks.manager.upstreamBack(),
      doubt: reason => {
        scripts.upstreamLost();
        locks.manager.doubtAll(reason);
      },
    },
    log,
  );
  const holds = createHoldHistogram();
  const tally = new LockTally(heldMs => holds.observe(heldMs / 1000));
  const broadcastTrackers = new Set<number>();
  const delegationBar = (): string | null =>
    broadcastTrackers.size > 0
      ? 'a client tracks keys with CLIENT TRACKING … BCAST'
      : control.delegationBar();
  const locks = composeLocks(options, { control, pipes, tally, log, delegationBar });
  const traffic: Traffic = {
    commands: 0,
    clientsAccepted: 0,
    clientsRefused: 0,
    clientsClosedForOutput: 0,
  };
  const clients = new ClientRegistry();
  const running: Running = {
    startedAtMs: performance.now(),
    listen: '',
    http: '',
    draining: false,
  };
  const sources: Sources = {
    about: () => ({
      version: packageVersion(),
      mode: options.mode,
      listen: running.listen,
      http: running.http,
      uptimeMs: performance.now() - running.startedAtMs,
      draining: running.draining,
    }),
    upstream: () => ({
      address: formatUpstream(upstream),
      reachable: heardWithin(control, options.upstreamSilenceMs),
      redisVersion: control.redisVersion,
      role: control.role,
      lastHeardMsAgo: msAgo(control.lastHeardAtMs()),
      delegationBar: delegationBar(),
      ...pipes.counts(),
    }),
    clients: () => ({
      connected: clients.size,
      accepted: traffic.clientsAccepted,
      refused: traffic.clientsRefused,
      closedForOutput: traffic.clientsClosedForOutput,
    }),
    tally,
    locks: locks.manager,
    scores: locks.allocator,
  };
  const admin = createAdmin(sources);
  const gateway: Gateway = {
    options,
    pipes,
    greeter,
    clients,
    desk: locks.manager,
    decides: options.mode === 'reserve',
    permissions: control.permissions,
    scripts,
    broadcastTrackers,
    admin: createAdminDesk(admin, (user, words) => control.permissions.mayRun(user, words)),
    log,
    commands: () => commands,
    whenCommandsKnown: (state, known) => {
      if (commands !== null) return known(true);
      // Forelock itself may not be let in, having no login: then its clients ask for it.
      if (waiters.none) {
        greeter.ask(state, COMMAND, reply => {
          if (commands === null && reply?.[0] === ASTERISK) learnCommands(plainReply(reply));
        });
      }
      waiters.add(known);
    },
    traffic,
  };
  const end = (): void => {
    locks.stop();
    for (const client of [...clients.all()]) client.close();
    pipes.close();
    greeter.close();
    control.close();
    waiters.close();
  };
  return { gateway, control, locks, tally, holds, sources, running, end };
}

/** A Redis that accepts connections and answers nothing serves nobody. */
function heardWithin(control: Control, limitMs: number): boolean {
  return performance.now() - control.lastHeardAtMs() <= limitMs;
}

const COMMAND = encodeCommand(['COMMAND']);
const ASTERISK = 0x2a;

function plainReply(reply: Buffer): unknown {
  return replyValue(parseReply(reply));
}

function msAgo(atMs: number): number | null {
  return Number.isFinite(atMs) ? performance.now() - atMs : null;
}

/** Takes the addresses, the last thing that can fail. */
async function open(
  { gateway, locks, holds, sources, running, end }: Service,
  options: Options,
  upstream: UpstreamAddress,
  { log, droppedLines }: LogOutput,
  redis: PrivateRedis | null,
): Promise<Forelock> {
  const listener = new Listener(gateway);
  const { host } = options.listen;
  const port = await bound(
    '--listen',
    formatAddress(host, options.listen.port),
    listener.listen(host, options.listen.port),
  );
  const http = createHttp({
    notReady: () => notReadyBecause(sources),
    metrics: createMetrics(sources, holds, droppedLines),
    failed: error => log.error({ err: error }, 'an HTTP page failed'),
  });
  const httpAddress = await bound(
    '--http',
    formatAddress(options.http.host, options.http.port),
    http.listen(options.http.host, options.http.port),
  );
  running.listen = formatAddress(host, port);
  running.http = formatAddress(httpAddress.address, httpAddress.port);
  return {
    listen: { host, port },
    http: { host: httpAddress.address, port: httpAddress.port },
    upstream: formatUpstream(upstream),
    isRedisPrivate: redis !== null,
    broken:
      redis === null
        ? new Promise(() => {})
        : redis.ended.then(words => `the private redis-server has ended: ${words}`),
    drain: async () => {
      running.draining = true;
      listener.stop();
      const finished = Promise.all([locks.manager.drain(), gateway.clients.finished()]);
      const isFinished = finished.then(() => true);
      if (await Promise.race([isFinished, patience(options.drainTimeoutMs)])) return;
      log.warn(
        { delegations: locks.manager.delegatedCount(), clients: gateway.clients.size },
        'not all is given back within --drain-timeout-ms: what is left ends with its lease',
      );
    },
    close: async () => {
      listener.stop();
      end();
      await http.close();
      await redis?.stop();
    },
  };
}

function patience(ms: number): Promise<false> {
  return new Promise(resolve => {
    setTimeout(() => resolve(false), ms).unref();
  });
}
