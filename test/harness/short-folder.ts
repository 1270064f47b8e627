import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Lifetime } from './lifetime.js';

/** An empty folder until the test ends, whose path is short enough for a unix socket in it. */
export function shortFolder(t: Lifetime): string {
  const folder = mkdtempSync(join(tmpdir(), 'forelock-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
