/** npm run fuzz -- --minutes 5: random traffic on Redis and through Forelock, until a reply differs. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { buildTests, installPackages, installRedis, root, steps } from './steps.mjs';

steps(installPackages, installRedis, buildTests);

const fuzz = join(root, 'build', 'test', 'fuzz', 'fuzz.js');
const { status } = spawnSync(process.execPath, [fuzz, ...process.argv.slice(2)], {
  stdio: 'inherit',
});
process.exit(status ?? 1);
