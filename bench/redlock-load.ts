import { once } from 'node:events';
import { type Assistant, startAssistant } from './processes.js';
import type { RedlockRun, RedlockSettings, Round } from './redlock-process.js';

export interface RedlockTally {
  readonly acquired: number;
  /** From asking for the lock to having it, or to the end of the run. */
  readonly waitsMs: readonly number[];
  /** Attempts at all masters that did not get the majority. */
  readonly failed: number;
  /** Of these, the ones that took votes from others. */
  readonly wastedVotes: number;
  /** Of these, the ones in whose time nobody had the lock, or got it: nobody gained by them. */
  readonly split: number;
}

/** Several applications, each a process with clients of its own, that lock one resource. */
export interface RedlockLoad {
  run(seconds: number): Promise<RedlockTally>;
  stop(): Promise<void>;
}

export async function startRedlockLoad(
  applications: number,
  settings: RedlockSettings,
): Promise<RedlockLoad> {
  const assistants: Assistant[] = [];
  for (let started = 0; started < applications; started++) {
    assistants.push(await startAssistant('redlock-process', [JSON.stringify(settings)]));
  }
  return {
    async run(seconds) {
      const runs = await Promise.all(
        assistants.map(async ({ child }) => {
          const answer = once(child, 'message');
          child.send({ runMs: seconds * 1000 });
          const [run] = await answer;
          return run as RedlockRun;
        }),
      );
      return tallyOf(runs, Math.floor(settings.ports.length / 2) + 1);
    },
    stop: async () => {
      await Promise.all(assistants.map(assistant => assistant.stop()));
    },
  };
}

function tallyOf(runs: readonly RedlockRun[], majority: number): RedlockTally {
  const rounds = runs.flatMap(run => run.rounds);
  const won = rounds.filter(({ votes }) => votes >= majority);
  const failed = rounds.filter(({ votes }) => votes < majority);
  const wasted = failed.filter(({ votes }) => votes > 0);
  const overlap = (one: Round, other: Round): boolean =>
    one.fromMs < other.toMs && other.fromMs < one.toMs;
  return {
    acquired: won.length,
    waitsMs: runs.flatMap(run => run.waitsMs),
    failed: failed.length,
    wastedVotes: wasted.length,
    split: wasted.filter(round => !won.some(other => overlap(round, other))).length,
  };
}
