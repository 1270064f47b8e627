import * as acquire from './acquire.js';
import * as compare from './compare.js';
import * as forecast from './forecast.js';
import * as group from './group.js';
import * as handoff from './handoff.js';
import * as idle from './idle.js';
import * as literature from './literature.js';
import * as micro from './micro.js';
import * as mixed from './mixed.js';
import { type BenchOption, optionHelp } from './options.js';
import * as passthrough from './passthrough.js';
import * as recall from './recall.js';
import { ExplainedError, runToExit } from './run-to-exit.js';
import * as storm from './storm.js';

interface Benchmark {
  readonly options: Readonly<Record<string, BenchOption>>;
  run(args: readonly string[]): Promise<void>;
}

const benchmarks: Readonly<Record<string, { readonly about: string; readonly code: Benchmark }>> = {
  passthrough: { about: 'throughput of commands that are no locks', code: passthrough },
  idle: { about: 'memory of idle connections', code: idle },
  acquire: { about: 'latency of taking a lock, and its cost in Redis commands', code: acquire },
  mixed: { about: 'latency of locks under a mixed load, by forecast', code: mixed },
  group: { about: 'clients that contend for one Redlock over several masters', code: group },
  handoff: { about: 'waiting for a lock that many clients want', code: handoff },
  storm: { about: 'what clients cost Redis that poll for a lock somebody keeps', code: storm },
  recall: { about: 'what a lock costs that another Forelock holds ready', code: recall },
  compare: {
    about: 'one lock, by etcd, redlock and redis-semaphore, and through Forelock',
    code: compare,
  },
  forecast: {
    about: 'a trace through the forecast: models, reservations and what they are worth',
    code: forecast,
  },
  literature: {
    about: 'the time model on the taxi and Yelp sets of the literature',
    code: literature,
  },
  micro: { about: 'nanoseconds of the functions that every command passes through', code: micro },
};

function help(): string {
  const parts = Object.entries(benchmarks).map(
    ([name, { about, code }]) => `  ${name}: ${about}\n${optionHelp(code.options)}`,
  );
  return `npm run bench -- <name> [--option value ...]\n\n${parts.join('\n\n')}`;
}

async function main([name = '--help', ...args]: readonly string[]): Promise<void> {
  if (name === '--help' || args.includes('--help')) {
    console.log(help());
    return;
  }
  const benchmark = benchmarks[name];
  if (benchmark === undefined) throw new ExplainedError(`no benchmark ${name}\n\n${help()}`);
  await benchmark.code.run(args);
}

await runToExit(main);
