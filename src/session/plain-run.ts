import type { CommandFacts, CommandTable } from '../intent/command-table.js';
import type { LockDesk } from '../locks/contract.js';
import { COMPLETE, type RequestFramer } from '../resp/request-framer.js';
import type { Input } from './input.js';

/** Tells of a key, as a binary string, whether touches of it count. */
export type LockKeys = Pick<LockDesk, 'lists'>;

/**
 * Commands of a client that go down the shared pipe together, as the bytes that they are: they
 * neither concern a lock nor touch one, so they are only counted.
 */
export class PlainRun {
  /** Where it begins in the client's input; it ends where the next command does. */
  from = 0;
  replies = 0;

  /** The command at hand, which ends at `end`. */
  join(input: Input, end: number): void {
    if (this.replies === 0) this.from = input.at;
    this.replies++;
    input.at = end;
  }

  /**
   * Hot path: the command that `framer` has just read, and those behind it, up to the first that is
   * not plain.
   * @param locks null where the database has no lock keys
   * @returns how many joined
   */
  joinAll(
    input: Input,
    framer: RequestFramer,
    table: CommandTable,
    locks: LockKeys | null,
    database: number,
  ): number {
    const { bytes, end } = input;
    let at = input.at;
    let joined = 0;
    do {
      const facts = commandRead(bytes, framer, table);
      if (facts === null || framer.argCount > facts.plainArgumentsMax) break;
      if (locks !== null && mayTouch(bytes, framer, facts, locks, database)) break;
      at = framer.end;
      joined++;
    } while (at < end && framer.next(bytes, at, end) === COMPLETE);
    if (joined === 0) return 0;
    if (this.replies === 0) this.from = input.at;
    input.at = at;
    this.replies += joined;
    return joined;
  }
}

/** The command that `framer` has just read; null where the table doesn't know it. */
export function commandRead(
  bytes: Buffer,
  framer: RequestFramer,
  table: CommandTable,
): CommandFacts | null {
  return table.commandAt(bytes, framer.argStart[0] as number, framer.argEnd[0] as number);
}

/** False where no key that the command names is a lock's; its keys are found by a glance, or not. */
function mayTouch(
  bytes: Buffer,
  framer: RequestFramer,
  { rule }: CommandFacts,
  locks: LockKeys,
  database: number,
): boolean {
  if (rule === 'none') return false;
  if (typeof rule !== 'object' || rule.kind !== 'range') return true;
  const { argCount, argStart, argEnd } = framer;
  const last = rule.last >= 0 ? rule.last : argCount + rule.last;
  // Redis refuses what names no key, but what it is that it refuses is not for a glance.
  if (rule.first < 1 || rule.step < 1 || last < rule.first || last >= argCount) return true;
  for (let index = rule.first; index <= last; index += rule.step) {
    const key = bytes.toString('latin1', argStart[index] as number, argEnd[index] as number);
    if (locks.lists(database, key)) return true;
  }
  return false;
}
