/** npm start: installs what is missing, builds, and becomes Forelock. Its arguments are Forelock's. */
import { build, installPackages, installRedis, steps } from './steps.mjs';

steps(installPackages, build);

const { readCommand } = await import('../dist/config.js');
const command = readCommand(process.argv.slice(2), process.env);
if (command.kind === 'run' && command.options.upstream === null) steps(installRedis);

// In this very process: signals and the exit code are Forelock's own, without anyone in between.
await import('../dist/main.js');
