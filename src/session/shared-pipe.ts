import type { Channel } from '../upstream/identity.js';
import type { Pipe } from '../upstream/pipe.js';
import type { PipeGroup, PipeSet } from '../upstream/pipe-set.js';

/** The shared pipe that a client uses: the same one while it owes any answer. */
export class SharedPipe {
  readonly #pipes: PipeSet;
  #group: PipeGroup | null = null;
  current: Pipe | null = null;

  constructor(pipes: PipeSet) {
    this.#pipes = pipes;
  }

  /** The client's user, database or protocol changed: the next pipe may be another one. */
  channelChanged(): void {
    this.#group = null;
  }

  /** Null where each pipe is held by a client that reads slowly. */
  pick(channel: () => Channel, nowMs: number): Pipe | null {
    if (this.#group === null) this.#group = this.#pipes.group(channel());
    this.current = this.#group.pick(nowMs);
    return this.current;
  }
}
