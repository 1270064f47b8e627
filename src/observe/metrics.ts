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
export function createHoldHistogram(): Histogram<'upstream'> {
  return new Histogram({
    name: 'forelock_lock_hold_seconds',
    help: 'How long released locks were held.',
    labelNames: ['upstream'],
    buckets: HOLD_BUCKETS_S,
    registers: [],
  });
}

/**
 * Everything else is read from where it is counted anyway, and only when somebody scrapes. What
 * belongs to one listener has its upstream for a label.
 */
export function createMetrics(
  listeners: readonly Sources[],
  holds: Histogram<'upstream'>,
  droppedLogLines: () => number,
): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  registry.registerMetric(holds);
  const upstreams = listeners.map(sources => ({
    sources,
    upstream: sources.upstream().address,
  }));

  const gauge = (name: string, help: string, value: (of: Sources) => number): void => {
    new Gauge({
      name,
      help,
      labelNames: ['upstream'],
      registers: [registry],
      collect() {
        for (const { sources, upstream } of upstreams) this.set({ upstream }, value(sources));
      },
    });
  };
  const counter = (name: string, help: string, value: (of: Sources) => number): void => {
    new Counter({
      name,
      help,
      labelNames: ['upstream'],
      registers: [registry],
      collect() {
        this.reset();
        for (const { sources, upstream } of upstreams) this.inc({ upstream }, value(sources));
      },
    });
  };
  /** One counter, split by one label more. */
  const split = (
    name: string,
    help: string,
    label: string,
    values: (of: Sources) => Iterable<readonly [string, number]>,
  ): void => {
    new Counter({
      name,
      help,
      labelNames: [label, 'upstream'],
      registers: [registry],
      collect() {
        this.reset();
        for (const { sources, upstream } of upstreams) {
          for (const [each, value] of values(sources)) this.inc({ [label]: each, upstream }, value);
        }
      },
    });
  };

  describeProcess(registry, listeners, droppedLogLines);

  gauge('forelock_upstream_reachable', '1 while Redis can be reached.', sources =>
    sources.upstream().reachable ? 1 : 0,
  );
  gauge(
    'forelock_upstream_pipes',
    'Upstream connections that clients share.',
    sources => sources.upstream().pipes,
  );
  gauge(
    'forelock_upstream_own_connections',
    'Upstream connections that serve one client each.',
    sources => sources.upstream().ownConnections,
  );
  gauge(
    'forelock_clients_connected',
    'Client connections now.',
    sources => sources.clients().connected,
  );
  counter(
    'forelock_clients_accepted_total',
    'Client connections accepted.',
    sources => sources.clients().accepted,
  );
  counter(
    'forelock_clients_refused_total',
    'Client connections refused above the limit.',
    sources => sources.clients().refused,
  );
  counter(
    'forelock_clients_closed_for_output_total',
    'Clients closed since they did not read their replies.',
    sources => sources.clients().closedForOutput,
  );
  gauge('forelock_lock_keys', 'Lock keys that are remembered.', ({ locks }) => locks.count());
  gauge('forelock_delegations', 'Lock keys that are delegated now.', ({ locks }) =>
    locks.delegatedCount(),
  );
  counter(
    'forelock_lock_requests_total',
    'Attempts to acquire.',
    sources => sources.tally.requests,
  );
  split('forelock_lock_grants_total', 'Locks granted, by who decided.', 'by', ({ locks }) => [
    ['memory', locks.counters.grantsFromMemory],
    ['redis', locks.counters.grantsThroughRedis],
    ['shadow', locks.counters.grantsShadow],
  ]);
  split('forelock_lock_refusals_total', 'Attempts refused, by who decided.', 'by', ({ locks }) => [
    ['memory', locks.counters.refusalsFromMemory],
    ['redis', locks.counters.refusalsThroughRedis],
  ]);
  split('forelock_lock_releases_total', 'Locks released, by who decided.', 'by', ({ locks }) => [
    ['memory', locks.counters.releasesInMemory],
    ['redis', locks.counters.releasesThroughRedis],
  ]);
  split('forelock_lock_extensions_total', 'Locks extended, by who decided.', 'by', ({ locks }) => [
    ['memory', locks.counters.extensionsInMemory],
    ['redis', locks.counters.extensionsThroughRedis],
  ]);
  counter(
    'forelock_lock_passes_total',
    'Lock commands that Redis decided as the client wrote them.',
    ({ locks }) => locks.counters.passes,
  );
  counter(
    'forelock_lock_losses_total',
    "Clients disconnected since a script's fate was unknown.",
    ({ locks }) => locks.counters.losses,
  );
  counter(
    'forelock_grants_undone_total',
    'Grants taken back that nobody had heard of.',
    ({ locks }) => locks.counters.grantsUndone,
  );
  split(
    'forelock_lock_parkings_total',
    'Attempts held back while somebody had the lock, by what came of them.',
    'outcome',
    ({ locks }) => [
      ['refused', locks.counters.parkingsInVain],
      ['granted or gone', locks.counters.parkings - locks.counters.parkingsInVain],
    ],
  );
  counter(
    'forelock_hand_offs_total',
    'Locks handed on from memory to one who was held back.',
    ({ locks }) => locks.counters.handOffs,
  );
  split(
    'forelock_asks_total',
    'Attempts that asked another Forelock for a lock, by whether it said anything in time.',
    'outcome',
    ({ locks }) => [
      ['answered', locks.counters.asks - locks.counters.recallTimeouts],
      ['silence', locks.counters.recallTimeouts],
    ],
  );
  counter(
    'forelock_recalls_total',
    'How often another Forelock asked for a delegated lock.',
    ({ locks }) => locks.counters.recalls,
  );
  split(
    'forelock_transfers_total',
    'Delegations passed on between Forelocks, by direction.',
    'direction',
    ({ locks }) => [
      ['in', locks.counters.transfersIn],
      ['out', locks.counters.transfersOut],
    ],
  );
  split('forelock_delegations_total', 'Delegations made, by occasion.', 'as', ({ locks }) => [
    ['reservation', locks.counters.reservations],
    ['retention', locks.counters.retentions],
  ]);
  split(
    'forelock_reservations_total',
    'Reservations and retentions that ended, by whether a request used them.',
    'outcome',
    ({ locks }) => [
      ['used', locks.counters.reservationsUsed],
      ['wasted', locks.counters.reservationsWasted],
    ],
  );
  split('forelock_scripts_total', 'Scripts sent to Redis.', 'script', ({ locks }) =>
    Object.entries(locks.counters.scripts),
  );
  split(
    'forelock_touches_total',
    'Commands that touched a lock key, or all of them.',
    'kind',
    ({ locks }) => [
      ['at once', locks.counters.touches - locks.counters.touchesDelayed],
      ['after settling', locks.counters.touchesDelayed],
      ['whole database', locks.counters.wholeDatabaseTouches],
    ],
  );
  counter(
    'forelock_foreign_holders_total',
    'Client values found in a lock key that were not granted here.',
    ({ locks }) => locks.counters.foreignHolders,
  );
  counter(
    'forelock_template_bars_total',
    'How often a template was barred from delegation.',
    ({ locks }) => locks.counters.templateBars,
  );
  counter(
    'forelock_breaths_total',
    'How often a key was left to Redis at the end of its tenure.',
    ({ locks }) => locks.counters.breaths,
  );
  split(
    'forelock_recovered_total',
    'Delegations of an earlier run that its journal has proved, by what became of them.',
    'outcome',
    ({ locks }) => [
      ['holder written', locks.counters.holdersRecovered],
      ['freed', locks.counters.delegationsFreed],
    ],
  );
  split(
    'forelock_leases_confirmed_total',
    'Leases that had to be confirmed before they count, by whether they were (--confirm).',
    'outcome',
    ({ locks }) => [
      ['confirmed', locks.counters.leasesConfirmed],
      ['not confirmed', locks.counters.leasesUnconfirmed],
    ],
  );
  counter(
    'forelock_broken_assumptions_total',
    'Defects of Forelock that its own checks have caught; each ended a delegation.',
    ({ locks }) => locks.counters.assertions,
  );
  split(
    'forelock_doubts_total',
    'How often what was believed of a key was no longer trusted.',
    'reason',
    sources => sources.tally.doubts,
  );

  return { text: () => registry.metrics(), contentType: registry.contentType };
}

function describeProcess(
  registry: Registry,
  listeners: readonly Sources[],
  droppedLogLines: () => number,
): void {
  const info = new Gauge({
    name: 'forelock_info',
    help: 'Always 1; the labels tell version and mode.',
    labelNames: ['version', 'mode'],
    registers: [registry],
  });
  for (const { version, mode } of listeners.map(each => each.about())) {
    info.set({ version, mode }, 1);
  }
  new Gauge({
    name: 'forelock_ready',
    help: '1 while /readyz says so.',
    registers: [registry],
    collect() {
      this.set(notReadyBecause(listeners) === null ? 1 : 0);
    },
  });
  new Counter({
    name: 'forelock_log_lines_dropped_total',
    help: 'Log lines dropped since nobody took them.',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(droppedLogLines());
    },
  });
}
