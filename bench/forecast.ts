/** A trace through the production code of the forecast: what the models say, and what is reserved by it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chooseBackend } from '../src/forecast/training/backend.js';
import { readProbes } from './forecast/moments.js';
import { Replay } from './forecast/replay.js';
import { type Report, reportText } from './forecast/report.js';
import { readTrace, sizeOf } from './forecast/trace.js';
import { readOptions } from './options.js';
import { ExplainedError } from './run-to-exit.js';
import { figure } from './table.js';

export const options = {
  trace: { default: '', help: 'file of t_ms,client,key,op, plain or .gz' },
  speed: { default: 1, help: 'its times are divided by that' },
  seed: { default: 1, help: 'of trainings, and of the moments at which scores are looked at' },
  probes: { default: '', help: 'file of t_ms,key, in replayed time: moments to look at instead' },
  out: { default: 'build/forecast', help: 'folder for what is written' },
  'retrain-every': { default: 5000, help: 'requests between two trainings; 0: none' },
} as const;

export async function run(args: readonly string[]): Promise<void> {
  const values = readOptions(args, options);
  if (values.trace === '') throw new ExplainedError('--trace: say which file is to be replayed');
  const beganMs = performance.now();
  const { name } = await chooseBackend();
  const report = await replayTrace(values);
  const tookS = (performance.now() - beganMs) / 1000;
  console.log(`${values.trace}, ${values.speed} times as fast; trained on ${name}\n`);
  console.log(reportText(report));
  console.log(`\nTook ${figure(tookS, 0)} s. Files are in ${values.out}.`);
}

/** The backend is to be chosen before. */
export async function replayTrace(values: {
  readonly trace: string;
  readonly speed: number;
  readonly seed: number;
  readonly probes: string;
  readonly out: string;
  readonly 'retrain-every': number;
}): Promise<Report> {
  const { trace, speed, seed, out } = values;
  if (!(speed > 0)) throw new ExplainedError(`--speed ${speed}: must be more than 0`);
  const size = await sizeOf(trace, speed);
  const probes = values.probes === '' ? null : await readProbes(values.probes);
  const retrainEvery = values['retrain-every'];
  const replay = new Replay({ seed, retrainEvery, probes, folder: out, size });
  for await (const events of readTrace(trace, speed)) {
    for (const event of events) replay.event(event);
  }
  const report = replay.finish();
  writeFileSync(join(out, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
  return report;
}
