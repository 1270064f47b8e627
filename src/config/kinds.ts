import { validate as isCron } from 'node-cron';
import type { Confirm } from '../upstream/control/confirmer.js';
import {
  formatAddress,
  formatUpstream,
  type ListenAddress,
  parseListenAddress,
  parseUpstream,
  type UpstreamAddress,
  withoutSecrets,
} from './addresses.js';
import { CONFIRM_ALLOWED, formatConfirm, parseConfirm } from './confirm.js';

/** What a setting may hold, and how it is read from a flag's text and from JSON. */
export interface Kind<T> {
  /** Ends the sentence "allowed is …". */
  readonly allowed: string;
  /** How the help writes the value: `<ms>`. Empty where the flag takes none. */
  readonly placeholder: string;
  /** Undefined: not allowed. */
  fromText(text: string): T | undefined;
  /** Undefined: not allowed. */
  fromJson(value: unknown): T | undefined;
  /** A wrong value, as it may be printed. */
  print(text: string): string;
  /** A flag that may stand more than once: its texts, in order, are one value. */
  join?(values: readonly T[]): T;
  /** A right value, as it may be printed; without it, as JavaScript writes it. */
  printValue?(value: T): string;
}

const PRINTED_LENGTH_MAX = 200;

/** Quoted, on one line, and short enough for a log. */
function quoted(text: string): string {
  const short = text.length > PRINTED_LENGTH_MAX ? `${text.slice(0, PRINTED_LENGTH_MAX)}…` : text;
  return JSON.stringify(short);
}

function textual<T>(
  allowed: string,
  placeholder: string,
  fromText: (text: string) => T | undefined,
): Kind<T> {
  return {
    allowed,
    placeholder,
    fromText,
    fromJson: value => (typeof value === 'string' ? fromText(value) : undefined),
    print: quoted,
  };
}

function numeric(
  allowed: string,
  placeholder: string,
  form: RegExp,
  min: number,
  max: number,
): Kind<number> {
  const within = (value: number): number | undefined =>
    value >= min && value <= max ? value : undefined;
  return {
    allowed,
    placeholder,
    fromText: text => (form.test(text) ? within(Number(text)) : undefined),
    fromJson: value =>
      typeof value === 'number' && form.test(String(value)) ? within(value) : undefined,
    print: quoted,
  };
}

/** A whole number of `unit` ("ms", "bytes", "clients"), bounds included. */
export function integer(unit: string, min: number, max: number): Kind<number> {
  const allowed = `a whole number of ${unit} from ${min} to ${max}`;
  return numeric(allowed, `<${unit}>`, /^\d{1,15}$/, min, max);
}

/** A number of `unit`, a fraction allowed, bounds included. */
export function decimal(unit: string, min: number, max: number): Kind<number> {
  const allowed = `a number (${unit}) from ${min} to ${max}`;
  return numeric(allowed, `<${unit}>`, /^\d{1,15}(?:\.\d{1,15})?$/, min, max);
}

export function oneOf<const T extends string>(...words: readonly T[]): Kind<T> {
  return textual(words.join(', '), `<${words.join('|')}>`, text =>
    words.find(word => word === text),
  );
}

/** A flag that needs no value: `--check` is `--check=true`. */
export const yesOrNo: Kind<boolean> = {
  allowed: 'true or false',
  placeholder: '',
  fromText: text => (text === 'true' ? true : text === 'false' ? false : undefined),
  fromJson: value => (typeof value === 'boolean' ? value : undefined),
  print: quoted,
};

export const listenAddress: Kind<ListenAddress> = textual(
  'host:port with a port from 0 (a free one) to 65535 and IPv6 in brackets: 127.0.0.1:7379, [::1]:7379',
  '<host:port>',
  parseListenAddress,
);

export const upstreamAddress: Kind<UpstreamAddress> = {
  ...textual(
    'redis://[user:password@]host[:port] (the login percent-encoded, IPv6 in brackets; clients choose their database themselves) or unix:/path',
    '<url>',
    parseUpstream,
  ),
  print: text => quoted(withoutSecrets(text)),
};

/**
 * Several values of one kind: a flag that stands more than once, a text that is split at `comma`,
 * or an array in a file, where one value needs none.
 */
function listOf<T>(
  one: Kind<T>,
  comma: RegExp,
  printValue: (value: T) => string,
): Kind<readonly T[]> {
  const listFrom = (values: readonly (T | undefined)[]): readonly T[] | undefined => {
    const right = values.filter(value => value !== undefined);
    return right.length === values.length && values.length > 0 ? right : undefined;
  };
  return {
    allowed: `${one.allowed}; several for several listeners: flag by flag, or with commas (in a file: an array)`,
    placeholder: one.placeholder,
    fromText: text => listFrom(text.split(comma).map(part => one.fromText(part.trim()))),
    fromJson: value =>
      listFrom(
        Array.isArray(value) ? value.map(each => one.fromJson(each)) : [one.fromJson(value)],
      ),
    print: one.print,
    join: lists => lists.flat(),
    printValue: values => values.map(printValue).join(', '),
  };
}

export const listenAddresses: Kind<readonly ListenAddress[]> = listOf(
  listenAddress,
  /,/,
  ({ host, port }) => formatAddress(host, port),
);

/** A comma may stand in a login or a path: only one before a further URL divides. */
export const upstreamAddresses: Kind<readonly UpstreamAddress[]> = listOf(
  upstreamAddress,
  /,(?=\s*[a-z][a-z0-9+.-]*:\/)/i,
  formatUpstream,
);

export const filePath: Kind<string> = textual('the path of a file', '<file>', text =>
  text === '' || text.includes('\0') ? undefined : text,
);

export const directoryPath: Kind<string> = textual(
  'the path of a directory',
  '<directory>',
  text => (text === '' || text.includes('\0') ? undefined : text),
);

export const confirmation: Kind<Confirm> = {
  ...textual(CONFIRM_ALLOWED, '<replicas=…|aof>', parseConfirm),
  printValue: formatConfirm,
};

export const schedule: Kind<string> = textual(
  'a cron expression of five fields, or of six beginning with seconds: "*/5 * * * * *"',
  '<cron>',
  text => (isCron(text) ? text : undefined),
);

const PATTERNS_MAX = 1000;

function patternsFrom(texts: readonly unknown[]): readonly string[] | undefined {
  const patterns: string[] = [];
  for (const text of texts) {
    if (typeof text !== 'string' || text === '') return undefined;
    // Keys are binary strings everywhere in Forelock: one character for each byte.
    patterns.push(Buffer.from(text, 'utf8').toString('latin1'));
  }
  return patterns.length <= PATTERNS_MAX ? patterns : undefined;
}

/** Patterns of keys, as binary strings, with Redis's own `* ? [ ] \`. */
export const keyPatterns: Kind<readonly string[]> = {
  allowed: `patterns as Redis's KEYS takes them, separated by commas (in a file: an array), at most ${PATTERNS_MAX}`,
  placeholder: '<pattern,…>',
  fromText: text => (text === '' ? [] : patternsFrom(text.split(',').map(part => part.trim()))),
  fromJson: value => (Array.isArray(value) ? patternsFrom(value) : undefined),
  print: quoted,
  join: lists => lists.flat(),
};
