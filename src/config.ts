import { readFileSync } from 'node:fs';
import {
  fromArguments,
  fromEnvironment,
  fromFile,
  type Given,
  type GivenValue,
} from './config/arguments.js';
import type { Kind } from './config/kinds.js';
import { relations } from './config/relations.js';
import type { Setting } from './config/setting.js';
import {
  flagName,
  type Options,
  type SettingName,
  settingNames,
  settings,
} from './config/settings.js';

export type { ListenAddress, UpstreamAddress } from './config/addresses.js';
export { formatAddress, formatUpstream } from './config/addresses.js';
export { helpText, settingsMarkdown } from './config/help.js';
export type { Options } from './config/settings.js';

/** What the command line asks for. */
export type Command =
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  /** Each problem names the setting, where it was given, the value and what is allowed. */
  | { readonly kind: 'wrong'; readonly problems: readonly string[] }
  | {
      readonly kind: 'check' | 'run';
      readonly options: Options;
      readonly warnings: readonly string[];
    };

/**
 * Reads all settings: a flag outranks the environment, that outranks the file, that the default.
 * All that is wrong is told at once, and no problem or warning quotes a password.
 */
export function readCommand(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  readFile: (path: string) => string = path => readFileSync(path, 'utf8'),
): Command {
  const flags = fromArguments(argv);
  if (flags.ask !== null) return { kind: flags.ask };
  const environment = fromEnvironment(env);
  const path = configPath([...flags.given, ...environment.given]);
  const file = path === null ? { given: [], problems: [] } : fromFile(path, readFile);

  const problems = [...flags.problems, ...file.problems];
  const values: Partial<Record<SettingName, unknown>> = {};
  const origins = new Map<SettingName, string>();
  for (const name of settingNames) values[name] = settings[name].fallback;
  // Rising precedence; a wrong value stops the start even where a better source overrules it.
  for (const given of [...file.given, ...environment.given, ...flags.given]) {
    const value = read(given);
    if (value === undefined) problems.push(refusal(given));
    else {
      values[given.name] = value;
      origins.set(given.name, given.origin);
    }
  }
  const options = values as Options;
  if (problems.length === 0) {
    for (const relation of relations) {
      if (relation.holds(options)) continue;
      const now = relation.names.map(name => describe(name, options, origins)).join(', ');
      problems.push(`${now}; allowed is only: ${relation.demand}`);
    }
  }
  if (problems.length > 0) return { kind: 'wrong', problems };
  const warnings = environment.unknown.map(name => `${name} is set but is not a setting`);
  return { kind: options.check ? 'check' : 'run', options, warnings };
}

/** Flags come first in `given`, so they win. */
function configPath(given: readonly Given[]): string | null {
  const value = given.find(each => each.name === 'config')?.value;
  return value?.form === 'texts' ? (value.texts.at(-1) ?? null) : null;
}

function read({ name, value }: Given): unknown {
  // The union of all kinds: each one's own type is of no concern here.
  const kind: Kind<unknown> = settings[name].kind;
  if (value.form === 'json') return kind.fromJson(value.json);
  const all = value.texts.map(text => kind.fromText(text));
  if (all.includes(undefined)) return undefined;
  return kind.join === undefined ? all.at(-1) : kind.join(all);
}

function refusal({ name, origin, value }: Given): string {
  const { allowed, print } = settings[name].kind;
  const source =
    origin === flagName(name) ? 'flag' : origin.startsWith('"') ? 'file' : 'environment';
  return `${origin} (${source}) is ${print(textOf(name, value))}; allowed is ${allowed}`;
}

/** The wrong one of several texts; JSON as it was written, strings without their quotes. */
function textOf(name: SettingName, value: GivenValue): string {
  if (value.form === 'texts') {
    const wrong = value.texts.find(text => settings[name].kind.fromText(text) === undefined);
    return wrong ?? '';
  }
  return typeof value.json === 'string' ? value.json : JSON.stringify(value.json);
}

function describe(
  name: SettingName,
  options: Options,
  origins: ReadonlyMap<SettingName, string>,
): string {
  const { kind, fallbackText }: Setting<unknown> = settings[name];
  const value = options[name];
  const text = value === null ? fallbackText : (kind.printValue?.(value) ?? String(value));
  return `${origins.get(name) ?? `${flagName(name)} (default)`} is ${text}`;
}
