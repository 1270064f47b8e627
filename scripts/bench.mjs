/** npm run bench -- <name> and npm run demo: compiles the benchmarks and runs one. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { build, buildTests, installPackages, installRedis, root, steps } from './steps.mjs';

steps(installPackages, installRedis, build, buildTests);

const [name, ...rest] = process.argv.slice(2);
const entry = name === 'demo' ? ['demo.js', ...rest] : ['main.js', ...process.argv.slice(2)];
const [file, ...args] = entry;
const { status } = spawnSync(process.execPath, [join(root, 'build', 'bench', file), ...args], {
  stdio: 'inherit',
});
process.exit(status ?? 1);
