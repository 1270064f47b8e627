import type { SeededRandom } from '../../simulation/random.js';
import { randomCommand } from './random-commands.js';

/** A text as Lua writes it down. */
export function quoted(text: string): string {
  const bytes = [...text].map(byte =>
    /[\w :.-]/.test(byte) ? byte : `\\${String(byte.charCodeAt(0)).padStart(3, '0')}`,
  );
  return `'${bytes.join('')}'`;
}

/** An argument of redis.call: a number where it looks like one, half of the time. */
function argument(random: SeededRandom, word: string): string {
  const isNumber = /^-?(0|[1-9]\d*)(\.\d+)?$/.test(word);
  return isNumber && random.chance(0.5) ? word : quoted(word);
}

/** What is told of a reply besides the reply itself. */
const TOLD = [
  'r',
  'type(r)',
  'tostring(r == false)',
  "type(r) == 'table' and (r.err or r.ok or #r) or r",
  "type(r) == 'table' and unpack(r) or r",
];

/** A script that runs some commands, and gives what came of them in some form or other. */
export function randomScript(random: SeededRandom): string {
  const lines = ['local out = {}', 'local r'];
  for (let line = 1 + random.below(4); line > 0; line--) {
    const words = randomCommand(random);
    const name = random.chance(0.8) ? 'pcall' : 'call';
    const args = words.map((word, index) => (index === 0 ? quoted(word) : argument(random, word)));
    lines.push(`r = redis.${name}(${args.join(', ')})`);
    lines.push(`out[#out + 1] = ${random.pick(TOLD)}`);
    if (random.chance(0.1)) lines.push("if type(r) == 'table' then return r end");
  }
  lines.push(
    random.pick(['return out', 'return out', 'return r', 'return #out', 'return {out, r}']),
  );
  return lines.join('\n');
}
