import type { SharedTraining } from './compose-forecast.js';
import { composeLocks, type Membership } from './compose-locks.js';
import type { ListenAddress, Options, UpstreamAddress } from './config.js';
import { formatAddress, formatUpstream } from './config.js';
import type { JournalFile } from './fleet/journal-file.js';
import type { KeptNetwork } from './fleet/kept-network.js';
import { Members } from './fleet/members.js';
import { randomName } from './fleet/state-directory.js';
import { CommandTable } from './intent/command-table.js';
import { ScriptKnowledge } from './intent/scripts.js';
import { channelOf, noticeOf } from './locks/notice.js';
import { createAdmin, createAdminDesk } from './observe/admin.js';
import { AdminRights } from './observe/admin-rights.js';
import { LockTally } from './observe/lock-tally.js';
import type { Log } from './observe/log.js';
import type { Sources } from './observe/sources.js';
import { packageVersion } from './package.js';
import { patience } from './patience.js';
import { encodeCommand } from './resp/encode.js';
import { parseReply, replyValue } from './resp/parse-reply.js';
import { ClientRegistry } from './session/client-registry.js';
import type { Gateway, Traffic } from './session/gateway.js';
import { Listener } from './session/listener.js';
import { bound, StartError } from './start-error.js';
import { Control } from './upstream/control/control.js';
import { Greeter } from './upstream/greeter.js';
import { PipeSet } from './upstream/pipe-set.js';
import { Waiters } from './upstream/waiters.js';

/** Where clients connect, and the Redis behind it. */
export interface ListenerPlace {
  readonly listen: ListenAddress;
  readonly upstream: UpstreamAddress;
  readonly membership: Membership | null;
  /** Names this proxy in tokens and companions. */
  readonly proxy: string;
  readonly journal: JournalFile | null;
  readonly network: KeptNetwork | null;
}

/** What the listeners of one process have in common. */
export interface ListenersShare {
  readonly log: Log;
  /** Of each lock of that upstream (without its login) when it is released. */
  readonly held: (upstream: string, heldMs: number) => void;
  readonly running: Running;
  readonly training: SharedTraining;
}

/** What changes while Forelock runs, for those who look. */
export interface Running {
  readonly startedAtMs: number;
  http: string;
  draining: boolean;
}

/** One listener as it runs: its clients, its locks, its Redis. */
export interface ComposedListener {
  readonly sources: Sources;
  /** Without its login. */
  readonly upstream: string;
  /** Takes the address; resolves with it as bound: port 0 has become a real one. */
  open(): Promise<ListenAddress>;
  /** Takes no new clients, gives delegations back, finishes clients; no time limit. */
  drain(): Promise<void>;
  /** What is not drained yet. */
  left(): { readonly delegations: number; readonly clients: number };
  /** Ends all that is left. */
  end(): void;
}

