/**
 * Runs seeds of a simulation, for scripts/simulate.mjs: a child process a core, and one for each
 * sabotage. Arguments: the simulation, the first seed, the last one, `first` to end with the first
 * seed that breaks something. Prints a line of JSON for each such seed, and for what was run so far.
 */
import { SIMULATIONS } from './simulations.js';

const REPORT_EVERY_MS = 1000;

function main([name = '', from = '', to = '', until = '']: readonly string[]): void {
  const run = SIMULATIONS[name];
  if (run === undefined) throw new Error(`no such simulation: ${name}`);
  const tell = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
  let ran = 0;
  let reportAtMs = performance.now() + REPORT_EVERY_MS;
  for (let seed = Number(from); seed <= Number(to); seed++) {
    const { violations } = run(seed);
    ran++;
    if (violations.length > 0) tell({ seed, violations });
    if (violations.length > 0 && until === 'first') break;
    if (performance.now() < reportAtMs) continue;
    tell({ ran });
    reportAtMs += REPORT_EVERY_MS;
  }
  tell({ ran });
}

main(process.argv.slice(2));
