/**
 * npm run model: checks docs/model/forelock.pml with spin, every state of each configuration, and
 * shows that each sabotage of it is refuted. Ends with 0 if all came out as it should, with 1 if not,
 * and with 69 where spin and gcc are missing and can't be installed.
 *
 *   npm run model -- --only served,NO_MARGIN   these alone
 *   npm run model -- --deep                    larger configurations as well (some minutes)
 *   npm run model -- --write                   writes the tables and the trails into docs/model/
 */
import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { isOnPath, root, say } from './steps.mjs';

const UNAVAILABLE = 69;
const MEMORY_MB = 4000;
/** A configuration that takes longer has outgrown the model. */
const CHECK_TIMEOUT_MS = 600_000;
const folder = join(root, 'docs', 'model');
const FILES = ['forelock.pml', 'states.pml'];
const pageOf = name => join(folder, `${name}.md`);

/** What must hold: `ltl` names a formula, without one it is the assertions and that time goes on. */
const PROOFS = [
  { name: 'delays', macros: 'COVER', what: 'scripts, answers and notices as late as they like' },
  {
    name: 'faults',
    macros: 'COVER CUTS=1 CRASHES=1 PROMPT',
    what: 'a cut and a crash of a proxy, in any order',
  },
  { name: 'cuts', macros: 'COVER CUTS=2 PROMPT TTL=1', what: 'two cuts of a proxy' },
  { name: 'tried', macros: 'TRIED CRASHES=1', ltl: 'tried', what: 'the owner may crash' },
  {
    name: 'tried-deaf',
    macros: 'TRIED CRASHES=1 LOSSES=1',
    ltl: 'tried',
    what: 'every notice may be lost',
  },
  { name: 'tried-direct', macros: 'TRIED_DIRECT', ltl: 'triedDirect', what: 'two that reserve' },
  {
    name: 'answered',
    macros: 'ANSWERED LOSSES=1 PROMPT',
    ltl: 'answered',
    what: 'every notice may be lost',
  },
  { name: 'served', macros: 'SERVED', ltl: 'served', what: 'waiters of both proxies' },
  { name: 'going-on', macros: 'SERVED COVER', what: 'with timers: covered, and time goes on' },
];

const DEEP = [
  { name: 'faults-delays', macros: 'COVER CUTS=1 CRASHES=1', what: 'the same, answers late too' },
  { name: 'faults-more', macros: 'COVER CUTS=2 CRASHES=1 PROMPT', what: 'two cuts and a crash' },
  {
    name: 'answered-cut',
    macros: 'ANSWERED CUTS=1 PROMPT',
    ltl: 'answered',
    what: 'a cut of a proxy',
  },
];

/** What must be refuted, and in which configuration. */
const SABOTAGES = [
  ['NO_MARGIN', '', null, 'drop the margin'],
  ['LEASE_FROM_REPLY', '', null, 'time the lease from the reply'],
  ['LEASE_FROM_ARRIVAL', '', null, 'count the lease of a transfer from its arrival'],
  ['DECIDE_DURING_SCRIPT', '', null, 'decide in memory while a script is on its way'],
  ['UNDO_HEARD', '', null, 'undo a grant that was heard'],
  ['ACCEPT_ANY', '', null, 'accept a transfer twice, or for a ticket since replaced'],
  ['ONE_TOKEN', '', null, 'one token for two wants'],
  ['ANY_TOKEN', 'CUTS=1', null, 'match any token of mine'],
  ['RESUME', 'CUTS=1', null, 'resume a delegation after a reconnect'],
  ['KEEP_TICKET', 'CUTS=1', null, 'keep a ticket through a reconnect'],
  ['FREE_WITHOUT_PROOF', 'CRASHES=1', null, 'free on restart without proof'],
  ['JOURNAL_AFTER_REPLY', 'CRASHES=1', null, 'write the journal after the reply'],
  ['RAW_REFUSAL', 'TRIED', 'tried', 'pass on a refusal that comes from a token'],
  ['DROP_EARLY_RECALL', 'TRIED', 'tried', 'drop a recall that overtakes the answer to reserve'],
  ['NO_TENURE', 'TRIED_DIRECT', 'triedDirect', 'keep a key without end'],
  ['YIELD_FORGETS_TENURE', 'TRIED_DIRECT', 'triedDirect', 'let a yield forget the tenure'],
  ['PARK_FOREVER', 'ANSWERED LOSSES=1 PROMPT', 'answered', 'park until the lock comes'],
  [
    'RECALL_BEFORE_SERVING',
    'SERVED PROMPT',
    'served',
    'yield before serving a waiter of one’s own',
  ],
  ['IGNORE_RECALL', 'SERVED PROMPT', 'served', 'ignore recalls'],
  ['RETAIN_IGNORES_TICKETS', 'SERVED PROMPT', 'served', 'retain ignores tickets'],
  ['RESERVE_IGNORES_TICKETS', 'SERVED PROMPT', 'served', 'reserve ignores tickets'],
  ['NO_TICKET_BESIDE_HELD', 'SERVED PROMPT', 'served', 'no ticket beside “held”'],
  ['RENEWAL_LOSES_PLACE', 'SERVED PROMPT', 'served', 'a renewed ticket goes to the end'],
  ['PASS_BY', 'SERVED PROMPT', 'served', 'pass by an earlier ticket'],
].map(([name, macros, ltl, what]) => ({
  name,
  macros: `${name} ${macros}`.trim(),
  ltl: ltl ?? undefined,
  what,
  isSabotage: true,
}));

