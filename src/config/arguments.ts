import { withoutSecrets } from './addresses.js';
import {
  flagName,
  kebabName,
  type SettingName,
  settingNames,
  settings,
  variableName,
} from './settings.js';

/** A setting as one source gives it, not yet validated. */
export interface Given {
  readonly name: SettingName;
  /** `--listen`, `FORELOCK_LISTEN`, `"listen" in forelock.json`. */
  readonly origin: string;
  readonly value: GivenValue;
}

/** Flags may stand more than once; a file brings any JSON. */
export type GivenValue =
  | { readonly form: 'texts'; readonly texts: readonly string[] }
  | { readonly form: 'json'; readonly json: unknown };

export interface Source {
  readonly given: readonly Given[];
  /** Each stops the start. */
  readonly problems: readonly string[];
}

export interface ArgumentSource extends Source {
  /** `--help` and `--version` outrank everything else, wrong values included. */
  readonly ask: 'help' | 'version' | null;
}

const byFlag = new Map(settingNames.map(name => [flagName(name), name]));
const byKey = new Map(settingNames.map(name => [kebabName(name), name]));
const byVariable = new Map(settingNames.map(name => [variableName(name), name]));

export function fromArguments(argv: readonly string[]): ArgumentSource {
  const texts = new Map<SettingName, string[]>();
  const problems: string[] = [];
  let ask: 'help' | 'version' | null = null;
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? '';
    const equals = word.indexOf('=');
    const flag = equals === -1 ? word : word.slice(0, equals);
    if (flag === '--help' || flag === '-h') ask ??= 'help';
    else if (flag === '--version' || flag === '-v') ask ??= 'version';
    else {
      const name = byFlag.get(flag);
      if (name === undefined) {
        problems.push(unknownFlag(flag));
        // What follows is that flag's value, no mistake of its own.
        if (equals === -1 && flag.startsWith('--') && !argv[at + 1]?.startsWith('--')) at++;
        continue;
      }
      let text = equals === -1 ? undefined : word.slice(equals + 1);
      if (text === undefined && settings[name].kind.placeholder === '') text = 'true';
      if (text === undefined && !argv[at + 1]?.startsWith('--')) text = argv[++at];
      if (text === undefined) {
        problems.push(`${flag} needs a value; allowed is ${settings[name].kind.allowed}`);
        continue;
      }
      texts.set(name, [...(texts.get(name) ?? []), text]);
    }
  }
  const given = [...texts].map(
    ([name, all]): Given => ({
      name,
      origin: flagName(name),
      value: { form: 'texts', texts: all },
    }),
  );
  return { given, problems, ask };
}

/** What Kubernetes sets in every pod beside a service that is called "forelock". */
const KUBERNETES_VARIABLE = /^FORELOCK_(?:SERVICE_.*|PORT|PORT_.*)$/;

/** An empty variable counts as not set: that is how compose files and unit files leave one out. */
export function fromEnvironment(env: Readonly<Record<string, string | undefined>>): {
  readonly given: readonly Given[];
  /** Names to warn of. They don't stop the start: others may set variables for purposes of theirs. */
  readonly unknown: readonly string[];
} {
  const given: Given[] = [];
  const unknown: string[] = [];
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith('FORELOCK_') || text === undefined || text === '') continue;
    const name = byVariable.get(variable);
    if (name !== undefined) {
      given.push({ name, origin: variable, value: { form: 'texts', texts: [text] } });
    } else if (!KUBERNETES_VARIABLE.test(variable)) unknown.push(variable);
  }
  return { given, unknown };
}

export function fromFile(path: string, readFile: (path: string) => string): Source {
  let content: unknown;
  try {
    content = JSON.parse(readFile(path));
  } catch (error) {
    // The parser's own message quotes what stands around the mistake: that may be a password.
    const why = error instanceof SyntaxError ? 'is not JSON' : `can't be read (${reasonOf(error)})`;
    return { given: [], problems: [`the configuration file ${path} ${why}`] };
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    return { given: [], problems: [`the configuration file ${path} is not a JSON object`] };
  }
  const given: Given[] = [];
  const problems: string[] = [];
  for (const [key, json] of Object.entries(content)) {
    const name = byKey.get(key);
    if (name === undefined) {
      const known = nearest(key, [...byKey.keys()]);
      problems.push(`${JSON.stringify(key)} in ${path} is not a setting${known}`);
    } else if (!settings[name].inFile) {
      problems.push(`"${key}" can't stand in ${path}: give it as flag or environment variable`);
    } else {
      given.push({ name, origin: `"${key}" in ${path}`, value: { form: 'json', json } });
    }
  }
  return { given, problems };
}

function reasonOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

function unknownFlag(flag: string): string {
  if (!flag.startsWith('-'))
    return `${JSON.stringify(withoutSecrets(flag))} is not a flag; forelock --help lists them`;
  return `${flag} is not a flag${nearest(flag, [...byFlag.keys()])}; forelock --help lists them`;
}

/** One wrong letter in so many is a slip; more make another word. */
const LETTERS_PER_SLIP = 4;

function nearest(word: string, known: readonly string[]): string {
  let best: string | undefined;
  let least = Math.ceil(word.length / LETTERS_PER_SLIP);
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase(), candidate);
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best === undefined ? '' : ` (nearest: ${best})`;
}

/** Levenshtein's distance, one row at a time. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let line = 1; line <= from.length; line++) {
    const next = [line];
    for (let column = 1; column <= to.length; column++) {
      const change = from[line - 1] === to[column - 1] ? 0 : 1;
      next.push(
        Math.min(
          (next[column - 1] ?? 0) + 1,
          (row[column] ?? 0) + 1,
          (row[column - 1] ?? 0) + change,
        ),
      );
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
