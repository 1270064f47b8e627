import { type Arguments, canonicalNumber, textAt, wordAt } from './arguments.js';
import type { ScriptMeaning } from './catalogue.js';
import type { AcquireIntent, Intent, LockForm, LockReply } from './intent.js';
import { SET_NX_EX, SET_NX_GET, SET_NX_OTHER, SET_NX_PX, SETNX } from './lock-forms.js';
import type { ScriptKnowledge } from './scripts.js';

/**
 * What a command means for a lock, from its arguments alone; null where it is no acquire, release
 * or extension that is understood to the last word: it is a touch then. Texts of scripts that go by
 * (EVAL, EVAL_RO, SCRIPT LOAD) are learnt.
 */
export function intentOf(args: Arguments, scripts: ScriptKnowledge): Intent | null {
  switch (wordAt(args, 0)) {
    case 'set':
      return intentOfSet(args);
    case 'setnx':
      return intentOfSetnx(args);
    case 'eval':
      if (args.length < 3) return null;
      return intentOfScript(args, scripts, scripts.learn(textAt(args, 1)).sha, 'eval');
    case 'evalsha':
      return intentOfScript(args, scripts, wordAt(args, 1), 'evalsha');
    case 'eval_ro':
      if (args.length >= 3) scripts.learn(textAt(args, 1));
      return null;
    case 'script':
      if (args.length === 3 && wordAt(args, 1) === 'load') scripts.learn(textAt(args, 2));
      return null;
    default:
      return null;
  }
}

/**
 * Whether a reply of Redis, other than an error, to a command of this form was a yes. Of a refusal
 * only this much is sure, that it is not the yes: SET NX GET replies the value in its way.
 */
export function outcomeOf(form: LockForm, reply: LockReply | string): 'yes' | 'no' {
  return reply === form.yes ? 'yes' : 'no';
}

/** SET key value [NX] [PX ms | EX s] in any order and case, with or without further options. */
function intentOfSet(args: Arguments): AcquireIntent | null {
  let ifAbsent = false;
  let withGet = false;
  let unit: 'px' | 'ex' | null = null;
  let ttlText = '';
  let plain = true;
  for (let at = 3; at < args.length; at++) {
    const option = wordAt(args, at);
    switch (option) {
      case 'nx':
        if (ifAbsent) plain = false;
        ifAbsent = true;
        break;
      case 'px':
      case 'ex':
        // Redis takes the last of several: nobody who locks writes that.
        if (unit !== null) plain = false;
        unit = option;
        at++;
        if (at >= args.length) return null;
        ttlText = textAt(args, at);
        break;
      case 'pxat':
      case 'exat':
        plain = false;
        at++;
        if (at >= args.length) return null;
        break;
      case 'get':
        withGet = true;
        break;
      case 'keepttl':
        plain = false;
        break;
      default:
        return null;
    }
  }
  if (!ifAbsent) return null;
  const ttlMs = unit === null ? null : millisecondsOf(ttlText, unit === 'px' ? 'ms' : 's');
  plain &&= ttlMs !== null && !withGet;
  const native = unit === 'ex' ? SET_NX_EX : SET_NX_PX;
  return {
    kind: 'acquire',
    form: withGet ? SET_NX_GET : plain ? native : SET_NX_OTHER,
    key: textAt(args, 1),
    value: textAt(args, 2),
    ttlMs: ttlMs ?? 0,
    plain,
  };
}

function intentOfSetnx(args: Arguments): AcquireIntent | null {
  if (args.length !== 3) return null;
  const [key, value] = [textAt(args, 1), textAt(args, 2)];
  return { kind: 'acquire', form: SETNX, key, value, ttlMs: 0, plain: false };
}

/** EVAL text 1 key token [ttl], or EVALSHA with the script's SHA-1; no other number of keys. */
function intentOfScript(
  args: Arguments,
  scripts: ScriptKnowledge,
  sha: string,
  command: 'eval' | 'evalsha',
): Intent | null {
  const script = scripts.bySha(sha);
  if (script === null || script.meaning === null || script.forms === null) return null;
  const { meaning } = script;
  if (textAt(args, 2) !== '1' || !hasArguments(args, meaning)) return null;
  const common = { form: script.forms[command], key: textAt(args, 3), value: textAt(args, 4) };
  if (meaning.ttlUnit === null) return { kind: 'release', ...common };
  const ttlMs = millisecondsOf(textAt(args, 5), meaning.ttlUnit);
  const ttl = { ttlMs: ttlMs ?? 0, plain: ttlMs !== null };
  if (meaning.kind === 'acquire') return { kind: 'acquire', ...common, ...ttl };
  return { kind: 'extend', ...common, ...ttl };
}

function hasArguments(args: Arguments, meaning: ScriptMeaning): boolean {
  const needed = meaning.ttlUnit === null ? 5 : 6;
  return args.length >= needed && args.length <= needed + meaning.argumentsIgnored;
}

/** A canonical positive time to live in milliseconds; null for all that Redis must judge. */
function millisecondsOf(text: string, unit: 'ms' | 's'): number | null {
  const value = canonicalNumber(text);
  if (value === null || value === 0) return null;
  const ms = unit === 's' ? value * 1000 : value;
  return Number.isSafeInteger(ms) ? ms : null;
}
