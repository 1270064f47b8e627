/** npm run docs: writes the table of settings into docs/operations.md, from the code that reads them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, installPackages, root, steps } from './steps.mjs';

steps(installPackages, build);

const { settingsMarkdown } = await import('../dist/config.js');
const path = join(root, 'docs', 'operations.md');
const page = readFileSync(path, 'utf8');
const written = page.replace(
  /(<!-- settings: .*? -->\n)[\s\S]*?(\n<!-- settings end -->)/,
  (_, begin, end) => `${begin}\n${settingsMarkdown()}\n${end}`,
);
if (written === page) console.log('docs/operations.md is up to date');
else {
  writeFileSync(path, written);
  console.log('docs/operations.md is written');
}
