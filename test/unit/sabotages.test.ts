import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { projectFolder } from '../harness/project.js';
import { SABOTAGES, sabotaged } from '../simulation/sabotages.js';
import { SIMULATIONS } from '../simulation/simulations.js';

t.test('each sabotage of the protocol still fits the code', async t => {
  t.ok(SABOTAGES.length >= 20, `${SABOTAGES.length} sabotages`);
  for (const sabotage of SABOTAGES) {
    const text = readFileSync(join(projectFolder, sabotage.file), 'utf8');
    t.doesNotThrow(() => sabotaged(text, sabotage), sabotage.name);
    t.notMatch(sabotage.find, '\n', `${sabotage.name}: a single line`);
    const { simulation, test } = sabotage;
    t.ok(test !== undefined || SIMULATIONS[simulation ?? ''], `${sabotage.name} is looked for`);
  }
  const names = SABOTAGES.map(({ name }) => name);
  t.equal(new Set(names).size, names.length, 'their names differ');
});

t.test('a sabotage that does not fit, or fits twice, is an error', async t => {
  const sabotage = { name: 'x', file: 'f', find: 'b', replace: 'c', why: '', invariants: [] };
  t.equal(sabotaged('abd', sabotage), 'acd');
  t.throws(() => sabotaged('ad', sabotage), /0 places in f/);
  t.throws(() => sabotaged('abbd', sabotage), /2 places in f/);
});
