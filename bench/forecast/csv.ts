import { closeSync, createReadStream, existsSync, openSync, writeSync } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { ExplainedError } from '../run-to-exit.js';

/** Keys are binary strings: bytes pass through as they are. */
const ENCODING = 'latin1';
/** Lines that are written at a time. */
const LINES_PER_WRITE = 2_000;

/** A line below the header, and its number in the file, the header being 1. */
export interface Line {
  readonly text: string;
  readonly number: number;
}

/** Refuses a line, so that it can be found. */
export function wrongLine(path: string, { number, text }: Line, why: string): ExplainedError {
  return new ExplainedError(`${path}, line ${number}: ${why}: ${JSON.stringify(text)}`);
}

/** The lines of a file, plain or .gz, as many at a time as come at a time. Throws on another header. */
export async function* linesOf(path: string, header: string): AsyncGenerator<readonly Line[]> {
  if (!existsSync(path)) throw new ExplainedError(`${path}: there is no such file`);
  let number = 0;
  let rest = '';
  const linesIn = (text: string): readonly Line[] => {
    const lines: Line[] = [];
    for (const each of text.split('\n')) {
      const line = { text: each.endsWith('\r') ? each.slice(0, -1) : each, number: ++number };
      if (number === 1) {
        if (line.text !== header) throw wrongLine(path, line, `the header is to be ${header}`);
      } else if (line.text !== '') lines.push(line);
    }
    return lines;
  };
  for await (const text of textOf(path)) {
    const whole = rest + text;
    const end = whole.lastIndexOf('\n');
    rest = whole.slice(end + 1);
    if (end >= 0) yield linesIn(whole.slice(0, end));
  }
  if (rest !== '' || number === 0) yield linesIn(rest);
}

async function* textOf(path: string): AsyncGenerator<string> {
  const file = createReadStream(path);
  if (!path.endsWith('.gz')) {
    for await (const chunk of file.setEncoding(ENCODING)) yield String(chunk);
    return;
  }
  const plain = createGunzip();
  file.on('error', error => plain.destroy(error));
  try {
    for await (const chunk of file.pipe(plain).setEncoding(ENCODING)) yield String(chunk);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ExplainedError(`${path}: cannot be unpacked: ${reason}`);
  }
}

/** A file that is written line by line. */
export class CsvFile {
  private readonly file: number;
  private lines: string[];

  constructor(path: string, header: string) {
    this.file = openSync(path, 'w');
    this.lines = [header];
  }

  add(line: string): void {
    this.lines.push(line);
    if (this.lines.length >= LINES_PER_WRITE) this.flush();
  }

  close(): void {
    this.flush();
    closeSync(this.file);
  }

  private flush(): void {
    if (this.lines.length > 0) writeSync(this.file, `${this.lines.join('\n')}\n`, null, ENCODING);
    this.lines = [];
  }
}