/** Puts the parts of one listener together; no address is taken before `open`. */
export function composeListener(
  options: Options,
  { listen, upstream, membership, proxy, journal, network }: ListenerPlace,
  { log, held, running, training }: ListenersShare,
): ComposedListener {
  const upstreamOptions = { ...options, endpoint: upstream };
  const upstreamName = formatUpstream(upstream);
  const greeter = new Greeter(upstreamOptions);
  const pipes = new PipeSet(upstreamOptions);
  const scripts = new ScriptKnowledge(options);
  const waiters = new Waiters(options.reconnectWaitMs);
  let commands: CommandTable | null = null;
  const learnCommands = (reply: unknown): void => {
    commands = new CommandTable(reply ?? []);
    scripts.useCommands(commands);
    waiters.release();
  };
  const credentials = upstream.kind === 'tcp' ? upstream.credentials : null;
  // Where nothing is granted from memory, nothing has to be confirmed.
  const confirm = options.mode === 'reserve' ? options.confirm : null;
  const control = new Control(
    { ...upstreamOptions, credentials, confirm },
    [channelOf(proxy)],
    {
      commands: learnCommands,
      lost: () => {
        scripts.upstreamLost();
        locks.manager.upstreamLost();
      },
      back: () => {
        locks.manager.upstreamBack();
        rights.connected();
      },
      doubt: reason => {
        scripts.upstreamLost();
        locks.manager.doubtAll(reason);
      },
      message: message => {
        const notice = noticeOf(message);
        if (notice !== null) locks.manager.told(notice);
      },
      changed: keys => {
        const { manager } = locks;
        if (keys === null) return manager.allChanged();
        for (const database of manager.databases()) {
          for (const key of keys) manager.changed(database, key);
        }
      },
    },
    log,
  );
  const rights = new AdminRights((user, words) => control.permissions.mayRun(user, words), options);
  const tally = new LockTally(heldMs => held(upstreamName, heldMs));
  const broadcastTrackers = new Set<number>();
  const delegationBar = (): string | null =>
    broadcastTrackers.size > 0
      ? 'a client tracks keys with CLIENT TRACKING … BCAST'
      : control.delegationBar();
  const epoch = randomName();
  const members = new Members(
    control,
    proxy,
    epoch,
    () => options.mode === 'reserve' && locks.manager.count() > 0,
    options,
  );
  const locks = composeLocks(options, {
    epoch,
    fleet: {
      others: () => members.others(),
      whenKnown: then => members.whenKnown(then),
      tell: (to, message) => control.ask(['PUBLISH', channelOf(to), message], () => {}),
    },
    control,
    pipes,
    tally,
    log,
    delegationBar,
    membership,
    proxy,
    journal,
    training,
    keptNetwork: network,
  });
  const traffic: Traffic = {
    commands: 0,
    clientsAccepted: 0,
    clientsRefused: 0,
    clientsClosedForOutput: 0,
  };
  const clients = new ClientRegistry();
  let listenName = formatAddress(listen.host, listen.port);
  const sources: Sources = {
    about: () => ({
      version: packageVersion(),
      mode: options.mode,
      listen: listenName,
      http: running.http,
      uptimeMs: performance.now() - running.startedAtMs,
      draining: running.draining,
      groupSize: options.group ? options.listen.length : null,
    }),
    upstream: () => ({
      address: upstreamName,
      reachable: heardWithin(control, options.upstreamSilenceMs),
      redisVersion: control.redisVersion,
      role: control.role,
      lastHeardMsAgo: msAgo(control.lastHeardAtMs()),
      readySilenceMs: options.readySilenceMs,
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
    forecast: () => locks.forecast.view(),
  };
  const admin = createAdmin(sources, options);
  const gateway: Gateway = {
    options,
    pipes,
    greeter,
    clients,
    desk: locks.desk,
    decides: options.mode === 'reserve',
    permissions: control.permissions,
    scripts,
    broadcastTrackers,
    admin: createAdminDesk(admin, rights),
    log,
    journal,
    commands: () => commands,
    bulkMaxBytes: () => control.bulkMaxBytes,
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
    letsStrangersIn: false,
    traffic,
  };
  const listener = new Listener(gateway);
  const recovered = locks.manager.recover(journal?.proven ?? []);
  return {
    sources,
    upstream: upstreamName,
    open: async () => {
      const waited = patience(options.reconnectWaitMs);
      const lack = await Promise.race([control.lacks(), waited]);
      if (lack) throw new StartError(`--confirm: ${upstreamName}: ${lack}`);
      // A holder that comes back must find its lock; Redis may be away for long.
      await Promise.race([recovered, waited]);
      const { host } = listen;
      const port = await bound('--listen', listenName, listener.listen(host, listen.port));
      listenName = formatAddress(host, port);
      return { host, port };
    },
    drain: async () => {
      listener.stop();
      await Promise.all([locks.manager.drain(), clients.finished()]);
    },
    left: () => ({ delegations: locks.manager.delegatedCount(), clients: clients.size }),
    end: () => {
      listener.stop();
      locks.stop();
      members.leave();
      for (const client of [...clients.all()]) client.close();
      pipes.close();
      greeter.close();
      control.close();
      waiters.close();
      rights.close();
      journal?.close();
    },
  };
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
