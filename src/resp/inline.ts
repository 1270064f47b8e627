/**
 * Splits a line of the inline protocol into its arguments, as Redis's sdssplitargs does.
 * Returns null where quotes are unbalanced: Redis then answers with a protocol error.
 */
export function splitInline(line: string): string[] | null {
  const args: string[] = [];
  let at = 0;
  for (;;) {
    while (at < line.length && isSpace(line.charCodeAt(at))) at++;
    if (at >= line.length) return args;
    const word = readWord(line, at);
    if (word === null) return null;
    args.push(word.text);
    at = word.end;
  }
}

interface Word {
  readonly text: string;
  readonly end: number;
}

function readWord(line: string, from: number): Word | null {
  let text = '';
  let at = from;
  while (at < line.length && !WORD_ENDS.includes(line[at] as string)) {
    const character = line[at];
    if (character === '"' || character === "'") {
      const quoted = character === '"' ? readDouble(line, at + 1) : readSingle(line, at + 1);
      if (quoted === null) return null;
      // A closing quote must be followed by a space or nothing at all.
      if (quoted.end < line.length && !isSpace(line.charCodeAt(quoted.end))) return null;
      return { text: text + quoted.text, end: quoted.end };
    }
    text += character;
    at++;
  }
  return { text, end: line[at] === '\0' ? line.length : at };
}

/** Fewer than C's isspace: a vertical tab or a form feed within a word belongs to it. */
const WORD_ENDS = ' \n\r\t\0';

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  b: '\b',
  a: '\x07',
};

function readDouble(line: string, from: number): Word | null {
  let text = '';
  let at = from;
  while (at < line.length) {
    const character = line[at] as string;
    if (character === '"') return { text, end: at + 1 };
    if (character === '\\' && /^x[0-9a-fA-F]{2}/.test(line.slice(at + 1, at + 4))) {
      text += String.fromCharCode(Number.parseInt(line.slice(at + 2, at + 4), 16));
      at += 4;
    } else if (character === '\\' && at + 1 < line.length) {
      const escaped = line[at + 1] as string;
      text += ESCAPES[escaped] ?? escaped;
      at += 2;
    } else {
      text += character;
      at++;
    }
  }
  return null;
}

function readSingle(line: string, from: number): Word | null {
  let text = '';
  let at = from;
  while (at < line.length) {
    const character = line[at] as string;
    if (character === "'") return { text, end: at + 1 };
    if (character === '\\' && line[at + 1] === "'") {
      text += "'";
      at += 2;
    } else {
      text += character;
      at++;
    }
  }
  return null;
}

/** C's isspace in the C locale: what is skipped before a word, and what may follow a quote. */
function isSpace(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}
