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

/** The scripts in lua/, read once at the start. */
export function readScriptFiles(): ReadonlyMap<ScriptName, ScriptFile> {
  const folder = join(packageFolder(), 'lua');
  return new Map(
    NAMES.map(name => {
      // Scripts travel as bytes, like everything else that goes to Redis.
      const text = readFileSync(join(folder, `${name}.lua`), 'latin1');
      const sha = createHash('sha1').update(text, 'latin1').digest('hex');
      return [name, { name, text, sha }] as const;
    }),
  );
}
