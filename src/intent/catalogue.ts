import {
  type CataloguedScript,
  COMPARE_AND_DELETE,
  COMPARE_AND_DELETE_ALL,
  COMPARE_AND_DELETE_OR_NIL,
  COMPARE_AND_EXPIRE,
  COMPARE_AND_PEXPIRE,
  COMPARE_AND_PEXPIRE_OR_NIL,
  COMPARE_AND_SET,
  COMPARE_AND_SET_ALL,
  NAMED_KEYS_ONLY,
  SET_ALL_IF_ABSENT,
  SET_IF_ABSENT,
  SETNX_AND_PEXPIRE,
} from './catalogue-data.js';
import type { LockReply } from './intent.js';
import type { ScriptShape } from './script-shape.js';

/** What a script with one key, a token and perhaps a time to live means for a lock. */
export interface ScriptMeaning {
  readonly kind: 'acquire' | 'release' | 'extend';
  /** For people: `redlock 4.0.0-4.2.0 acquire`. */
  readonly name: string;
  /** Unit of ARGV[2]; null where the script takes a token only. */
  readonly ttlUnit: 'ms' | 's' | null;
  readonly yes: LockReply;
  readonly no: LockReply;
  /** Commands that the script runs on its key, for the ACL: `{value}` and `{ttl}` are filled in. */
  readonly runs: readonly (readonly string[])[];
  /** Further arguments that a library sends, and its script doesn't look at. */
  readonly argumentsIgnored: number;
}

type MeaningOf = Omit<ScriptMeaning, 'name' | 'argumentsIgnored'>;

const RELEASE = { kind: 'release', ttlUnit: null, yes: 1, no: 0 } as const;
const EXTEND = { kind: 'extend', ttlUnit: 'ms', yes: 1, no: 0 } as const;
const ACQUIRE = { kind: 'acquire', ttlUnit: 'ms', yes: 1, no: 0 } as const;

const GET = ['GET', '{key}'];
const DEL = ['DEL', '{key}'];
const UNLINK = ['UNLINK', '{key}'];
const PEXPIRE = ['PEXPIRE', '{key}', '{ttl}'];
const EXPIRE = ['EXPIRE', '{key}', '{ttl}'];
const SET_PX = ['SET', '{key}', '{value}', 'PX', '{ttl}'];
const SET_EX = ['SET', '{key}', '{value}', 'EX', '{ttl}'];

/** With one key, a script over all of KEYS does what a script over KEYS[1] does. */
const MEANINGS: readonly (readonly [readonly CataloguedScript[], MeaningOf])[] = [
  [COMPARE_AND_DELETE, { ...RELEASE, runs: [GET, DEL] }],
  [COMPARE_AND_DELETE_OR_NIL, { ...RELEASE, no: null, runs: [GET, DEL, UNLINK] }],
  [COMPARE_AND_DELETE_ALL, { ...RELEASE, runs: [GET, DEL] }],
  [COMPARE_AND_PEXPIRE, { ...EXTEND, runs: [GET, PEXPIRE] }],
  [COMPARE_AND_PEXPIRE_OR_NIL, { ...EXTEND, no: null, runs: [GET, PEXPIRE] }],
  [COMPARE_AND_EXPIRE, { ...EXTEND, ttlUnit: 's', runs: [GET, EXPIRE] }],
  [COMPARE_AND_SET, { ...EXTEND, runs: [GET, SET_PX] }],
  [COMPARE_AND_SET_ALL, { ...EXTEND, runs: [GET, SET_PX] }],
  [SET_ALL_IF_ABSENT, { ...ACQUIRE, runs: [['EXISTS', '{key}'], SET_PX] }],
  [
    SET_IF_ABSENT,
    {
      ...ACQUIRE,
      yes: 'OK',
      no: null,
      runs: [['SET', '{key}', '{value}', 'NX', 'PX', '{ttl}']],
    },
  ],
  [SETNX_AND_PEXPIRE, { ...ACQUIRE, runs: [['SETNX', '{key}', '{value}'], PEXPIRE] }],
];

/** rueidislock sends its deadline with a release too; the script doesn't read it. */
const ARGUMENTS_IGNORED: Readonly<Record<string, number>> = {
  '9eb62214c9af87ae5f9a9f12bb4520281c0d2ae1': 1,
};

export const CATALOGUE: ReadonlyMap<string, ScriptMeaning> = new Map(
  MEANINGS.flatMap(([scripts, meaning]) =>
    scripts.map(([sha, source]) => {
      const name = `${source} ${meaning.kind}`;
      return [sha, { ...meaning, name, argumentsIgnored: ARGUMENTS_IGNORED[sha] ?? 0 }] as const;
    }),
  ),
);

/** SHA-1s of scripts that are known to touch the keys they are called with, and no others. */
export const NAMED_KEYS_ONLY_SHAS: ReadonlySet<string> = new Set([
  ...CATALOGUE.keys(),
  ...NAMED_KEYS_ONLY.map(([sha]) => sha),
]);

const RUNS_OF_EFFECT: Readonly<Record<ScriptShape['effect'], readonly string[]>> = {
  DEL,
  UNLINK,
  PEXPIRE,
  EXPIRE,
  'SET PX': SET_PX,
  'SET EX': SET_EX,
};

/** The meaning of a script whose text was read. */
export function meaningOfShape(shape: ScriptShape): ScriptMeaning {
  const seconds = shape.effect === 'EXPIRE' || shape.effect === 'SET EX';
  const release = shape.kind === 'release';
  return {
    kind: shape.kind,
    name: release ? 'compare and delete' : `compare and ${seconds ? 'expire' : 'pexpire'}`,
    ttlUnit: release ? null : seconds ? 's' : 'ms',
    yes: shape.yes,
    no: shape.no,
    runs: [GET, RUNS_OF_EFFECT[shape.effect]],
    // What the text reads is known, so it is known that it reads nothing more.
    argumentsIgnored: Number.POSITIVE_INFINITY,
  };
}