function installSpin() {
  const missing = ['spin', 'gcc'].filter(program => !isOnPath(program));
  if (missing.length === 0) return;
  if (process.getuid?.() === 0 && isOnPath('apt-get')) {
    say(`installing ${missing.join(', ')} (apt-get)`);
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    spawnSync('apt-get', ['update'], { env, stdio: 'ignore' });
    const packages = [...missing, ...(missing.includes('gcc') ? ['libc6-dev'] : [])];
    const args = ['install', '--yes', '--no-install-recommends', ...packages];
    spawnSync('apt-get', args, { env, stdio: 'ignore' });
  }
  if (isOnPath('spin') && isOnPath('gcc')) return;
  console.log('the model needs spin and gcc on the PATH: apt-get install spin gcc');
  process.exit(UNAVAILABLE);
}

const running = new Set();
/** Whoever ends this script, by a timeout say, is not left with a search that runs on. */
process.once('SIGTERM', () => {
  for (const child of running) child.kill();
  process.exit(1);
});

function run(cwd, command, ...args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, timeout: CHECK_TIMEOUT_MS });
    running.add(child);
    let output = '';
    child.stdout.on('data', data => {
      output += data;
    });
    child.stderr.on('data', data => {
      output += data;
    });
    child.on('error', reject);
    child.on('close', code => {
      running.delete(child);
      resolve({ code, output });
    });
  });
}

