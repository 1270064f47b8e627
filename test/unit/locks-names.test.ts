import t from 'tap';
import { templateOf } from '../../src/forecast/template.js';
import { matchesGlob } from '../../src/locks/glob.js';
import { companionOf } from '../../src/locks/names.js';

t.test('patterns match as in Redis', async t => {
  const cases: [pattern: string, text: string, matches: boolean][] = [
    ['lock:*', 'lock:1', true],
    ['lock:*', 'lock:', true],
    ['lock:*', 'alock:1', false],
    ['*', '', true],
    ['', '', true],
    ['', 'a', false],
    ['a*b*c', 'aXbYbZc', true],
    ['a*b*c', 'aXbYbZd', false],
    ['?', 'a', true],
    ['?', '', false],
    ['h[ae]llo', 'hallo', true],
    ['h[ae]llo', 'hillo', false],
    ['h[^e]llo', 'hallo', true],
    ['h[^e]llo', 'hello', false],
    ['h[a-c]llo', 'hbllo', true],
    ['h[c-a]llo', 'hbllo', true],
    ['h[a-c]llo', 'hdllo', false],
    ['a\\*', 'a*', true],
    ['a\\*', 'ab', false],
    ['[\\]]', ']', true],
    ['[a', 'a', true],
    ['[a', 'b', false],
    ['\\', '\\', true],
    ['\xff*', '\xff\x00', true],
    ['*\xff', '\xfe\xff', true],
  ];
  for (const [pattern, text, matches] of cases) {
    t.equal(matchesGlob(pattern, text), matches, `${pattern} and ${text}`);
  }
});

t.test('a pattern of many stars takes no time for ever', async t => {
  const startMs = performance.now();
  matchesGlob(`${'a*'.repeat(50)}b`, 'a'.repeat(1000));
  t.ok(performance.now() - startMs < 1000);
});

t.test('a template leaves out what tells one key of a kind from the next', async t => {
  const cases: Record<string, string> = {
    'order:17:pay': 'order:{}:pay',
    'order:8:pay': 'order:{}:pay',
    lock7: 'lock{}',
    'job:3f2504e0-4f89-11d3-9a0c-0305e82c3301': 'job:{}',
    'job:3F2504E0-4F89-11D3-9A0C-0305E82C3301:x': 'job:{}:x',
    'user/deadbeef99/lock': 'user/{}/lock',
    'user/deadbee/lock': 'user/deadbee/lock',
    'a.cafebabe_b': 'a.{}_b',
    xdeadbeefcafe: 'xdeadbeefcafe',
    'plain:lock': 'plain:lock',
  };
  for (const [key, template] of Object.entries(cases)) t.equal(templateOf(key), template, key);
});

t.test('a companion is in the slot of its lock key', async t => {
  // What Redis hashes of a key, by the rule of its cluster specification.
  const hashed = (key: string): string => {
    const open = key.indexOf('{');
    const close = open < 0 ? -1 : key.indexOf('}', open + 1);
    return close > open + 1 ? key.slice(open + 1, close) : key;
  };
  for (const key of ['lock', 'a{b}c', '{a}', 'a{b}c{d}', '{{a}}', 'a{', 'a{b', 'x{}{y}']) {
    const companion = companionOf(key);
    if (companion !== null) t.equal(hashed(companion), hashed(key), key);
  }
  t.equal(companionOf('lock'), 'forelock:{lock}:lock');
  t.equal(companionOf('a{b}c'), 'forelock:{b}:a{b}c');
  t.strictSame(['', 'a}b', 'a{}b', '}{', 'forelock:x'].map(companionOf), Array(5).fill(null));
});
