import t from 'tap';
import { simulate } from '../simulation/simulation.js';

/**
 * As many as take a few seconds. What a seed finds is told as a scenario in locks-*.test.ts: a seed
 * means another run as soon as the simulation changes, a scenario stays what it is.
 */
const SEEDS = 800;

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

t.test(`whatever goes wrong in ${SEEDS} runs, no invariant is broken`, async t => {
  const counts: Record<string, number> = {};
  for (let seed = 1; seed <= SEEDS; seed++) {
    const result = simulate(seed);
    if (result.violations.length > 0) t.strictSame(result.violations, [], `seed ${seed}`);
    for (const [what, count] of Object.entries(result.counts)) {
      counts[what] = (counts[what] ?? 0) + count;
    }
  }
  for (const what of MUST_HAPPEN) t.ok((counts[what] ?? 0) > 10, `${what}: ${counts[what]}`);
});
