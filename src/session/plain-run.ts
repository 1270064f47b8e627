import type { CommandFacts, CommandTable } from '../intent/command-table.js';
import { COMPLETE, type RequestFramer } from '../resp/request-framer.js';
import type { Input } from './input.js';

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
   * Hot path: the plain command that `framer` has just read, and all plain ones behind it.
   * @returns how many joined
   */
  joinAll(input: Input, framer: RequestFramer, table: CommandTable): number {
    const { bytes, end } = input;
    if (this.replies === 0) this.from = input.at;
    let at = framer.end;
    let joined = 1;
    while (at < end && framer.next(bytes, at, end) === COMPLETE) {
      const facts = commandRead(bytes, framer, table);
      if (facts === null || framer.argCount > facts.plainArgumentsMax) break;
      at = framer.end;
      joined++;
    }
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
