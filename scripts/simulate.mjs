/**
 * npm run simulate: runs the lock manager in the simulator, on seeds, and says how many and how fast.
 *
 *   npm run simulate -- --seeds 100000    so many (10000), each with faults of its own
 *   npm run simulate -- --from 5000       from this seed on (1)
 *   npm run simulate -- --seed 4711       this one alone, with all that went wrong in it
 *   npm run simulate -- --sabotage        shows that each sabotage of the protocol is seen
 *   npm run simulate -- --sabotage --only 'drop the margin,park a try-lock'
 *   npm run simulate -- --sabotage --write    and writes it into the table of docs/simulation.md
 *
 * `--limit` is the number of seeds in which a sabotage has to be seen (3000), `--processes` how many
 * run at a time. Ends with 0 if all came out as it should.
 */
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { buildTests, installPackages, root, StepFailed, say } from './steps.mjs';

const built = join(root, 'build');
const page = join(root, 'docs', 'simulation.md');
/** Seeds that a process is given at a time. */
const SHARE = 250;
/** A sabotaged proxy may never come to an end. */
const SABOTAGE_TIMEOUT_MS = 240_000;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '10000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    simulation: { type: 'string' },
    sabotage: { type: 'boolean', default: false },
    only: { type: 'string' },
    limit: { type: 'string', default: '3000' },
    processes: { type: 'string', default: String(availableParallelism()) },
    write: { type: 'boolean', default: false },
  },
});

const children = new Set();
/** Whoever ends this script is not left with simulations that run on. */
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    for (const child of children) child.kill('SIGKILL');
    process.exit(1);
  });
}

/** Runs a compiled file of that folder; `told` gets each line. Resolves with how it ended. */
async function runIn(folder, file, args, told = () => {}, timeout = 0) {
  const options = { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], timeout };
  const child = spawn(process.execPath, [join(folder, file), ...args], options);
  children.add(child);
  const ended = new Promise(resolve => {
    child.on('close', (code, signal) => resolve({ code, signal }));
  });
  createInterface({ input: child.stdout }).on('line', told);
  const errors = await text(child.stderr);
  const { code, signal } = await ended;
  children.delete(child);
  return { code, signal, errors };
}

/** Runs these seeds; resolves with those that broke something, and how many were run. */
async function runSeeds(
  folder,
  simulation,
  from,
  to,
  { untilFirst = false, timeout = 0, ran } = {},
) {
  const broken = [];
  let count = 0;
  const args = [simulation, String(from), String(to), untilFirst ? 'first' : 'all'];
  const file = join('build', 'test', 'simulation', 'run.js');
  const end = await runIn(
    folder,
    file,
    args,
    line => {
      const told = JSON.parse(line);
      if (told.ran === undefined) return broken.push(told);
      ran?.(told.ran - count);
      count = told.ran;
    },
    timeout,
  );
  return { broken, ran: count, ...end };
}

// ---- seeds

async function simulateSeeds(simulations) {
  const only = values.seed === undefined ? undefined : Number(values.seed);
  const first = only ?? Number(values.from);
  const last = only ?? first + Number(values.seeds) - 1;
  const shares = [];
  for (let from = first; from <= last; from += SHARE) {
    const to = Math.min(last, from + SHARE - 1);
    for (const simulation of simulations) shares.push({ simulation, from, to });
  }
  const startedAtMs = performance.now();
  let ran = 0;
  let failed = 0;
  const seconds = () => (performance.now() - startedAtMs) / 1000;
  const rate = () =>
    `${ran} schedules in ${seconds().toFixed(1)} s, ${Math.round(ran / seconds())} a second`;
  const ticker = setInterval(() => say(rate()), 10_000);
  const work = async () => {
    for (let share = shares.shift(); share !== undefined; share = shares.shift()) {
      const { simulation, from, to } = share;
      const result = await runSeeds(root, simulation, from, to, {
        ran: count => {
          ran += count;
        },
      });
      for (const { seed, violations } of result.broken) {
        failed++;
        console.log(`✗ ${simulation}, seed ${seed}:\n    ${violations.join('\n    ')}`);
      }
      if (result.code !== 0) {
        failed++;
        console.log(`✗ ${simulation}, seeds ${from} to ${to}: ${result.errors}`);
      }
    }
  };
  await Promise.all(Array.from({ length: Number(values.processes) }, work));
  clearInterval(ticker);
  console.log(`${rate()} (${simulations.join(', ')}); ${failed} broke an invariant`);
  return failed === 0;
}

// ---- sabotages

/** A copy of what was compiled, and of lua/, with the sabotage in it. */
function sabotagedCopy(sabotage, apply) {
  const folder = mkdtempSync(join(tmpdir(), 'forelock-sabotage-'));
  try {
    const filter = path => !path.endsWith('.map') && !relative(built, path).startsWith('bench');
    cpSync(built, join(folder, 'build'), { recursive: true, filter });
    cpSync(join(root, 'lua'), join(folder, 'lua'), { recursive: true });
    cpSync(join(root, 'package.json'), join(folder, 'package.json'));
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    const { file } = sabotage;
    const path = file.endsWith('.ts') ? join('build', file.replace(/\.ts$/, '.js')) : file;
    const target = join(folder, path);
    writeFileSync(target, apply(readFileSync(target, 'utf8'), sabotage));
    return folder;
  } catch (failure) {
    rmSync(folder, { recursive: true, force: true });
    throw failure;
  }
}

