import { type Group, groupTitles } from './setting.js';
import { flagName, type SettingName, settingNames, settings, variableName } from './settings.js';

const WIDTH = 96;
const INDENT = 6;

/** The text of `forelock --help`. */
export function helpText(): string {
  const lines = [
    'forelock: a Redis proxy that makes distributed locks fast',
    '',
    'Usage: forelock [flags]',
    '',
    'Each flag can be given as FORELOCK_… in the environment and as a key of the JSON file that',
    '--config names. The order of precedence: flag, environment, file, default.',
  ];
  for (const [group, title] of Object.entries(groupTitles)) {
    lines.push('', `${title}:`);
    for (const name of namesOf(group as Group)) lines.push(...entry(name));
  }
  lines.push('', 'Further:', '  --help', '  --version', '');
  return lines.join('\n');
}

export function namesOf(group: Group): readonly SettingName[] {
  return settingNames.filter(name => settings[name].group === group);
}

function entry(name: SettingName): readonly string[] {
  const { kind, help, fallbackText } = settings[name];
  const without = fallbackText === '' ? 'none' : fallbackText;
  return [
    `  ${flagName(name)} ${kind.placeholder}`.trimEnd(),
    ...wrapped(`${help}. Default: ${without}.`),
  ];
}

function wrapped(text: string): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && INDENT + line.length + 1 + word.length > WIDTH) {
      lines.push(' '.repeat(INDENT) + line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, ' '.repeat(INDENT) + line];
}

/** The settings as Markdown tables, one a group: docs/operations.md holds exactly this. */
export function settingsMarkdown(): string {
  const lines: string[] = [];
  for (const [group, title] of Object.entries(groupTitles)) {
    lines.push(`### ${title}`, '');
    lines.push('| flag, and key in the file | variable | default | allowed | what for |');
    lines.push('| --- | --- | --- | --- | --- |');
    for (const name of namesOf(group as Group)) {
      const { kind, help, fallbackText } = settings[name];
      const cells = [
        `\`${flagName(name)}\``,
        `\`${variableName(name)}\``,
        fallbackText === '' ? 'none' : fallbackText,
        kind.allowed,
        help,
      ];
      lines.push(`| ${cells.map(inCell).join(' | ')} |`);
    }
    lines.push('');
  }
  return lines.join('\n').trimEnd();
}

/** A bar would end the cell, a star or an underscore would begin emphasis. */
function inCell(text: string): string {
  if (text.startsWith('`')) return text;
  return text.replace(/[|*_<>[\]\\]/g, character => `\\${character}`);
}
