import type { ContentionLoad, ContentionRun } from './contention-load.js';
import { jainFairness, median, quantile, sum } from './statistics.js';
import { figure, table } from './table.js';

/** The contenders take turns: what slows the machine down for a while slows all of them. */
export async function takeTurns<Name>(
  loads: ReadonlyMap<Name, ContentionLoad>,
  { rounds, seconds }: { readonly rounds: number; readonly seconds: number },
): Promise<ReadonlyMap<Name, readonly ContentionRun[]>> {
  const turns = new Map<Name, ContentionRun[]>();
  for (let round = 0; round < rounds; round++) {
    for (const [name, load] of loads) {
      turns.set(name, [...(turns.get(name) ?? []), await load.run(seconds)]);
    }
  }
  return turns;
}

export const ratesOf = (runs: readonly ContentionRun[] | undefined): number[] =>
  (runs ?? []).map(({ perSecond }) => perSecond);

export const fairnessOf = (runs: readonly ContentionRun[] | undefined): number =>
  median((runs ?? []).map(({ grants }) => jainFairness(grants)));

export function turnsTable<Name extends string>(
  turns: ReadonlyMap<Name, readonly ContentionRun[]>,
  titles: Readonly<Record<Name, string>>,
): string {
  const rows = [...turns].map(([name, runs]) => {
    const all = runs.flatMap(({ waitsMs }) => waitsMs);
    return [
      titles[name],
      figure(median(ratesOf(runs)), 0),
      figure(quantile(all, 0.5), 1),
      figure(quantile(all, 0.99), 1),
      figure(quantile(all, 1), 1),
      figure(fairnessOf(runs), 3),
      figure(sum(runs.map(({ lost }) => lost)), 0),
    ];
  });
  return table(['', 'locks/s', 'wait p50 ms', 'p99 ms', 'max ms', 'fairness', 'lost'], rows);
}
