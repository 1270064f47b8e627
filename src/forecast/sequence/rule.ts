import type { KeyRecord, Template } from './key-record.js';

/** A key of this template, whose variables come from the key before it. */
export interface Rule {
  readonly template: Template;
  /** Where each variable comes from: LITERAL, or the place of one of the key before, plus NEXT for the number after it. */
  readonly sources: readonly number[];
  /** The values of those that come from nowhere. */
  readonly literals: readonly string[];
}

const LITERAL = -1;
/** More than a key has variables. */
const NEXT = 1000;

/** The rule that leads from one key to the other; a variable that comes from nowhere is its own value. */
export function ruleBetween(before: KeyRecord, after: KeyRecord): Rule {
  const sources: number[] = [];
  for (const [at, value] of after.variables.entries()) {
    sources.push(sourceOf(value, at, before.variables));
  }
  return { template: after.template, sources, literals: after.variables };
}

function sourceOf(value: string, at: number, from: readonly string[]): number {
  // The same place is the likelier source where two variables are alike by chance.
  if (from[at] === value) return at;
  const copied = from.indexOf(value);
  if (copied >= 0) return copied;
  for (let previous = 0; previous < from.length; previous++) {
    if (isNumberAfter(value, from[previous] ?? '')) return NEXT + previous;
  }
  return LITERAL;
}

/** True where the rule leads from one key to the other. */
export function leadsTo(rule: Rule, before: KeyRecord, after: KeyRecord): boolean {
  if (rule.template !== after.template) return false;
  for (let at = 0; at < rule.sources.length; at++) {
    const source = rule.sources[at] ?? LITERAL;
    const value = after.variables[at] ?? '';
    if (source === LITERAL) {
      if (rule.literals[at] !== value) return false;
    } else if (source < NEXT) {
      if (before.variables[source] !== value) return false;
    } else if (!isNumberAfter(value, before.variables[source - NEXT] ?? '')) {
      return false;
    }
  }
  return true;
}

/** The key that the rule leads to; null where a variable is no number that another could follow. */
export function boundKey(rule: Rule, before: KeyRecord): string | null {
  const { pieces } = rule.template;
  let key = pieces[0] ?? '';
  for (let at = 0; at < rule.sources.length; at++) {
    const source = rule.sources[at] ?? LITERAL;
    let value: string | null;
    if (source === LITERAL) value = rule.literals[at] ?? '';
    else if (source < NEXT) value = before.variables[source] ?? '';
    else value = numberAfter(before.variables[source - NEXT] ?? '');
    if (value === null) return null;
    key += value + (pieces[at + 1] ?? '');
  }
  return key;
}

/** More digits than a number holds exactly are an identity, nothing that is counted up. */
const DIGITS_MAX = 15;

function numberAfter(value: string): string | null {
  if (!isNumber(value)) return null;
  return String(Number(value) + 1).padStart(value.length, '0');
}

function isNumberAfter(value: string, previous: string): boolean {
  // Mostly one look at lengths and last digits is enough: this is done for every pair of requests.
  if (value.length < previous.length || value.length > previous.length + 1) return false;
  const step = value.charCodeAt(value.length - 1) - previous.charCodeAt(previous.length - 1);
  return (step === 1 || step === -9) && numberAfter(previous) === value;
}

function isNumber(value: string): boolean {
  if (value.length === 0 || value.length > DIGITS_MAX) return false;
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at);
    if (code < 0x30 || code > 0x39) return false;
  }
  return true;
}
