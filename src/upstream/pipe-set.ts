import { type Channel, channelName, channelPrelude, naming } from './identity.js';
import type { UpstreamOptions } from './options.js';
import { Pipe } from './pipe.js';
import type { PipeClient } from './pipe-client.js';

/** The pipes of one user, database and protocol: one, and more only while one is held up. */
export class PipeGroup {
  readonly #options: UpstreamOptions;
  channel: Channel;
  readonly pipes: Pipe[] = [];
  usedAtMs = 0;

  constructor(options: UpstreamOptions, channel: Channel) {
    this.#options = options;
    this.channel = channel;
  }

  /** A pipe for new commands; null when each one is held by a client that reads slowly. */
  pick(nowMs: number): Pipe | null {
    this.usedAtMs = nowMs;
    for (const pipe of this.pipes) {
      if (!pipe.stalled(nowMs)) return pipe;
    }
    if (this.pipes.length < this.#options.pipesPerUserMax) return this.#open();
    return this.pipes.find(pipe => !pipe.held) ?? null;
  }

  #open(): Pipe {
    const use = {
      channel: this.channel,
      replay: [naming(this.channel.protocol, SHARED_NAME)],
      owner: null,
    };
    const pipe = new Pipe(this.#options, use, closed => {
      const at = this.pipes.indexOf(closed);
      if (at >= 0) this.pipes.splice(at, 1);
    });
    this.pipes.push(pipe);
    return pipe;
  }
}

const SHARED_NAME = 'forelock:pipe';

/** All shared pipes of an upstream, and the idle connections that single clients have left. */
export class PipeSet {
  readonly #options: UpstreamOptions;
  readonly #groups = new Map<string, PipeGroup>();
  readonly #own = new Set<Pipe>();
  readonly #rested: { state: string; pipe: Pipe; since: number }[] = [];
  readonly #sweep: NodeJS.Timeout;

  constructor(options: UpstreamOptions) {
    this.#options = options;
    this.#sweep = setInterval(() => this.#closeUnused(), 1000);
    this.#sweep.unref();
  }

  group(channel: Channel): PipeGroup {
    const name = channelName(channel);
    let group = this.#groups.get(name);
    if (group === undefined) {
      group = new PipeGroup(this.#options, channel);
      this.#groups.set(name, group);
    }
    // The login that Redis accepted last is the one that opens further connections.
    group.channel = channel;
    return group;
  }

  /** A connection for one client alone, in the state that `replay` gives it. */
  own(channel: Channel, replay: readonly string[][], owner: PipeClient): Pipe {
    const state = ownState(channel, replay);
    const at = this.#rested.findIndex(rested => rested.state === state);
    if (at >= 0) {
      const [rested] = this.#rested.splice(at, 1);
      if (rested !== undefined && !rested.pipe.closed) {
        rested.pipe.handTo(owner);
        return rested.pipe;
      }
    }
    const use = { channel, replay: [...replay, NUMBER], owner };
    const pipe = new Pipe(this.#options, use, closed => this.#own.delete(closed));
    this.#own.add(pipe);
    return pipe;
  }

  /** A client needs its own connection no longer; whoever comes next in that state may have it. */
  rest(pipe: Pipe, channel: Channel, replay: readonly string[][]): void {
    if (pipe.closed) return;
    if (this.#rested.length >= this.#options.idleOwnConnectionsMax) {
      this.#rested.shift()?.pipe.close('idle');
    }
    pipe.handTo(NOBODY);
    this.#rested.push({ state: ownState(channel, replay), pipe, since: performance.now() });
  }

  /** Shared pipes, and connections that single clients have or had. */
  counts(): { readonly pipes: number; readonly ownConnections: number } {
    let pipes = 0;
    for (const group of this.#groups.values()) pipes += group.pipes.length;
    return { pipes, ownConnections: this.#own.size };
  }

  /** Redis's numbers of the connections that single clients have, or have left at rest. */
  *ownIds(): Iterable<number> {
    for (const pipe of this.#own) yield pipe.upstreamId;
  }

  /** Monotonic time at which the oldest command now unanswered was sent; Infinity if none is. */
  oldestUnansweredAtMs(): number {
    let oldest = Number.POSITIVE_INFINITY;
    for (const group of this.#groups.values()) {
      for (const pipe of group.pipes) oldest = Math.min(oldest, pipe.oldestUnansweredAtMs());
    }
    for (const pipe of this.#own) {
      if (!pipe.blocked) oldest = Math.min(oldest, pipe.oldestUnansweredAtMs());
    }
    return oldest;
  }

  close(): void {
    clearInterval(this.#sweep);
    for (const group of this.#groups.values()) {
      for (const pipe of [...group.pipes]) pipe.close('Forelock stops');
    }
    for (const pipe of [...this.#own]) pipe.close('Forelock stops');
  }

  #closeUnused(): void {
    const nowMs = performance.now();
    while (
      this.#rested.length > 0 &&
      nowMs - (this.#rested[0]?.since ?? 0) > this.#options.idleOwnConnectionMs
    ) {
      this.#rested.shift()?.pipe.close('idle');
    }
    for (const [name, group] of this.#groups) {
      for (const pipe of group.pipes.slice(1)) if (pipe.idle) pipe.close('idle');
      if (nowMs - group.usedAtMs < this.#options.unusedPipeMs) continue;
      for (const pipe of [...group.pipes]) if (pipe.idle) pipe.close('idle');
      if (group.pipes.length === 0) this.#groups.delete(name);
    }
  }
}

/** Tells the connection's number in Redis. */
const NUMBER = ['HELLO'];

function ownState(channel: Channel, replay: readonly string[][]): string {
  return JSON.stringify([channelPrelude(channel), channelName(channel), replay]);
}

const NOBODY: PipeClient = {
  deliver: () => 0,
  upstreamLost: () => undefined,
  pipeDrained: () => undefined,
};
