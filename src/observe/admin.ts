import type { LockSnapshot } from '../locks/snapshot.js';
import type { ScoreSnapshot } from '../pool/allocator.js';
import type { Protocol } from '../resp/encode.js';
import { AdminError, type AdminReply, encodeAdminReply, mapOf, ratio } from './admin-reply.js';
import { ADMIN_COMMAND, type AdminRights, type MayRun } from './admin-rights.js';
import { forecastReply } from './forecast-reply.js';
import { share } from './lock-tally.js';
import { notReadyBecause, type Sources } from './sources.js';

/** Who asks, and from where. */
export interface AdminContext {
  readonly user: string;
  /** The session's database: EXPLAIN looks the key up there. */
  readonly database: number;
  readonly mayRun: MayRun;
  /** Whether Redis, when it was asked last, allowed this user to look into Forelock. */
  remembers(user: string): boolean;
}

/** Answers `FORELOCK <args…>`, the arguments behind that word; never throws. */
export type Admin = (args: readonly string[], context: AdminContext) => Promise<AdminReply>;

interface Subcommand {
  /** What stands behind the name; `[…]` may be left out. */
  readonly synopsis: string;
  readonly help: string;
  readonly argsMin: number;
  readonly argsMax: number;
  answer(args: readonly string[], context: AdminContext): AdminReply | Promise<AdminReply>;
}

/** How many keys a listing names: one reply, one turn of the loop. */
export interface ListingOptions {
  /** Unless told otherwise. */
  readonly listedDefault: number;
  readonly listedMax: number;
}

export function createAdmin(sources: Sources, options: ListingOptions): Admin {
  const subcommands = subcommandsOf(sources, options);
  const helpLines = help(subcommands);

  return async (args, context) => {
    const [word = '', ...rest] = args;
    const name = word.toUpperCase();
    const subcommand = subcommands.get(name);
    // Whoever may not ask learns nothing, not even what could be asked.
    const refusal = await refusalOf(name, rest, context);
    if (refusal !== null) return refusal;
    if (args.length === 0) return wrongNumber('forelock');
    if (subcommand === undefined) {
      return new AdminError(`ERR unknown subcommand '${printable(word)}'. Try FORELOCK HELP.`);
    }
    if (rest.length < subcommand.argsMin || rest.length > subcommand.argsMax) {
      return wrongNumber(`forelock|${name.toLowerCase()}`);
    }
    return name === 'HELP' ? helpLines : subcommand.answer(rest, context);
  };
}

function subcommandsOf(sources: Sources, options: ListingOptions): ReadonlyMap<string, Subcommand> {
  const listed = (count: string | undefined, list: (limit: number) => AdminReply): AdminReply =>
    listing(count, list, options);
  return new Map<string, Subcommand>([
    [
      'STATUS',
      {
        synopsis: '',
        help: 'How Forelock and its Redis are, and what was counted since the start.',
        argsMin: 0,
        argsMax: 0,
        answer: () => status(sources),
      },
    ],
    [
      'LOCKS',
      {
        synopsis: '[count]',
        help: `The lock keys that are known (${options.listedDefault} of them by default).`,
        argsMin: 0,
        argsMax: 1,
        answer: ([count]) => listed(count, limit => first(limit, sources.locks.all()).map(lock)),
      },
    ],
    [
      'POOL',
      {
        synopsis: '[count]',
        help: 'The locks that are held ready: delegated keys with lease and tenure.',
        argsMin: 0,
        argsMax: 1,
        answer: ([count]) =>
          listed(count, limit => first(limit, sources.locks.delegated()).map(delegation)),
      },
    ],
    [
      'SCORES',
      {
        synopsis: '[count]',
        help: 'The highest scores: how likely each lock is requested within the forecast window.',
        argsMin: 0,
        argsMax: 1,
        answer: ([count]) => listed(count, limit => sources.scores.highest(limit).map(score)),
      },
    ],
    [
      'FORECAST',
      {
        synopsis: '',
        help: 'What forecasts: the network or the statistics, how they were trained and how they do.',
        argsMin: 0,
        argsMax: 0,
        answer: () => forecastReply(sources.forecast()),
      },
    ],
    [
      'EXPLAIN',
      {
        synopsis: 'key',
        help: 'All that is known of one key of this database, and why it is or is not delegated.',
        argsMin: 1,
        argsMax: 1,
        answer: ([key = ''], { database }) => explain(sources, database, key),
      },
    ],
    [
      'FENCE',
      {
        synopsis: 'key value',
        help: 'The number of the grant of this lock with exactly this value; nil if there is none.',
        argsMin: 2,
        argsMax: 2,
        answer: ([key = '', value = ''], { database }) => fence(sources, database, key, value),
      },
    ],
    ['HELP', { synopsis: '', help: 'This text.', argsMin: 0, argsMax: 0, answer: () => null }],
  ]);
}