async function trySabotage(sabotage, apply) {
  let folder;
  try {
    folder = sabotagedCopy(sabotage, apply);
  } catch (failure) {
    return { ...sabotage, isSeen: false, unseen: failure.message };
  }
  try {
    return sabotage.test === undefined
      ? await seenBySimulation(folder, sabotage)
      : await seenByTest(folder, sabotage);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function seenBySimulation(folder, sabotage) {
  const limit = Number(values.limit);
  const { simulation } = sabotage;
  const options = { untilFirst: true, timeout: SABOTAGE_TIMEOUT_MS };
  for (let from = 1; ; ) {
    const result = await runSeeds(folder, simulation, from, limit, options);
    const { ran, code, signal, errors } = result;
    const [first] = result.broken;
    if (first === undefined) {
      const unseen =
        code === 0 ? `not seen in ${from + ran - 1} seeds` : `${signal ?? code}: ${errors}`;
      return { ...sabotage, isSeen: false, unseen };
    }
    const { seed, violations } = first;
    // What is seen without the sabotage as well, is not the sabotage.
    const { broken } = await runSeeds(root, simulation, seed, seed);
    if (broken.length === 0) {
      const violation = violations[0].replace(/^\d+ ms: /, '');
      return { ...sabotage, isSeen: true, seed, violation };
    }
    say(`${simulation}, seed ${seed}, without any sabotage: ${broken[0].violations[0]}`);
    from = seed + 1;
  }
}

async function seenByTest(folder, sabotage) {
  const lines = [];
  const file = join('build', 'test', `${sabotage.test}.test.js`);
  const note = line => lines.push(line);
  const { code } = await runIn(folder, file, [], note, SABOTAGE_TIMEOUT_MS);
  const failure = lines.find(line => /^ *not ok/.test(line));
  if (code === 0 || failure === undefined) {
    return { ...sabotage, isSeen: false, unseen: `${sabotage.test} ended with ${code}` };
  }
  const violation = failure.replace(/^ *not ok \d+ - /, '').replace(/ # time=.*/, '');
  return { ...sabotage, isSeen: true, violation };
}

async function simulateSabotages({ SABOTAGES, sabotaged }) {
  const only = values.only?.split(',');
  const chosen = SABOTAGES.filter(({ name }) => only === undefined || only.includes(name));
  if (only !== undefined && chosen.length !== only.length)
    throw new StepFailed(`no such sabotage: ${values.only}`);
  say(`${chosen.length} sabotages, each to be seen within ${values.limit} seeds`);
  const results = new Map();
  const left = [...chosen];
  const work = async () => {
    for (let sabotage = left.shift(); sabotage !== undefined; sabotage = left.shift()) {
      const result = await trySabotage(sabotage, sabotaged);
      results.set(sabotage.name, result);
      const how = result.isSeen
        ? `${result.seed === undefined ? result.test : `seed ${result.seed}`}: ${result.violation}`
        : result.unseen;
      console.log(`  ${result.isSeen ? '✓' : '✗'} ${result.name}, ${how}`);
    }
  };
  await Promise.all(Array.from({ length: Number(values.processes) }, work));
  const all = chosen.map(({ name }) => results.get(name));
  const unseen = all.filter(({ isSeen }) => !isSeen).length;
  console.log(`${all.length - unseen} sabotages seen, ${unseen} not`);
  if (values.write) writeTable(SABOTAGES, results);
  return unseen === 0;
}

/** Rows of sabotages that were not tried now stay as they are. */
function writeTable(sabotages, results) {
  const text = readFileSync(page, 'utf8');
  const rows = new Map(text.split('\n').map(line => [/^\| (.*?) \| /.exec(line)?.[1], line]));
  for (const [name, result] of results) rows.set(name, rowOf(result));
  const table = [
    '| sabotage | invariants | what goes wrong | seen by | as |',
    '| --- | --- | --- | --- | --- |',
    ...sabotages.map(({ name }) => rows.get(name)).filter(row => row !== undefined),
  ].join('\n');
  const marked = /(<!-- sabotages: .*? -->\n)[\s\S]*?(\n<!-- sabotages end -->)/;
  writeFileSync(
    page,
    text.replace(marked, (_, begin, end) => `${begin}\n${table}\n${end}`),
  );
}

function rowOf({ name, invariants, why, simulation, seed, test, isSeen, violation }) {
  const seenBy = test === undefined ? `${simulation}, seed ${seed}` : `test/${test}.test.ts`;
  const cells = [name, invariants.join(', '), why];
  cells.push(...(isSeen ? [seenBy, violation] : ['nothing', 'not seen']));
  return `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

try {
  installPackages();
  buildTests();
  const { SIMULATIONS } = await import(join(built, 'test', 'simulation', 'simulations.js'));
  const simulations = Object.keys(SIMULATIONS).filter(
    name => values.simulation === undefined || values.simulation === name,
  );
  const isFine = values.sabotage
    ? await simulateSabotages(await import(join(built, 'test', 'simulation', 'sabotages.js')))
    : await simulateSeeds(simulations);
  process.exitCode = isFine ? 0 : 1;
} catch (failure) {
  if (!(failure instanceof StepFailed)) throw failure;
  console.error(failure.message);
  process.exitCode = 1;
}
