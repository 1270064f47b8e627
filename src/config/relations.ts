import { formatAddress, formatUpstream } from './addresses.js';
import type { Options, SettingName } from './settings.js';

/** What one setting demands of another, or of its own values. */
export interface Relation {
  readonly names: readonly SettingName[];
  readonly demand: string;
  holds(options: Options): boolean;
}

export const relations: readonly Relation[] = [
  {
    names: ['listen', 'upstream'],
    demand: 'one --upstream for each --listen, in the same order',
    holds: ({ listen, upstream }) => listen.length === (upstream?.length ?? 1),
  },
  {
    names: ['listen'],
    demand: 'each --listen is another address',
    holds: ({ listen }) =>
      allDiffer(
        listen.filter(({ port }) => port !== 0).map(({ host, port }) => formatAddress(host, port)),
      ),
  },
  {
    names: ['upstream'],
    // Two votes of one Redis are no majority of anything; and it would be shared by two lock tables.
    demand: 'each --upstream is another Redis',
    holds: ({ upstream }) => allDiffer((upstream ?? []).map(formatUpstream)),
  },
  {
    names: ['group', 'listen'],
    demand: '--group has two or more --listen, each with its --upstream: the masters of a Redlock',
    holds: ({ group, listen }) => !group || listen.length > 1,
  },
  {
    names: ['tenureMs', 'tenureMaxMs'],
    demand: '--tenure-ms is at most --tenure-max-ms',
    holds: options => options.tenureMs <= options.tenureMaxMs,
  },
  {
    names: ['leaseSlackMinMs', 'leaseSlackMaxMs'],
    demand: '--lease-slack-min-ms is at most --lease-slack-max-ms',
    holds: options => options.leaseSlackMinMs <= options.leaseSlackMaxMs,
  },
  {
    names: ['controlRetryMinMs', 'controlRetryMaxMs'],
    demand: '--control-retry-min-ms is at most --control-retry-max-ms',
    holds: options => options.controlRetryMinMs <= options.controlRetryMaxMs,
  },
  {
    names: ['confirm', 'controlSilenceMaxMs'],
    demand: "--confirm's ms are at most half of --control-silence-max-ms",
    // A connection that waits for replicas must not look like a half-open one.
    holds: ({ confirm, controlSilenceMaxMs }) =>
      (confirm?.timeoutMs ?? 0) * 2 <= controlSilenceMaxMs,
  },
  {
    names: ['heartbeatMs', 'upstreamSilenceMs'],
    demand: '--heartbeat-ms is at most half of --upstream-silence-ms',
    // One lost beat must not look like a lost Redis.
    holds: options => options.heartbeatMs * 2 <= options.upstreamSilenceMs,
  },
];

function allDiffer(texts: readonly string[]): boolean {
  return new Set(texts).size === texts.length;
}
