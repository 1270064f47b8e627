import type { FleetNotice, Notice } from './contract.js';

/** On which channel of Redis a proxy is told what concerns it. */
export function channelOf(proxy: string): string {
  return `forelock:proxy:${proxy}`;
}

const WORDS_BEFORE_KEY: Readonly<Record<string, number>> = {
  recall: 4,
  transfer: 7,
  held: 4,
  whose: 4,
  answer: 5,
};

/**
 * What was published, by its words: `recall <database> <token> <waits> <key>`,
 * `transfer <database> <token> <fence> <fences> <kept ms> <further> <key>`,
 * `held <database> <token> <ms left> <key>` by scripts; `whose <database> <proxy> <number> <key>`,
 * `answer <database> <proxy> <number> <ours> <key>` by other proxies. The key is a binary string, with
 * whatever is in it. Null where it is none of these: anybody may publish.
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
  const [, databaseText = '', name = '', ...rest] = words;
  const numbers = [databaseText, ...rest].map(wholeNumber);
  const [database = Number.NaN, first = 0, second = 0, keptMs = 0, further = 0] = numbers;
  if (numbers.some(Number.isNaN) || name === '') return null;
  const of = { database, key: message.slice(at) };
  switch (kind) {
    case 'recall':
      return { ...of, kind, token: name, waits: first === 1 };
    case 'transfer': {
      const fences = { fence: first, fences: second };
      return { ...of, kind, token: name, ...fences, keptMs, further: further > 0 };
    }
    case 'held':
      return { ...of, kind, token: name };
    case 'whose':
      return { ...of, kind, proxy: name, number: first };
    default:
      return { ...of, kind: 'answer', proxy: name, number: first, ours: second === 1 };
  }
}

/** As `noticeOf` reads it. */
export function messageOf(notice: FleetNotice): string {
  const { kind, database, proxy, number, key } = notice;
  const words = [kind, database, proxy, number];
  if (notice.kind === 'answer') words.push(notice.ours ? 1 : 0);
  return [...words, key].join(' ');
}

function wholeNumber(text: string): number {
  return /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
}