/** Generates, compiles and runs the checker; resolves with what it found. */
async function check(entry) {
  const { macros, ltl, isSabotage = false } = entry;
  const cwd = mkdtempSync(join(tmpdir(), 'forelock-model-'));
  try {
    for (const name of FILES) copyFileSync(join(folder, name), join(cwd, name));
    const defined = macros.split(' ').map(macro => `-D${macro}`);
    const spin = await run(cwd, 'spin', ...defined, '-a', 'forelock.pml');
    if (spin.code !== 0) return { ...entry, isRight: false, why: spin.output };
    const isShortest = isSabotage && ltl === undefined;
    const gcc = await run(
      cwd,
      'gcc',
      ...['-w', isSabotage ? '-O0' : '-O2', '-DNOREDUCE', '-DPEG', `-DMEMLIM=${MEMORY_MB}`],
      // Breadth first finds the shortest trail, but no cycle.
      isShortest ? '-DBFS' : '-DCOLLAPSE',
      ...(ltl === undefined ? ['-DSAFETY', '-DNOCLAIM'] : []),
      ...['-o', 'pan', 'pan.c'],
    );
    if (gcc.code !== 0) return { ...entry, isRight: false, why: gcc.output };
    const claim = ltl === undefined ? [] : ['-N', ltl];
    const acceptance = ltl === undefined ? [] : ['-a'];
    const pan = await run(cwd, './pan', '-m1000000', '-w22', ...acceptance, ...claim);
    const found = readPan(pan.output);
    // An assertion of the model about itself is no refutation of a property.
    const isRefuted = found.errors === 1 && /acceptance cycle|holderLeft/.test(found.refuted);
    const isExhaustive = found.errors === 0 && found.isComplete;
    let trail = [];
    if (found.errors > 0) {
      const replay = await run(cwd, './pan', '-r', '-S', ...claim);
      trail = readTrail(replay.output);
    }
    const isRight = isSabotage ? isRefuted && trail.length > 0 : isExhaustive;
    const why = isRight ? '' : pan.output;
    return { ...entry, ...found, trail, isRight, why };
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}

function readPan(output) {
  const number = pattern => Number(pattern.exec(output)?.[1] ?? Number.NaN);
  return {
    errors: number(/errors: (\d+)/),
    refuted: /pan:1: (.*)/.exec(output)?.[1] ?? '',
    states: number(/^ *(\S+) states, stored/m),
    depth: number(/depth reached (\d+)/),
    seconds: number(/elapsed time (\S+) seconds/),
    memoryMb: number(/(\S+)\s+total actual memory usage/),
    takenLines: [...output.matchAll(/^ *\d+\ttrans +\d+ forelock\.pml:(\d+)/gm)].map(match =>
      Number(match[1]),
    ),
    isComplete: !/search not completed|depth too small|out of memory|MEMLIM/i.test(output),
  };
}

/** The lines that the model itself says, one for each step. */
function readTrail(output) {
  const lines = output.split('\n');
  const kept = lines.filter(line =>
    /^(proxy|Redis|network|direct|holder|a client|-{10}|<<<<<)/.test(line),
  );
  return kept.map(line => (line.startsWith('<') ? '…… from here again and again:' : line));
}

function stepsOf(trail) {
  return trail.filter(line => !line.startsWith('…')).length;
}

/** Steps of the model that no proof has taken: a proof of what never happens is none. */
function untakenSteps(results) {
  const taken = new Set(results.filter(each => !each.isSabotage).flatMap(each => each.takenLines));
  const lines = readFileSync(join(folder, 'forelock.pml'), 'utf8').split('\n');
  return lines.flatMap((line, index) =>
    line.includes('d_step {') && !taken.has(index + 1) ? [`${index + 1}: ${line.trim()}`] : [],
  );
}

function lineOf(result) {
  const mark = result.isRight ? '✓' : '✗';
  const name = `${result.name} (${result.what})`;
  if (!result.isRight) return `  ${mark} ${name}\n${result.why}`;
  if (result.isSabotage) {
    return `  ${mark} refuted: ${name}, ${propertyOf(result)}, ${stepsOf(result.trail)} steps`;
  }
  return `  ${mark} ${name}: ${result.states} states, ${result.seconds} s, ${result.memoryMb} MB`;
}

function propertyOf({ ltl, isSabotage }) {
  if (ltl !== undefined) return ltl;
  return isSabotage ? 'exclusion' : 'exclusion, cover';
}

function tableOf(results) {
  const proofs = results.filter(({ isSabotage }) => !isSabotage);
  const sabotages = results.filter(({ isSabotage }) => isSabotage);
  return [
    '| configuration | macros | property | states | depth | s | MB |',
    '| --- | --- | --- | --: | --: | --: | --: |',
    ...proofs.map(
      each =>
        `| ${each.name}: ${each.what} | \`${each.macros}\` | ${propertyOf(each)} | ` +
        `${each.states} | ${each.depth} | ${each.seconds} | ${Math.round(each.memoryMb)} |`,
    ),
    '',
    '| sabotage | macros | property refuted | steps |',
    '| --- | --- | --- | --: |',
    ...sabotages.map(
      each =>
        `| ${each.what} | \`${each.macros}\` | ${propertyOf(each)} | ${stepsOf(each.trail)} |`,
    ),
  ].join('\n');
}

function write(results) {
  const path = pageOf('README');
  const page = readFileSync(path, 'utf8');
  const marked = /(<!-- results: .*? -->\n)[\s\S]*?(\n<!-- results end -->)/;
  writeFileSync(
    path,
    page.replace(marked, (_, begin, end) => `${begin}\n${tableOf(results)}\n${end}`),
  );
  const trails = results.filter(({ isSabotage }) => isSabotage);
  const text = trails.map(
    ({ name, what, trail }) => `## ${name}: ${what}\n\n\`\`\`\n${trail.join('\n')}\n\`\`\`\n`,
  );
  writeFileSync(
    pageOf('trails'),
    `# How each sabotage is refuted\n\nWritten by \`npm run model -- --write\`. ` +
      `Those of exclusion are the shortest there are.\n\n${text.join('\n')}`,
  );
}

const { values } = parseArgs({
  options: { only: { type: 'string' }, deep: { type: 'boolean' }, write: { type: 'boolean' } },
});
const only = values.only?.split(',');
const all = [...PROOFS, ...(values.deep || only ? DEEP : []), ...SABOTAGES];
const chosen = only === undefined ? all : all.filter(({ name }) => only.includes(name));
const unknown = only?.filter(name => !all.some(each => each.name === name)) ?? [];
if (unknown.length > 0) {
  console.log(`no such configuration: ${unknown.join(', ')}`);
  process.exit(1);
}
if (values.write && only !== undefined) {
  console.log('--write needs all results: not with --only');
  process.exit(1);
}
installSpin();
say(`checking ${chosen.length} configurations of docs/model/forelock.pml (spin)`);
const results = [];
const left = [...chosen];
async function work() {
  for (let entry = left.shift(); entry !== undefined; entry = left.shift()) {
    const result = await check(entry);
    results.push(result);
    console.log(lineOf(result));
  }
}
await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, work));
results.sort(
  (one, other) =>
    all.findIndex(each => each.name === one.name) - all.findIndex(each => each.name === other.name),
);
const untaken = only === undefined ? untakenSteps(results) : [];
for (const step of untaken) console.log(`  ✗ never taken: ${step}`);
const failed = results.filter(({ isRight }) => !isRight).length;
if (values.write && failed + untaken.length === 0) write(results);
console.log(`${results.length - failed} as they should be, ${failed} not`);
process.exitCode = failed + untaken.length === 0 ? 0 : 1;
