import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectFolder } from '../../harness/project.js';

/** The texts of the files in lua/ by their names, as bytes (latin1). */
export function readScriptTexts(): ReadonlyMap<string, string> {
  const folder = join(projectFolder, 'lua');
  return new Map(
    readdirSync(folder)
      .filter(file => file.endsWith('.lua'))
      .sort()
      .map(file => [file.slice(0, -'.lua'.length), readFileSync(join(folder, file), 'latin1')]),
  );
}
