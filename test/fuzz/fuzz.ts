import { isDeepStrictEqual, parseArgs } from 'node:util';
import { extend, release } from '../harness/lock-scripts.js';
import { Twins } from '../harness/twins.js';
import {
  locksLookLikeRedis,
  nonsenseIsAnsweredAlike,
  repliesAreTheirOwn,
  repliesAtOnce,
  sampleSessions,
} from './properties.js';

/**
 * The properties of the framing tests, for as long as you like:
 *
 *     npm run fuzz -- --minutes 5 [--seed 1] [-- --delegate '*']
 *
 * What follows `--` goes to Forelock. Ends with status 1 at the first difference, naming the seed
 * that shows it again.
 */
const { values, positionals } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
  allowPositionals: true,
});

const ends: (() => unknown)[] = [];
const lifetime = { teardown: (end: () => unknown) => ends.unshift(end) };
const endMs = performance.now() + Number(values.minutes) * 60_000;
const RUNS = 100;
const SESSIONS = 30;

let seed = Number(values.seed);
try {
  while (performance.now() < endMs) {
    // Fresh servers each round, so that a seed alone repeats it.
    const twins = await Twins.start(lifetime, { forelockArgs: positionals });
    for (const command of [release('k', 'v'), extend('k', 'v', 1)]) await twins.onBoth(...command);
    await repliesAreTheirOwn(twins, { runs: RUNS, seed });
    await locksLookLikeRedis(twins, { runs: RUNS / 4, seed });
    await nonsenseIsAnsweredAlike(twins, { runs: RUNS, seed });
    const sessions = sampleSessions(SESSIONS, seed);
    await twins.flush();
    const wanted = await repliesAtOnce(lifetime, twins.direct.port, sessions);
    const found = await repliesAtOnce(lifetime, twins.forelock.port, sessions);
    if (!isDeepStrictEqual(found, wanted)) throw new Error('sessions at once: replies differ');
    if (twins.forelock.hasEnded) throw new Error(`Forelock ended:\n${twins.forelock.output()}`);
    for (const end of ends.splice(0)) await end();
    console.log(`seed ${seed}: ${2 * RUNS} runs and ${SESSIONS} sessions at once answered alike`);
    seed++;
  }
} catch (error) {
  console.error(`seed ${seed}:`, error);
  process.exitCode = 1;
} finally {
  for (const end of ends) await end();
}
