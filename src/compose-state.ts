import type { Options } from './config.js';
import { JournalFile } from './fleet/journal-file.js';
import { KeptNetwork } from './fleet/kept-network.js';
import {
  bootId,
  openStateDirectory,
  proxyIdOf,
  type StateDirectory,
} from './fleet/state-directory.js';
import type { Log } from './observe/log.js';
import { StartError } from './start-error.js';

/** What outlives this process, if anything does: names and journals of its listeners. */
export interface KeptState {
  /** Names the proxy of that listener in tokens and companions. */
  proxyId(listener: number): string;
  /** @param upstream without its login */
  journal(listener: number, upstream: string): JournalFile | null;
  /** Where the network of that listener is kept. */
  network(listener: number): KeptNetwork | null;
  leave(): void;
}

/** Throws a StartError where the directory can't be used. */
export async function openKeptState(options: Options, log: Log): Promise<KeptState> {
  const { stateDir } = options;
  const explained = (error: unknown): StartError =>
    new StartError(`--state-dir ${stateDir}: ${error instanceof Error ? error.message : error}`);
  let directory: StateDirectory | null = null;
  if (stateDir !== null) {
    try {
      directory = await openStateDirectory(stateDir, options.stateDirAnswerMs);
    } catch (error) {
      throw explained(error);
    }
  }
  return {
    proxyId: listener => proxyIdOf(directory, listener),
    journal: (listener, upstream) => {
      if (directory === null) return null;
      const proxy = proxyIdOf(directory, listener);
      const owner = { boot: bootId(), proxy, upstream };
      try {
        return new JournalFile(directory.journalPath(listener), owner, options, log);
      } catch (error) {
        throw explained(error);
      }
    },
    network: listener =>
      directory === null
        ? null
        : new KeptNetwork(directory.networkPath(listener), error =>
            log.warn({ err: error }, 'the network could not be kept in --state-dir'),
          ),
    leave: () => directory?.leave(),
  };
}
