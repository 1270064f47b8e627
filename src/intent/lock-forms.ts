import type { ScriptMeaning } from './catalogue.js';
import type { Intent, LockForm } from './intent.js';

/** The forms of one script: its commands differ in what the ACL must allow. */
export interface ScriptForms {
  readonly eval: LockForm;
  readonly evalsha: LockForm;
}

function nativeForm(
  form: Pick<LockForm, 'name' | 'yes' | 'no'>,
  ...words: readonly string[]
): LockForm {
  return { ...form, sha: null, runs: intent => [filled(words, intent)] };
}

const REPLIES = { yes: 'OK', no: null } as const;

export const SET_NX_PX = nativeForm(
  { name: 'SET NX PX', ...REPLIES },
  ...['SET', '{key}', '{value}', 'NX', 'PX', '{ttl}'],
);

export const SET_NX_EX = nativeForm(
  { name: 'SET NX EX', ...REPLIES },
  ...['SET', '{key}', '{value}', 'NX', 'EX', '{seconds}'],
);

/** SET NX without a time to live, or with further options: Redis alone decides it. */
export const SET_NX_OTHER = nativeForm(
  { name: 'SET NX', ...REPLIES },
  ...['SET', '{key}', '{value}', 'NX'],
);

/** Replies the value that stands in the way; nil is the grant. Redis alone decides it. */
export const SET_NX_GET = nativeForm(
  { name: 'SET NX GET', yes: null, no: null },
  ...['SET', '{key}', '{value}', 'NX', 'GET'],
);

/** No time to live: Redis alone decides it. */
export const SETNX = nativeForm({ name: 'SETNX', yes: 1, no: 0 }, ...['SETNX', '{key}', '{value}']);

export function scriptForms(sha: string, meaning: ScriptMeaning): ScriptForms {
  const ttl = meaning.ttlUnit === null ? [] : [meaning.ttlUnit === 's' ? '{seconds}' : '{ttl}'];
  const call = ['1', '{key}', '{value}', ...ttl];
  // The ACL looks at the command and its keys; the script's text may be any.
  const calls = { eval: ['EVAL', 'return 0', ...call], evalsha: ['EVALSHA', sha, ...call] };
  const inner = meaning.runs.map(words =>
    words.map(word => (word === '{ttl}' ? (ttl[0] ?? '') : word)),
  );
  const form = (command: readonly string[]): LockForm => ({
    name: meaning.name,
    sha,
    yes: meaning.yes,
    no: meaning.no,
    runs: intent => [command, ...inner].map(words => filled(words, intent)),
  });
  return { eval: form(calls.eval), evalsha: form(calls.evalsha) };
}

function filled(words: readonly string[], intent: Intent): string[] {
  return words.map(word => {
    switch (word) {
      case '{key}':
        return intent.key;
      case '{value}':
        return intent.value;
      case '{ttl}':
        return String(ttlOf(intent));
      case '{seconds}':
        return String(Math.max(1, Math.floor(ttlOf(intent) / 1000)));
      default:
        return word;
    }
  });
}

/** The ACL doesn't look at the number, but wants one. */
function ttlOf(intent: Intent): number {
  return intent.kind === 'release' ? 1 : Math.max(1, intent.ttlMs);
}
