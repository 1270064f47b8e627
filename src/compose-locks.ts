import { processClock } from './alarm.js';
import { type ComposedForecast, composeForecast, type SharedTraining } from './compose-forecast.js';
import type { Options } from './config.js';
import type { JournalFile } from './fleet/journal-file.js';
import type { KeptNetwork } from './fleet/kept-network.js';
import { scheduleRefresh } from './forecast/schedule.js';
import type { Fleet, LockDesk, LockWorld } from './locks/contract.js';
import type { LockGroup } from './locks/group/lock-group.js';
import { LockManager } from './locks/manager.js';
import type { LockTally } from './observe/lock-tally.js';
import type { Log } from './observe/log.js';
import { Allocator } from './pool/allocator.js';
import type { Control } from './upstream/control/control.js';
import type { PipeSet } from './upstream/pipe-set.js';

/** The lock manager, its allocator and its forecast, over one upstream. */
export interface Locks {
  readonly manager: LockManager;
  /** What sessions ask: the manager, or its place in the group. */
  readonly desk: LockDesk;
  readonly allocator: Allocator;
  readonly forecast: ComposedForecast;
  /** Ends what runs by a schedule. */
  stop(): void;
}

export interface LocksNeed {
  readonly control: Control;
  readonly pipes: PipeSet;
  readonly tally: LockTally;
  readonly log: Log;
  /** Why nothing may be delegated by default now. */
  readonly delegationBar: () => string | null;
  /** The Redlock group that this upstream is a member of. */
  readonly membership: Membership | null;
  /** Names this proxy in tokens and companions. */
  readonly proxy: string;
  /** New with each start. */
  readonly epoch: string;
  readonly fleet: Fleet;
  readonly journal: JournalFile | null;
  readonly training: SharedTraining;
  readonly keptNetwork: KeptNetwork | null;
}

export interface Membership {
  readonly group: LockGroup;
  /** Its number in the group, from 0. */
  readonly member: number;
}

export function composeLocks(
  options: Options,
  {
    control,
    pipes,
    tally,
    log,
    delegationBar,
    membership,
    proxy,
    epoch,
    fleet,
    journal,
    training,
    keptNetwork,
  }: LocksNeed,
): Locks {
  const world: LockWorld = {
    ...processClock,
    fleet,
    ...(journal === null ? {} : { journal }),
    confirmation: control.confirmation,
    wallMs: () => Date.now(),
    run: (call, answered) => control.run(call, answered),
    lastHeardAtMs: () => control.lastHeardAtMs(),
    hearsChanges: () => control.hearsChanges(),
    hearsNotices: () => control.hearsNotices(),
    watch: (database, key, seen) => control.watch(database, key, seen),
    oldestUnansweredAtMs: () => pipes.oldestUnansweredAtMs(),
    delegationBar,
    doubt: (reason, database, key) => {
      tally.doubted(reason);
      log.warn({ reason, database, key }, 'the delegation of a lock is in doubt, and ends');
    },
  };
  const forecast = composeForecast(options, training, keptNetwork, log);
  const allocator = new Allocator(options, forecast.forecaster, world);
  const manager = new LockManager(
    // In a group the attempts wait for their turn there: a vote held back here would split it.
    membership === null ? options : { ...options, parkMs: 0 },
    world,
    tally.listening(allocator),
    membership === null ? allocator : membership.group.policyOf(membership.member, allocator),
    proxy,
    epoch,
  );
  allocator.serve((database, key, untilMs) => manager.reserve(database, key, untilMs));
  const refresh = scheduleRefresh(
    options.forecastSchedule,
    () => {
      allocator.refresh();
      forecast.refresh();
    },
    error => log.error({ err: error }, 'a refresh of the forecast failed'),
  );
  return {
    manager,
    desk: membership === null ? manager : membership.group.join(membership.member, manager),
    allocator,
    forecast,
    stop: () => {
      refresh.stop();
      forecast.stop();
      allocator.stop();
    },
  };
}
