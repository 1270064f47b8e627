import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ScriptName } from '../../locks/contract.js';
import { packageFolder } from '../../package.js';

export interface ScriptFile {
  readonly name: ScriptName;
  readonly text: string;
  /** Lower case. */
  readonly sha: string;
}

const NAMES: readonly ScriptName[] = [
  'reserve',
  'renew',
  'want',
  'materialize',
  'retain',
  'release',
  'extend',
  'yield',
  'fence',
  'recover',
];

/** `-- include parts/<name>.lua`: the part stands there, so that scripts which must agree share it. */
const INCLUDE = /^-- include (parts\/[\w-]+\.lua)\n/gm;

/** Scripts travel as bytes, like everything else that goes to Redis. */
function textOf(folder: string, file: string): string {
  return readFileSync(join(folder, file), 'latin1').replace(INCLUDE, (_, part: string) =>
    readFileSync(join(folder, part), 'latin1'),
  );
}

/** The scripts in lua/ with their parts, read once at the start. */
export function readScriptFiles(): ReadonlyMap<ScriptName, ScriptFile> {
  const folder = join(packageFolder(), 'lua');
  return new Map(
    NAMES.map(name => {
      const text = textOf(folder, `${name}.lua`);
      const sha = createHash('sha1').update(text, 'latin1').digest('hex');
      return [name, { name, text, sha }] as const;
    }),
  );
}
