import { parseArgs } from 'node:util';
import { ExplainedError } from './run-to-exit.js';

/** One `--name value` of a benchmark: a number where its default is one. */
export interface BenchOption {
  readonly default: number | string;
  readonly help: string;
}

type Values<Options> = {
  readonly [Name in keyof Options]: Options[Name] extends { readonly default: number }
    ? number
    : string;
};

/** Reads `--name value` pairs. Throws ExplainedError on an unknown name or a value that is no number. */
export function readOptions<const Options extends Record<string, BenchOption>>(
  args: readonly string[],
  options: Options,
): Values<Options> {
  const values: Record<string, number | string> = {};
  for (const [name, option] of Object.entries(options)) values[name] = option.default;
  for (const [name, text] of Object.entries(given(args, options))) {
    values[name] = typeof options[name]?.default === 'number' ? asNumber(name, text) : text;
  }
  return values as Values<Options>;
}

/** The options as lines of `--help`. */
export function optionHelp(options: Readonly<Record<string, BenchOption>>): string {
  return Object.entries(options)
    .map(([name, option]) => {
      const preset = option.default === '' ? '' : ` [${option.default}]`;
      return `    --${name.padEnd(18)} ${option.help}${preset}`;
    })
    .join('\n');
}

/** Comma-separated names, each of them one of `allowed`; all of them where the text is empty. */
export function chosen<Name extends string>(
  option: string,
  text: string,
  allowed: readonly Name[],
): Name[] {
  if (text === '') return [...allowed];
  const names = text.split(',').map(part => part.trim());
  for (const one of names) {
    if (!allowed.some(name => name === one)) {
      throw new ExplainedError(`--${option} ${one}: must be one of ${allowed.join(', ')}`);
    }
  }
  return allowed.filter(one => names.includes(one));
}

function given(
  args: readonly string[],
  options: Readonly<Record<string, BenchOption>>,
): Record<string, string> {
  const known = Object.fromEntries(
    Object.keys(options).map(name => [name, { type: 'string' }] as const),
  );
  try {
    const { values } = parseArgs({ args: [...args], options: known, strict: true });
    return values as Record<string, string>;
  } catch (error) {
    throw new ExplainedError(error instanceof Error ? error.message : String(error));
  }
}

function asNumber(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0) {
    throw new ExplainedError(`--${name} ${text}: must be a number, not negative`);
  }
  return value;
}