/** The same for sessions: of the whole command, `FORELOCK` included, in the protocol of its client. */
export function createAdminDesk(
  admin: Admin,
  rights: Pick<AdminRights, 'mayRun' | 'remembers'>,
): {
  answer(
    command: readonly string[],
    asker: {
      readonly user: string;
      readonly authenticated: boolean;
      readonly presumed: boolean;
      readonly database: number;
      readonly protocol: Protocol;
    },
  ): Promise<Buffer>;
} {
  return {
    answer: async ([, ...args], { user, authenticated, presumed, database, protocol }) => {
      const remembers = (who: string): boolean => rights.remembers(who);
      // Whoever has not said who they are is nobody, whatever the default user may do.
      const reply =
        authenticated || presumed
          ? await admin(args, {
              user,
              database,
              mayRun: presumed ? notAsked : (who, words) => rights.mayRun(who, words),
              remembers,
            })
          : new AdminError('NOAUTH Authentication required.');
      return encodeAdminReply(reply, protocol);
    },
  };
}

/** Of a client that Redis could not be asked about, no right of today can be told. */
function notAsked(): Promise<boolean> {
  return Promise.reject(new Error('Redis is away'));
}

/** What may be looked at while Redis is away, by those whom it allowed before: names no key. */
const SHOWN_WHILE_AWAY: ReadonlySet<string> = new Set(['STATUS', 'HELP']);

async function refusalOf(
  name: string,
  args: readonly string[],
  { user, mayRun, remembers }: AdminContext,
): Promise<AdminError | null> {
  try {
    if (await mayRun(user, ADMIN_COMMAND)) return null;
    const [key] = args;
    const isOfKey = name === 'EXPLAIN' || name === 'FENCE';
    if (isOfKey && key !== undefined && (await mayRun(user, ['GET', key]))) return null;
    return new AdminError(
      `NOPERM User ${printable(user)} has no permissions to run the 'forelock' command: ` +
        "it takes those of 'config|get', EXPLAIN and FENCE alternatively those to GET the key",
    );
  } catch {
    if (SHOWN_WHILE_AWAY.has(name) && remembers(user)) return null;
    return new AdminError(
      "ERR Redis can't be asked now whether this user may run the 'forelock' command; see /readyz",
    );
  }
}

function status(sources: Sources): AdminReply {
  const about = sources.about();
  const upstream = sources.upstream();
  const clients = sources.clients();
  const notReady = notReadyBecause([sources]);
  const { locks, tally } = sources;
  const { counters } = locks;
  const fromMemory = share(counters.grantsFromMemory, counters.grantsThroughRedis);
  const used = share(counters.reservationsUsed, counters.reservationsWasted);
  return mapOf({
    version: about.version,
    mode: about.mode,
    ready: notReady ?? 'yes',
    'uptime-s': Math.floor(about.uptimeMs / 1000),
    listen: about.listen,
    http: about.http,
    'group-size': about.groupSize,
    upstream: upstream.address,
    'upstream-reachable': upstream.reachable,
    'upstream-version': upstream.redisVersion,
    'upstream-role': upstream.role,
    'upstream-heard-ms-ago': wholeMs(upstream.lastHeardMsAgo),
    'upstream-pipes': upstream.pipes,
    'upstream-own-connections': upstream.ownConnections,
    'delegation-bar': upstream.delegationBar,
    'clients-connected': clients.connected,
    'clients-accepted': clients.accepted,
    'clients-refused': clients.refused,
    'lock-keys': locks.count(),
    delegations: locks.delegatedCount(),
    requests: tally.requests,
    'grants-from-memory': counters.grantsFromMemory,
    'grants-through-redis': counters.grantsThroughRedis,
    'grants-shadow': counters.grantsShadow,
    'share-from-memory': fromMemory === null ? null : ratio(fromMemory),
    refusals: counters.refusalsFromMemory + counters.refusalsThroughRedis,
    releases: counters.releasesInMemory + counters.releasesThroughRedis,
    'reservations-used': counters.reservationsUsed,
    'reservations-wasted': counters.reservationsWasted,
    'reservations-used-share': used === null ? null : ratio(used),
    recalls: counters.recalls,
    'transfers-in': counters.transfersIn,
    'transfers-out': counters.transfersOut,
    'foreign-holders': counters.foreignHolders,
    doubts: new Map(tally.doubts),
  });
}

