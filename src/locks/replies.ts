import type { ScriptAnswer, ScriptName } from './contract.js';
import type { LockOptions } from './options.js';

/** The status words of each script; lua/ says what comes after them. */
const STATUS_WORDS: Readonly<Record<ScriptName, readonly string[]>> = {
  reserve: ['reserved', 'held', 'delegated', 'wanted', 'other-type'],
  renew: ['renewed', 'gone', 'other-type'],
  want: ['yours', 'held', 'asked', 'delegated', 'other-type'],
  materialize: ['materialized', 'gone', 'other-type'],
  retain: ['retained', 'released', 'passed', 'not-owner', 'other-type'],
  release: ['released', 'passed', 'not-owner', 'other-type'],
  extend: ['extended', 'not-owner', 'other-type'],
  yield: ['yielded', 'passed', 'gone', 'other-type'],
  fence: ['fence', 'not-owner', 'other-type'],
  recover: ['materialized', 'freed', 'gone', 'other-type'],
};

/** An answer as the manager acts on it: one of the script's own words, or why it is none. */
export interface Reply {
  /**
   * A status word of the script; `refused`: Redis said no and did nothing; `unknown`: it may or may
   * not have run; `unexpected`: none of the script's own answers (invariant 6 of docs/protocol.md).
   */
  readonly status: string;
  readonly values: readonly (string | number | null)[];
  /** For `refused` and `unexpected`: in Redis's words, or ours. */
  readonly error: string;
}

export function replyOf(script: ScriptName, answer: ScriptAnswer): Reply {
  if (answer.kind === 'refused') return { status: 'refused', values: [], error: answer.error };
  if (answer.kind === 'unknown') return { status: 'unknown', values: [], error: '' };
  const status = answer.values[0];
  if (typeof status === 'string' && STATUS_WORDS[script].includes(status)) {
    return { status, values: answer.values, error: '' };
  }
  return { status: 'unexpected', values: answer.values, error: `${script} answered ${status}` };
}

/** The number at that place of the answer, NaN where there is none. */
export function numberAt(reply: Reply, index: number): number {
  const value = reply.values[index];
  return typeof value === 'number' ? value : Number.NaN;
}

export function textAt(reply: Reply, index: number): string {
  const value = reply.values[index];
  return typeof value === 'string' ? value : '';
}

/** By when the script of this reply has run, if it runs at all. */
export function latestRunMs(reply: Reply, nowMs: number, options: LockOptions): number {
  return reply.status === 'unknown' ? nowMs + options.lateScriptMs : nowMs;
}
