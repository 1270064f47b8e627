import { figure, percent, table } from '../table.js';
import type { Acting } from './acting.js';
import type { PolicyCounts } from './policies.js';
import type { ReservationCounts } from './reservations.js';
import type { Training } from './retraining.js';
import type { ScoreFigures } from './scores.js';

export interface Measured {
  readonly requests: number;
  /** The last of them, which the figures count. */
  readonly countedRequests: number;
  readonly nlls: Readonly<
    Record<string, { readonly nll: number | null; readonly requests: number }>
  >;
  readonly scores: Readonly<Record<string, ScoreFigures>>;
  readonly allocators: readonly { readonly price: number; readonly counts: ReservationCounts }[];
  readonly prices: readonly number[];
  readonly policies: Readonly<Record<string, readonly PolicyCounts[]>>;
  readonly acting: readonly Acting[];
  readonly trainings: readonly Training[];
}

export interface AllocatorFigures extends ReservationCounts {
  readonly price: number;
  readonly value: number;
  readonly hitRate: number;
  /** Share of the reservations that were used. */
  readonly precision: number | null;
  /** Share of the requests that came before the reservation planned for them. */
  readonly lateness: number;
  readonly commandsPerRequest: number;
  /** Share of the requests for new keys of known templates that were hits. */
  readonly newKeyHitRate: number | null;
}

export interface Report extends Omit<Measured, 'allocators' | 'policies' | 'prices'> {
  readonly formulas: typeof FORMULAS;
  readonly allocators: readonly AllocatorFigures[];
  readonly policies: Readonly<Record<string, readonly PolicyFigures[]>>;
}

interface PolicyFigures extends PolicyCounts {
  readonly price: number;
  readonly value: number;
}

const FORMULAS = {
  value: '(hits - price * windows) / requests',
  windows: 'ceil(length / 500 ms) of each reservation that ends while requests are counted',
  commandsPerRequest:
    '(reservations + unused reservations + requests without a hit) / requests: a reservation is one command, giving it back another, and a request without a hit asks Redis itself',
} as const;

export function reportOf({ allocators, policies, prices, ...measured }: Measured): Report {
  const requests = measured.countedRequests;
  return {
    ...measured,
    formulas: FORMULAS,
    allocators: allocators.map(({ price, counts }) => {
      const { hits, windows, reservations, used, late, newKeys, newKeyHits } = counts;
      const commands = 2 * reservations - used + requests - hits;
      return {
        price,
        ...counts,
        value: (hits - price * windows) / requests,
        hitRate: hits / requests,
        precision: reservations === 0 ? null : used / reservations,
        lateness: late / requests,
        commandsPerRequest: commands / requests,
        newKeyHitRate: newKeys === 0 ? null : newKeyHits / newKeys,
      };
    }),
    policies: Object.fromEntries(
      Object.entries(policies).map(([name, byPrice]) => [
        name,
        byPrice.map(({ hits, windows }, at) => {
          const price = prices[at] ?? Number.NaN;
          return { price, hits, windows, value: (hits - price * windows) / requests };
        }),
      ]),
    ),
  };
}

/** The report for a reader. */
export function reportText(report: Report): string {
  return [
    `${figure(report.requests, 0)} requests; figures are those of the last ${figure(report.countedRequests, 0)}`,
    modelTable(report),
    allocatorTable(report),
    policyTable(report),
    trainingTable(report),
  ].join('\n\n');
}

function modelTable({ nlls, scores }: Report): string {
  const names = [...new Set([...Object.keys(nlls), ...Object.keys(scores)])];
  const rows = names.map(name => {
    const score = scores[name];
    return [
      name,
      number(nlls[name]?.nll, 3),
      number(score?.brier, 4),
      number(score?.ece, 4),
      number(score?.auc, 3),
    ];
  });
  return table(['model', 'NLL', 'Brier', 'ECE', 'AUC'], rows);
}

function allocatorTable({ allocators }: Report): string {
  const head = [
    'price of a window',
    'value',
    'hits',
    'precision',
    'late',
    'new keys',
    'windows',
    'commands',
  ];
  const rows = allocators.map(each => [
    String(each.price),
    figure(each.value, 3),
    percent(each.hitRate),
    percent(each.precision ?? Number.NaN),
    percent(each.lateness),
    percent(each.newKeyHitRate ?? Number.NaN),
    figure(each.windows, 0),
    figure(each.commandsPerRequest, 2),
  ]);
  return table(head, rows);
}

function policyTable({ policies, allocators }: Report): string {
  const head = ['value', ...allocators.map(({ price }) => String(price))];
  const rows = Object.entries(policies).map(([name, byPrice]) => [
    name,
    ...byPrice.map(({ value }) => figure(value, 3)),
  ]);
  rows.push(['Forelock', ...allocators.map(({ value }) => figure(value, 3))]);
  return table(head, rows);
}

function trainingTable({ trainings }: Report): string {
  const head = ['trained at request', 'challenger', 'champion', 'statistics', ''];
  const rows = trainings.map(each => [
    String(each.request),
    number(each.challenger, 3),
    number(each.champion, 3),
    number(each.noNetwork, 3),
    each.outcome !== 'trained' ? each.outcome : each.replaces ? 'replaces' : 'is not better',
  ]);
  return table(head, rows);
}

function number(value: number | null | undefined, decimals: number): string {
  return figure(value ?? Number.NaN, decimals);
}
