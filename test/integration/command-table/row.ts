import type { Comparing, Pair } from '../../harness/twins.js';

/**
 * How a reply is compared with direct Redis's:
 * - bytes: exactly;
 * - unordered: exactly, but for the order of elements (Redis seeds its hash tables at random);
 * - shape: types and lengths only, where the content tells a time, an id or a size;
 * - type: the first byte only.
 */
export type Comparison = 'bytes' | 'unordered' | 'shape' | 'type';

export interface Call {
  readonly args: readonly string[];
  readonly by: Comparison;
}

/** One command with its arguments; words stand for arguments where none holds a space. */
export type CallText = string | readonly string[] | Call;

/** Calls made in turn on a fresh connection and an empty database, each reply compared. */
export type Row = readonly CallText[] | ((t: Comparing, pair: Pair) => Promise<unknown>);

export type Table = Readonly<Record<string, Row>>;

const argsOf = (text: string | readonly string[]): readonly string[] =>
  typeof text === 'string' ? text.split(' ') : text;

export const toCall = (text: CallText): Call =>
  typeof text === 'string' || !('args' in text) ? { args: argsOf(text), by: 'bytes' } : text;

export const shape = (text: string | readonly string[]): Call => ({
  args: argsOf(text),
  by: 'shape',
});

export const unordered = (text: string | readonly string[]): Call => ({
  args: argsOf(text),
  by: 'unordered',
});

export const type = (text: string | readonly string[]): Call => ({
  args: argsOf(text),
  by: 'type',
});