function lock(view: LockSnapshot): AdminReply {
  return mapOf({
    key: view.key,
    database: view.database,
    state: view.state,
    'lease-left-ms': wholeMs(view.leaseLeftMs),
    'held-for-ms': wholeMs(view.heldForMs),
    waiting: view.waiting,
    grants: view.grants,
    'grants-from-memory': view.grantsFromMemory,
    refusals: view.refusals,
    bar: view.bar,
  });
}

function delegation(view: LockSnapshot): AdminReply {
  return mapOf({
    key: view.key,
    database: view.database,
    state: view.state,
    doubt: view.doubt,
    'lease-left-ms': wholeMs(view.leaseLeftMs),
    'tenure-left-ms': wholeMs(view.tenureLeftMs),
    'kept-for-ms': wholeMs(view.keptForMs),
  });
}

function score(view: ScoreSnapshot): AdminReply {
  return mapOf({
    key: view.key,
    database: view.database,
    score: ratio(view.score),
    threshold: ratio(view.threshold),
    'interval-ms': wholeMs(view.intervalMs),
    forecaster: view.forecaster,
  });
}

function explain(sources: Sources, database: number, key: string): AdminReply {
  const told = sources.locks.explain(database, key);
  const view = told.lock;
  const why = told.notDelegatedBecause;
  const forecast = sources.scores.find(database, key);
  const score =
    forecast === null
      ? {}
      : {
          score: ratio(forecast.score),
          threshold: ratio(forecast.threshold),
          'interval-ms': wholeMs(forecast.intervalMs),
          forecaster: forecast.forecaster,
        };
  if (view === null) {
    return mapOf({ key, database, state: 'unknown', why, ...score });
  }
  return mapOf({
    key,
    database,
    state: view.state,
    why: view.doubt ?? why ?? (view.delegated ? 'it is delegated' : 'nothing speaks against it'),
    template: told.template,
    declared: told.declared,
    proven: told.proven,
    'proof-grants': told.grantsReleasedByCompare,
    'proof-template-keys': told.templateKeysProven,
    'touch-bar-left-ms': wholeMs(told.touchBarLeftMs),
    'foreign-bar-left-ms': wholeMs(told.foreignBarLeftMs),
    tenure: told.tenure,
    'tenure-limit-ms': wholeMs(told.tenureLimitMs),
    'tenure-kept-ms': wholeMs(told.tenureKeptMs),
    token: view.token,
    'lease-left-ms': wholeMs(view.leaseLeftMs),
    'kept-for-ms': wholeMs(view.keptForMs),
    'held-for-ms': wholeMs(view.heldForMs),
    'holder-client': view.holderClientId,
    fence: view.fence,
    'usual-ttl-ms': wholeMs(told.usualTtlMs),
    waiting: view.waiting,
    'script-on-its-way': view.scriptOnItsWay,
    'touches-on-their-way': told.touchesOnTheirWay,
    'passes-on-their-way': told.passesOnTheirWay,
    grants: view.grants,
    'grants-from-memory': view.grantsFromMemory,
    refusals: view.refusals,
    ...score,
  });
}

async function fence(
  sources: Sources,
  database: number,
  key: string,
  value: string,
): Promise<AdminReply> {
  try {
    return await sources.locks.fence(database, key, value);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return new AdminError(`ERR Redis can't be asked now for this grant: ${why}`);
  }
}

/** As Redis words its own HELP replies. */
function help(subcommands: ReadonlyMap<string, Subcommand>): AdminReply {
  const lines = ['FORELOCK <subcommand> [<arg> [value] [opt] ...]. Subcommands are:'];
  for (const [name, { synopsis, help: text }] of subcommands) {
    lines.push(`${name} ${synopsis}`.trimEnd(), `    ${text}`);
  }
  return lines;
}

function listing(
  count: string | undefined,
  list: (limit: number) => AdminReply,
  { listedDefault, listedMax }: ListingOptions,
): AdminReply {
  if (count === undefined) return list(Math.min(listedDefault, listedMax));
  const limit = /^\d{1,9}$/.test(count) ? Number(count) : 0;
  if (limit >= 1 && limit <= listedMax) return list(limit);
  return new AdminError(`ERR count must be a whole number from 1 to ${listedMax}`);
}

function first<T>(limit: number, from: Iterable<T>): readonly T[] {
  const taken: T[] = [];
  for (const each of from) {
    taken.push(each);
    if (taken.length === limit) break;
  }
  return taken;
}

function wholeMs(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms);
}

function wrongNumber(command: string): AdminError {
  return new AdminError(`ERR wrong number of arguments for '${command}' command`);
}

const PRINTED_LENGTH_MAX = 64;

/** Text of a client's in an error line: bounded, and without what would end the line. */
function printable(text: string): string {
  return text.slice(0, PRINTED_LENGTH_MAX).replace(/[^\x20-\x7e]/g, '?');
}
