import fc from 'fast-check';
import { type Lifetime, sleep } from '../harness/lifetime.js';
import { EXTEND, RELEASE } from '../harness/lock-scripts.js';
import { RespClient } from '../harness/resp-client.js';
import { encodeCommand } from '../harness/resp-frame.js';
import {
  type Command,
  cutInto,
  type LockStep,
  lockSteps,
  nearlyResp,
  session,
  writeSizes,
} from '../harness/traffic.js';
import type { Twins } from '../harness/twins.js';

/** What must hold of any traffic; checked briefly by the tests, and for minutes by fuzz.ts. */

export interface Effort {
  readonly runs: number;
  readonly seed?: number;
}

/** Throws what failed, with the seed that shows it again. */
async function hold<T>(property: fc.IAsyncProperty<T>, { runs, seed }: Effort): Promise<void> {
  const result = await fc.check(property, {
    numRuns: runs,
    ...(seed === undefined ? {} : { seed }),
    // Both servers keep what a failing run left behind: shrinking would compare unequal states.
    endOnFailure: true,
  });
  if (!result.failed) return;
  const reason = result.errorInstance instanceof Error ? result.errorInstance.message : '';
  throw new Error(`seed ${result.seed}, run ${result.numRuns}: ${reason}`);
}

/** Ends what a run started at the end of that run, not of the whole test. */
async function inLifetime(act: (lifetime: Lifetime) => Promise<void>): Promise<void> {
  const ends: (() => unknown)[] = [];
  try {
    await act({ teardown: end => ends.push(end) });
  } finally {
    for (const end of ends) end();
  }
}

const quoted = (bytes: string | Buffer | undefined): string =>
  JSON.stringify(bytes?.toString('latin1').slice(0, 300));

/** Random commands in one session, cut into writes at random: every reply is its own. */
export function repliesAreTheirOwn(twins: Twins, effort: Effort): Promise<void> {
  const property = fc.asyncProperty(session('', 60), writeSizes, (commands, sizes) =>
    inLifetime(async lifetime => {
      const pair = await twins.pair(lifetime);
      for (const part of cutInto(Buffer.concat(commands.map(encodeCommand)), sizes)) {
        pair.write(part);
        if (sizes.length % 2 === 0) await new Promise(setImmediate);
      }
      const [wanted, found] = await Promise.all([
        pair.direct.replies(commands.length),
        pair.proxied.replies(commands.length),
      ]);
      for (const [index, reply] of wanted.entries()) {
        if (found[index] === reply) continue;
        const command = JSON.stringify(commands[index]).slice(0, 300);
        throw new Error(
          `reply ${index}, ${command}: ${quoted(found[index])}, not ${quoted(reply)}`,
        );
      }
    }),
  );
  return hold(property, effort);
}

/** The last steps, one a line, scripts by their names. */
const story = (steps: readonly LockStep[]): string =>
  steps
    .slice(-30)
    .map(({ client, command, pauseMs }) => {
      const words = command.map(arg =>
        arg === RELEASE ? 'release' : arg === EXTEND ? 'extend' : JSON.stringify(arg).slice(0, 40),
      );
      return `${pauseMs > 0 ? `${pauseMs} ms later ` : ''}client ${client}: ${words.join(' ')}`;
    })
    .join('\n');

/** Clients who lock and touch the same few keys in turn: each sees what Redis alone would show. */
export function locksLookLikeRedis(twins: Twins, effort: Effort): Promise<void> {
  const CLIENTS = 3;
  const property = fc.asyncProperty(lockSteps(CLIENTS), steps =>
    inLifetime(async lifetime => {
      const pairs = await Promise.all(Array.from({ length: CLIENTS }, () => twins.pair(lifetime)));
      await twins.flush();
      for (const [index, { client, command, pauseMs }] of steps.entries()) {
        if (pauseMs > 0) await sleep(pauseMs);
        const pair = pairs[client];
        if (pair === undefined) continue;
        const [wanted, found] = await pair.call(...command);
        if (found === wanted) continue;
        throw new Error(
          `${quoted(found)}, not ${quoted(wanted)}, after\n${story(steps.slice(0, index + 1))}`,
        );
      }
    }),
  );
  return hold(property, effort);
}

/** Random bytes: the same replies and the same end. */
export function nonsenseIsAnsweredAlike(twins: Twins, effort: Effort): Promise<void> {
  const property = fc.asyncProperty(nearlyResp, writeSizes, (bytes, sizes) =>
    inLifetime(async lifetime => {
      const pair = await twins.pair(lifetime);
      const isCut = sizes.length % 2 === 0;
      for (const part of isCut ? cutInto(bytes, sizes) : [bytes]) pair.proxied.write(part);
      pair.direct.write(bytes);
      // The end of our side makes both answer what they have understood, and end theirs.
      pair.direct.socket.end();
      pair.proxied.socket.end();
      const sent = `${quoted(bytes)}, written in ${isCut ? sizes.join('+') : 'one piece'}`;
      const [wanted, found] = await Promise.all(
        [pair.direct, pair.proxied].map(client =>
          client.untilEnd(3000).catch(error => `${sent}: ${String(error)}`),
        ),
      );
      // Where the server ends first, what we send after that resets the connection, and the reset
      // may overtake the end of the replies. Bytes sent in one write are all read before.
      if (found === wanted || (isCut && wanted?.startsWith(found ?? ''))) return;
      throw new Error(`${sent}, is answered with ${quoted(found)}, not ${quoted(wanted)}`);
    }),
  );
  return hold(property, effort);
}

/** Sessions at once, each on keys of its own: returns all replies, session by session. */
export function repliesAtOnce(
  t: Lifetime,
  port: number,
  sessions: readonly (readonly Command[])[],
): Promise<string[][]> {
  return Promise.all(
    sessions.map(async (commands, index) => {
      const client = await RespClient.connect(t, port);
      const own = commands.map(command =>
        command.map(arg => (/^(k|lock-)\d$/.test(arg) ? `${index}:${arg}` : arg)),
      );
      const replies: string[] = [];
      // A few commands per write, so that sessions alternate on the shared connections.
      for (let at = 0; at < own.length; at += 5) {
        replies.push(...(await client.pipeline(own.slice(at, at + 5))));
      }
      client.destroy();
      return replies;
    }),
  );
}

export const sampleSessions = (count: number, seed: number): Command[][] =>
  fc.sample(session('', 200), { numRuns: count, seed });
