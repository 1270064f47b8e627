/** The time model beside two classical processes, on the data and by the rules of Shchur et al. (2020). */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { chooseBackend } from '../src/forecast/training/backend.js';
import { homogeneousPoisson, inhomogeneousPoisson, renewal } from './literature-baselines.js';
import { learn } from './literature-model.js';
import { readSequences, split } from './literature-sequences.js';
import { readOptions } from './options.js';
import { ExplainedError } from './run-to-exit.js';
import { figure, table } from './table.js';

export const options = {
  data: {
    default: '',
    help: 'files of sequences (t_ms,client,key,op, plain or .gz), or a folder of the taxi and Yelp sets',
  },
  seeds: { default: 3, help: 'models trained on each set, from as many beginnings' },
  units: { default: 24, help: 'units of the network' },
  components: { default: 6, help: 'log-normals that it gives' },
} as const;

/** The sets that are known to be days laid end to end. */
const SETS = ['tpp_taxi.csv.gz', 'tpp_yelp_mississauga.csv.gz'];

export async function run(args: readonly string[]): Promise<void> {
  const { data, seeds, units, components } = readOptions(args, options);
  if (data === '') throw new ExplainedError('--data: say where the sequences are');
  const { name } = await chooseBackend();
  const rows = filesOf(data).map(path => rowOf(path, seeds, units, components));
  console.log(
    `negative log-likelihood of a sequence by the mean number of events of one, densities per hour;\n` +
      `trained on ${name}, ${seeds} beginnings, the first 60 % of the sequences; tested on the last 20 %\n`,
  );
  const head = ['set', 'Poisson', 'by time of day', 'renewal', 'network', 'from', 'to', 'gain'];
  console.log(table(head, rows));
}

function rowOf(path: string, seeds: number, units: number, components: number): readonly string[] {
  const sets = split(readSequences(path));
  const byTimeOfDay = inhomogeneousPoisson(sets);
  const byGap = renewal(sets);
  const found = Array.from({ length: seeds }, (_, index) => {
    return learn(sets, units, components, { seed: index + 1 }).testNll;
  });
  const mean = found.reduce((sum, nll) => sum + nll, 0) / seeds;
  const nlls = [homogeneousPoisson(sets), byTimeOfDay, byGap, mean];
  nlls.push(Math.min(...found), Math.max(...found), Math.min(byTimeOfDay, byGap) - mean);
  return [basename(path), ...nlls.map(nll => figure(nll, 3))];
}

function filesOf(data: string): readonly string[] {
  return data.split(',').flatMap(path => {
    if (!existsSync(path)) throw new ExplainedError(`--data ${path}: there is no such file`);
    if (!statSync(path).isDirectory()) return [path];
    const found = readdirSync(path).filter(name => SETS.includes(name));
    if (found.length === 0)
      throw new ExplainedError(`--data ${path}: has none of ${SETS.join(', ')}`);
    return found.sort().map(name => join(path, name));
  });
}
