import t, { type Test } from 'tap';
import { simulate } from '../simulation/simulation.js';

/**
 * As many as take a few seconds. What a seed finds is told as a scenario in locks-*.test.ts: a seed
 * means another run as soon as the simulation changes, a scenario stays what it is.
 */
const SEEDS = 800;
const FLEET_SEEDS = 300;

/** Half a minute on a machine that has nothing else to do. */
t.setTimeout(400_000);

/** A run that never came to something says nothing of it. */
const MUST_HAPPEN = [
  'acquire yes',
  'acquire no',
  'acquire null',
  'extend yes',
  'extend no',
  'release yes',
  'release no',
  'direct granted',
  'direct held',
  'hung up',
  'grantsFromMemory',
  'grantsThroughRedis',
  'grantsUndone',
  'refusalsFromMemory',
  'refusalsThroughRedis',
  'releasesInMemory',
  'releasesThroughRedis',
  'extensionsInMemory',
  'extensionsThroughRedis',
  'passes',
  'losses',
  'reservations',
  'retentions',
  'reservationsUsed',
  'reservationsWasted',
  'materializations',
  'renewals',
  'yields',
  'touches',
  'touchesDelayed',
  'wholeDatabaseTouches',
  'doubts',
  'foreignHolders',
  'templateBars',
  'breaths',
  'holdersRecovered',
  'delegationsFreed',
  'confirmed grants',
  'leasesConfirmed',
  'leasesUnconfirmed',
];

/** Of several proxies, besides. */
const MUST_HAPPEN_IN_FLEETS = [
  'asks',
  'recalls',
  'recallTimeouts',
  'transfersIn',
  'transfersOut',
  'handOffs',
  'grantsFromMemory',
];

/** Runs them all; how often each thing has happened. */
function runAll(
  t: Test,
  seeds: number,
  proxiesOf: (seed: number) => number,
): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let seed = 1; seed <= seeds; seed++) {
    const result = simulate(seed, proxiesOf(seed));
    if (result.violations.length > 0) t.strictSame(result.violations, [], `seed ${seed}`);
    for (const [what, count] of Object.entries(result.counts)) {
      counts[what] = (counts[what] ?? 0) + count;
    }
  }
  return counts;
}

t.test(`whatever goes wrong in ${SEEDS} runs, no invariant is broken`, async t => {
  const counts = runAll(t, SEEDS, () => 1);
  for (const what of MUST_HAPPEN) t.ok((counts[what] ?? 0) > 10, `${what}: ${counts[what]}`);
});

t.test(`nor with two or three proxies, in ${FLEET_SEEDS} runs`, async t => {
  const counts = runAll(t, FLEET_SEEDS, seed => (seed % 3 === 0 ? 3 : 2));
  for (const what of MUST_HAPPEN_IN_FLEETS) {
    t.ok((counts[what] ?? 0) > 10, `${what}: ${counts[what]}`);
  }
});
