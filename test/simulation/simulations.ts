import { type SimulationResult, simulate } from './simulation.js';

/** What `npm run simulate` runs on each seed; sabotages name the one that sees them. */
export const SIMULATIONS: Readonly<Record<string, (seed: number) => SimulationResult>> = {
  'one proxy': seed => simulate(seed),
  'two proxies': seed => simulate(seed, 2),
  'three proxies': seed => simulate(seed, 3),
};
