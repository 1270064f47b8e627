import { figure, table } from './table.js';

/** What a benchmark is expected to show. Missing one is said, and is not an error of the run. */
export interface Target {
  readonly name: string;
  readonly atLeast?: number;
  readonly atMost?: number;
  /** NaN where this run could not measure it. */
  readonly measured: number;
}

export function targetMet(target: Target): boolean {
  const {
    measured,
    atLeast = Number.NEGATIVE_INFINITY,
    atMost = Number.POSITIVE_INFINITY,
  } = target;
  return measured >= atLeast && measured <= atMost;
}

export function targetTable(targets: readonly Target[]): string {
  const rows = targets.map(target => {
    const bound =
      target.atLeast === undefined
        ? `<= ${figure(target.atMost ?? Number.NaN, 2)}`
        : `>= ${figure(target.atLeast, 2)}`;
    const verdict = Number.isNaN(target.measured)
      ? 'not measured'
      : targetMet(target)
        ? 'met'
        : 'NOT MET';
    return [target.name, bound, figure(target.measured, 2), verdict];
  });
  return table(['target', 'bound', 'measured', ''], rows);
}
