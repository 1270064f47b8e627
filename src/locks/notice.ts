import type { Notice } from './contract.js';

/** On which channel of Redis a proxy is told what concerns it. */
export function channelOf(proxy: string): string {
  return `forelock:proxy:${proxy}`;
}

const WORDS_BEFORE_KEY: Readonly<Record<string, number>> = { recall: 4, transfer: 7, held: 4 };

/**
 * What a script has published, by its words: `recall <database> <token> <waits> <key>`,
 * `transfer <database> <token> <fence> <fences> <kept ms> <further> <key>`,
 * `held <database> <token> <ms left> <key>`. The key is a binary string, with whatever is in it.
 * Null where it is none of these: anybody may publish.
 */
export function noticeOf(message: string): Notice | null {
  const kind = message.slice(0, Math.max(0, message.indexOf(' ')));
  const count = WORDS_BEFORE_KEY[kind];
  if (count === undefined) return null;
  const words: string[] = [];
  let at = 0;
  while (words.length < count) {
    const end = message.indexOf(' ', at);
    if (end < 0) return null;
    words.push(message.slice(at, end));
    at = end + 1;
  }
  const [, databaseText = '', token = '', ...rest] = words;
  const numbers = [databaseText, ...rest].map(wholeNumber);
  const [database = Number.NaN, ...facts] = numbers;
  const [first = 0, fences = 0, keptMs = 0, further = 0] = facts;
  if (numbers.some(Number.isNaN) || token === '') return null;
  const key = message.slice(at);
  switch (kind) {
    case 'recall':
      return { kind, database, key, token, waits: first === 1 };
    case 'transfer':
      return { kind, database, key, token, fence: first, fences, keptMs, further: further > 0 };
    default:
      return { kind: 'held', database, key, token };
  }
}

function wholeNumber(text: string): number {
  return /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
}
