import type { Lifetime } from '../../harness/lifetime.js';
import { RespClient } from '../../harness/resp-client.js';
import { decode, type RespValue } from '../../harness/resp-frame.js';
import type { Connection, Push } from '../../simulation/redis/connection.js';
import type { Pair } from './pair.js';

/** A connection to each of a pair that is told things unasked. */
export class Listening {
  private readonly told: string[] = [];

  private constructor(
    private readonly real: RespClient,
    private readonly simulated: Connection,
  ) {
    simulated.onPush = push => this.told.push(textOf(push));
  }

  static async connect(t: Lifetime, pair: Pair): Promise<Listening> {
    return new Listening(await RespClient.connect3(t, pair.server.port), pair.redis.connect());
  }

  /** Asks both; what they answer is compared elsewhere. */
  async ask(words: readonly string[]): Promise<void> {
    this.simulated.call(words);
    // An error is a reply as well, and a subscription is answered by a push.
    this.real.send(...words);
    await this.barrier();
  }

  /** What each was told since the last time, in order. */
  async heard(): Promise<{ real: string[]; simulated: string[] }> {
    await this.barrier();
    const real = this.real
      .drain()
      .filter(frame => frame.startsWith('>'))
      .map(frame => pushText(decode(frame)))
      .filter(text => text !== null);
    return { real, simulated: this.told.splice(0) };
  }

  /** Whatever was said to the real one before has arrived. */
  private async barrier(): Promise<void> {
    const mark = `mark ${this.marks++}`;
    this.real.send('ECHO', mark);
    while (decode(await this.real.reply()) !== mark);
  }

  private marks = 0;
}

function textOf(push: Push): string {
  if (push.kind === 'message') return `message ${push.channel}: ${push.message}`;
  return `invalidate ${push.keys?.join(' ') ?? 'everything'}`;
}

/** As `textOf`; null for the answer to a subscription. */
function pushText(push: RespValue): string | null {
  if (!Array.isArray(push)) return String(push);
  const [kind, first, second] = push;
  if (kind === 'message') return `message ${first}: ${second}`;
  if (kind !== 'invalidate') return null;
  return `invalidate ${Array.isArray(first) ? first.join(' ') : 'everything'}`;
}
