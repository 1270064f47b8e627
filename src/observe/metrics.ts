import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { notReadyBecause, type Sources } from './sources.js';

export interface Metrics {
  /** The Prometheus text, and its content type. */
  text(): Promise<string>;
  readonly contentType: string;
}

/** From a grant that never leaves memory to a TTL of a minute. */
const HOLD_BUCKETS_S = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 2.5, 10, 60];

/** How long locks are held: the one thing that is observed as it happens. */
export function createHoldHistogram(): Histogram {
  return new Histogram({
    name: 'forelock_lock_hold_seconds',
    help: 'How long released locks were held.',
    buckets: HOLD_BUCKETS_S,
    registers: [],
  });
}

/** Everything else is read from where it is counted anyway, and only when somebody scrapes. */
export function createMetrics(
  sources: Sources,
  holds: Histogram,
  droppedLogLines: () => number,
): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  registry.registerMetric(holds);

  const gauge = (name: string, help: string, value: () => number): void => {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(value());
      },
    });
  };
  const counter = (name: string, help: string, value: () => number): void => {
    new Counter({
      name,
      help,
      registers: [registry],
      collect() {
        this.reset();
        this.inc(value());
      },
    });
  };
  /** One counter, split by one label. */
  const split = (
    name: string,
    help: string,
    label: string,
    values: () => Iterable<readonly [string, number]>,
  ): void => {
    new Counter({
      name,
      help,
      labelNames: [label],
      registers: [registry],
      collect() {
        this.reset();
        for (const [each, value] of values()) this.inc({ [label]: each }, value);
      },
    });
  };

  const { version, mode } = sources.about();
  new Gauge({
    name: 'forelock_info',
    help: 'Always 1; the labels tell version and mode.',
    labelNames: ['version', 'mode'],
    registers: [registry],
  }).set({ version, mode }, 1);

  gauge('forelock_ready', '1 while /readyz says so.', () =>
    notReadyBecause(sources) === null ? 1 : 0,
  );
  gauge('forelock_upstream_reachable', '1 while Redis can be reached.', () =>
    sources.upstream().reachable ? 1 : 0,
  );
  gauge(
    'forelock_upstream_pipes',
    'Upstream connections that clients share.',
    () => sources.upstream().pipes,
  );
  gauge(
    'forelock_upstream_own_connections',
    'Upstream connections that serve one client each.',
    () => sources.upstream().ownConnections,
  );
  gauge('forelock_clients_connected', 'Client connections now.', () => sources.clients().connected);
  counter(
    'forelock_clients_accepted_total',
    'Client connections accepted.',
    () => sources.clients().accepted,
  );
  counter(
    'forelock_clients_refused_total',
    'Client connections refused above the limit.',
    () => sources.clients().refused,
  );
  counter(
    'forelock_clients_closed_for_output_total',
    'Clients closed since they did not read their replies.',
    () => sources.clients().closedForOutput,
  );
  gauge('forelock_lock_keys', 'Lock keys that are remembered.', () => sources.locks.count());
  gauge('forelock_delegations', 'Lock keys that are delegated now.', () =>
    sources.locks.delegatedCount(),
  );
  const { counters } = sources.locks;
  counter('forelock_lock_requests_total', 'Attempts to acquire.', () => sources.tally.requests);
  split('forelock_lock_grants_total', 'Locks granted, by who decided.', 'by', () => [
    ['memory', counters.grantsFromMemory],
    ['redis', counters.grantsThroughRedis],
    ['shadow', counters.grantsShadow],
  ]);
  split('forelock_lock_refusals_total', 'Attempts refused, by who decided.', 'by', () => [
    ['memory', counters.refusalsFromMemory],
    ['redis', counters.refusalsThroughRedis],
  ]);
  split('forelock_lock_releases_total', 'Locks released, by who decided.', 'by', () => [
    ['memory', counters.releasesInMemory],
    ['redis', counters.releasesThroughRedis],
  ]);
  split('forelock_lock_extensions_total', 'Locks extended, by who decided.', 'by', () => [
    ['memory', counters.extensionsInMemory],
    ['redis', counters.extensionsThroughRedis],
  ]);
  counter(
    'forelock_lock_passes_total',
    'Lock commands that Redis decided as the client wrote them.',
    () => counters.passes,
  );
  counter(
    'forelock_lock_losses_total',
    "Clients disconnected since a script's fate was unknown.",
    () => counters.losses,
  );
  counter(
    'forelock_grants_undone_total',
    'Grants taken back that nobody had heard of.',
    () => counters.grantsUndone,
  );
  split('forelock_delegations_total', 'Delegations made, by occasion.', 'as', () => [
    ['reservation', counters.reservations],
    ['retention', counters.retentions],
  ]);
  split(
    'forelock_reservations_total',
    'Reservations and retentions that ended, by whether a request used them.',
    'outcome',
    () => [
      ['used', counters.reservationsUsed],
      ['wasted', counters.reservationsWasted],
    ],
  );
  split('forelock_scripts_total', 'Scripts sent to Redis.', 'script', () =>
    Object.entries(counters.scripts),
  );
  split(
    'forelock_touches_total',
    'Commands that touched a lock key, or all of them.',
    'kind',
    () => [
      ['at once', counters.touches - counters.touchesDelayed],
      ['after settling', counters.touchesDelayed],
      ['whole database', counters.wholeDatabaseTouches],
    ],
  );
  counter(
    'forelock_foreign_holders_total',
    'Client values found in a lock key that were not granted here.',
    () => counters.foreignHolders,
  );
  counter(
    'forelock_template_bars_total',
    'How often a template was barred from delegation.',
    () => counters.templateBars,
  );
  counter(
    'forelock_breaths_total',
    'How often a key was left to Redis at the end of its tenure.',
    () => counters.breaths,
  );
  counter(
    'forelock_broken_assumptions_total',
    'Defects of Forelock that its own checks have caught; each ended a delegation.',
    () => counters.assertions,
  );
  split(
    'forelock_doubts_total',
    'How often what was believed of a key was no longer trusted.',
    'reason',
    () => sources.tally.doubts,
  );
  counter(
    'forelock_log_lines_dropped_total',
    'Log lines dropped since nobody took them.',
    droppedLogLines,
  );

  return { text: () => registry.metrics(), contentType: registry.contentType };
}
