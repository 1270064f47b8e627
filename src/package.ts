import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the package: the compiled code may lie at any depth beneath it. */
export function packageFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('no package.json above the compiled code');
    folder = parent;
  }
  return folder;
}

export function packageVersion(): string {
  const facts: unknown = JSON.parse(readFileSync(join(packageFolder(), 'package.json'), 'utf8'));
  if (typeof facts === 'object' && facts !== null && 'version' in facts) {
    return String(facts.version);
  }
  throw new Error('package.json names no version');
}
