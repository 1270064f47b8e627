import { between } from './collections.js';
import type { CommandTable } from './command.js';
import type { Connection } from './connection.js';
import { SortedSet } from './keyspace.js';
import { generalFormat, parseFloatStrictly, parseInteger } from './numbers.js';
import {
  ErrorReply,
  NOT_A_FLOAT,
  NOT_AN_INTEGER,
  type Reply,
  SYNTAX_ERROR,
  WRONG_TYPE,
} from './reply.js';

function withSet(
  connection: Connection,
  key: string,
  run: (set: SortedSet, isNew: boolean) => Reply,
): Reply {
  const value = connection.find(key)?.value;
  if (value === undefined) return run(new SortedSet(), true);
  return value instanceof SortedSet ? run(value, false) : WRONG_TYPE;
}

/** Redis 7.0 writes scores with 17 digits, so that each is read back as it was. */
const scoreText = (score: number): string => generalFormat(score, 17);

function add(connection: Connection, words: readonly string[]): Reply {
  const options = new Set<string>();
  let index = 2;
  for (; index < words.length; index++) {
    const option = words[index]?.toUpperCase() ?? '';
    if (!['NX', 'XX', 'GT', 'LT', 'CH'].includes(option)) break;
    options.add(option);
  }
  const pairs = words.slice(index);
  if (pairs.length === 0 || pairs.length % 2 === 1) return SYNTAX_ERROR;
  if (options.has('NX') && options.has('XX')) {
    return new ErrorReply('ERR XX and NX options at the same time are not compatible');
  }
  if ([options.has('NX'), options.has('GT'), options.has('LT')].filter(Boolean).length > 1) {
    return new ErrorReply('ERR GT, LT, and/or NX options at the same time are not compatible');
  }
  const scores: number[] = [];
  for (let pair = 0; pair < pairs.length; pair += 2) {
    const score = parseFloatStrictly(pairs[pair]);
    if (score === null) return NOT_A_FLOAT;
    scores.push(score);
  }
  const key = words[1] ?? '';
  return withSet(connection, key, (set, isNew) => {
    let [added, updated] = [0, 0];
    scores.forEach((score, pair) => {
      const member = pairs[2 * pair + 1] ?? '';
      const before = set.scores.get(member);
      if (before === undefined) {
        if (options.has('XX')) return;
        added++;
      } else {
        if (options.has('NX') || score === before) return;
        if (options.has('GT') && score < before) return;
        if (options.has('LT') && score > before) return;
        updated++;
      }
      set.scores.set(member, score);
    });
    if (added + updated > 0) connection.store(key, set, isNew);
    return options.has('CH') ? added + updated : added;
  });
}

interface Bound {
  readonly score: number;
  readonly excluded: boolean;
}

function boundOf(text: string | undefined): Bound | null {
  const excluded = text?.startsWith('(') ?? false;
  const score = parseFloatStrictly(excluded ? text?.slice(1) : text);
  return score === null ? null : { score, excluded };
}

const NOT_A_BOUND = new ErrorReply('ERR min or max is not a float');

/** Members with scores from `low` to `high`; null where a bound is none. */
function withScores(set: SortedSet, low: Bound, high: Bound): [string, number][] {
  return set
    .ordered()
    .filter(
      ([, score]) =>
        (low.excluded ? score > low.score : score >= low.score) &&
        (high.excluded ? score < high.score : score <= high.score),
    );
}

interface RangeOptions {
  byScore: boolean;
  reversed: boolean;
  withScores: boolean;
  limit: { readonly offset: number; readonly count: number } | null;
}

function rangeOptions(words: readonly string[], from: number): RangeOptions | ErrorReply {
  const options: RangeOptions = { byScore: false, reversed: false, withScores: false, limit: null };
  for (let index = from; index < words.length; index++) {
    switch (words[index]?.toUpperCase()) {
      case 'BYSCORE':
        options.byScore = true;
        break;
      case 'REV':
        options.reversed = true;
        break;
      case 'WITHSCORES':
        options.withScores = true;
        break;
      case 'LIMIT': {
        if (index + 2 >= words.length) return SYNTAX_ERROR;
        const [offset, count] = [parseInteger(words[index + 1]), parseInteger(words[index + 2])];
        if (offset === null || count === null) return NOT_AN_INTEGER;
        options.limit = { offset, count };
        index += 2;
        break;
      }
      default:
        return SYNTAX_ERROR;
    }
  }
  return options;
}

function range(
  connection: Connection,
  words: readonly string[],
  options: RangeOptions | ErrorReply,
): Reply {
  if (options instanceof ErrorReply) return options;
  const { byScore, reversed, limit } = options;
  if (limit !== null && !byScore) {
    return new ErrorReply(
      'ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX',
    );
  }
  const [, key = '', first, last] = words;
  let select: (set: SortedSet) => [string, number][];
  if (byScore) {
    const [low, high] = reversed
      ? [boundOf(last), boundOf(first)]
      : [boundOf(first), boundOf(last)];
    if (low === null || high === null) return NOT_A_BOUND;
    select = set => {
      const members = withScores(set, low, high);
      if (reversed) members.reverse();
      if (limit === null) return members;
      if (limit.offset < 0) return [];
      const end = limit.count < 0 ? Infinity : limit.offset + limit.count;
      return members.slice(limit.offset, end);
    };
  } else {
    const [from, to] = [parseInteger(first), parseInteger(last)];
    if (from === null || to === null) return NOT_AN_INTEGER;
    select = set => {
      const members = set.ordered();
      return between(reversed ? members.reverse() : members, from, to);
    };
  }
  return withSet(connection, key, set =>
    select(set).flatMap(([member, score]) =>
      options.withScores ? [member, scoreText(score)] : [member],
    ),
  );
}

function remove(
  connection: Connection,
  key: string,
  set: SortedSet,
  members: readonly string[],
): number {
  const removed = members.filter(member => set.scores.delete(member)).length;
  if (removed > 0) connection.store(key, set, false);
  return removed;
}

export const SORTED_SET_COMMANDS: CommandTable = {
  ZADD: { arity: -4, writes: true, needsMemory: true, run: add },
  ZREM: {
    arity: -3,
    writes: true,
    run: (connection, [, key = '', ...members]) =>
      withSet(connection, key, set => remove(connection, key, set, members)),
  },
  ZSCORE: {
    arity: 3,
    reads: 'first',
    run: (connection, [, key = '', member = '']) =>
      withSet(connection, key, set => {
        const score = set.scores.get(member);
        return score === undefined ? null : scoreText(score);
      }),
  },
  ZCARD: {
    arity: 2,
    reads: 'first',
    run: (connection, [, key = '']) => withSet(connection, key, set => set.scores.size),
  },
  ZRANK: {
    arity: 3,
    reads: 'first',
    run: (connection, [, key = '', member = '']) =>
      withSet(connection, key, set => {
        const rank = set.ordered().findIndex(([other]) => other === member);
        return rank < 0 ? null : rank;
      }),
  },
  ZCOUNT: {
    arity: 4,
    reads: 'first',
    run: (connection, [, key = '', first, last]) => {
      const [low, high] = [boundOf(first), boundOf(last)];
      if (low === null || high === null) return NOT_A_BOUND;
      return withSet(connection, key, set => withScores(set, low, high).length);
    },
  },
  ZRANGE: {
    arity: -4,
    reads: 'first',
    run: (connection, words) => range(connection, words, rangeOptions(words, 4)),
  },
  ZRANGEBYSCORE: {
    arity: -4,
    reads: 'first',
    run: (connection, words) => {
      const options = rangeOptions(words, 4);
      if (!(options instanceof ErrorReply)) options.byScore = true;
      return range(connection, words, options);
    },
  },
  ZREMRANGEBYSCORE: {
    arity: 4,
    writes: true,
    run: (connection, [, key = '', first, last]) => {
      const [low, high] = [boundOf(first), boundOf(last)];
      if (low === null || high === null) return NOT_A_BOUND;
      return withSet(connection, key, set =>
        remove(
          connection,
          key,
          set,
          withScores(set, low, high).map(([member]) => member),
        ),
      );
    },
  },
};
