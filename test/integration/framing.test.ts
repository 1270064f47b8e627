import t from 'tap';
import {
  nonsenseIsAnsweredAlike,
  repliesAreTheirOwn,
  repliesAtOnce,
  sampleSessions,
} from '../fuzz/properties.js';
import { sleep } from '../harness/lifetime.js';
import { acquire, extend, release, releaseBySha } from '../harness/lock-scripts.js';
import { encodeCommand } from '../harness/resp-frame.js';
import type { Command } from '../harness/traffic.js';
import { Twins } from '../harness/twins.js';

/**
 * Bytes in, bytes out: however a client's commands are cut into packets, however many come at
 * once, and whatever nonsense stands between them, the replies are Redis's, in order.
 */

const encodeAll = (commands: readonly Command[]): Buffer =>
  Buffer.concat(commands.map(encodeCommand));

/** Mixed commands on keys under `prefix` (always of the same length), from an empty state. */
const script = (prefix: string): Buffer =>
  Buffer.concat([
    Buffer.from('PING\r\n'),
    encodeAll([
      ['SET', `${prefix}k`, 'a\r\nb\0'],
      ['GET', `${prefix}k`],
      ['ECHO', ''],
    ]),
    Buffer.from('\r\n*0\r\nECHO "x y"\r\n'),
    encodeAll([
      acquire(`${prefix}lock`, 'me', 50_000),
      acquire(`${prefix}lock`, 'you', 50_000),
      release(`${prefix}lock`, 'you'),
      release(`${prefix}lock`, 'me'),
      ['SELECT', '1'],
      ['MULTI'],
      ['LPUSH', `${prefix}l`, 'a'],
      ['EXEC'],
      ['NOSUCH'],
      ['SUBSCRIBE', 'ch'],
      ['UNSUBSCRIBE', 'ch'],
      ['BLPOP', `${prefix}l`, '0'],
      ['DEL', `${prefix}k`],
    ]),
  ]);
const SCRIPT_REPLIES = 18;

t.test('a session cut in two at every byte position', async t => {
  const twins = await Twins.start(t);
  const direct = await twins.direct.connect(t);
  direct.write(script('00000'));
  const wanted = (await direct.replies(SCRIPT_REPLIES)).join('');
  const total = script('00000').length;

  async function tryCut(at: number): Promise<void> {
    const client = await twins.forelock.connect(t);
    const prefix = String(at).padStart(5, '0');
    const bytes = script(prefix);
    client.write(bytes.subarray(0, at));
    // Long enough for the first part to be read by itself.
    await sleep(3);
    client.write(bytes.subarray(at));
    // BLPOP's reply names its key.
    const found = (await client.replies(SCRIPT_REPLIES)).join('').replaceAll(prefix, '00000');
    if (found !== wanted) t.equal(found, wanted, `cut at byte ${at}`);
    client.destroy();
  }

  const positions = Array.from({ length: total - 1 }, (_, index) => index + 1);
  const lanes = Array.from({ length: 24 }, async () => {
    for (let at = positions.pop(); at !== undefined; at = positions.pop()) await tryCut(at);
  });
  await Promise.all(lanes);
  t.pass(`${total - 1} cuts`);
});

t.test('a session that sends byte by byte', async t => {
  const twins = await Twins.start(t);
  const pair = await twins.pair(t);
  for (const byte of script('00000')) {
    pair.write(Buffer.of(byte));
    await new Promise(setImmediate);
  }
  t.same(await pair.proxied.replies(SCRIPT_REPLIES), await pair.direct.replies(SCRIPT_REPLIES));
});

t.test('inline commands', async t => {
  const twins = await Twins.start(t);
  const lines: [line: string, replies: number][] = [
    ['PING\r\n', 1],
    ['ping\n', 1],
    ['  PING  \r\n', 1],
    // Redis skips all white space between arguments, and ends one at fewer of its kinds.
    ['\v\fECHO \f\va\vb\fc\r\n', 1],
    ['\tECHO\ta\r\n', 1],
    ['ECHO "hello world"\r\n', 1],
    ["ECHO 'it\\'s'\r\n", 1],
    ['ECHO "\\x41\\n\\r\\t\\q"\r\n', 1],
    ["ECHO '\\x41'\r\n", 1],
    ['ECHO ""\r\n', 1],
    ['SET k "a b"\r\n', 1],
    ['GET k\r\n', 1],
    ['SET lock me NX PX 50000\r\n', 1],
    ['SET lock me NX PX 50000\r\n', 1],
    ['NOSUCH a "b c"\r\n', 1],
    ['GET\r\n', 1],
    ['PING\r\r\n', 1],
    ['\r\n\n   \r\n\t\nPING\r\n', 1],
    ['PING\r\nPING a\r\n*1\r\n$4\r\nPING\r\nPING b\n', 4],
    ['SELECT 1\r\nGET k\r\nSELECT 0\r\nGET k\r\n', 4],
    ['MULTI\r\nGET k\r\nEXEC\r\n', 3],
    [`ECHO ${'x'.repeat(60_000)}\r\n`, 1],
  ];
  const pair = await twins.pair(t);
  for (const [line, replies] of lines) {
    pair.write(line);
    const [wanted, found] = await Promise.all([
      pair.direct.replies(replies),
      pair.proxied.replies(replies),
    ]);
    t.same(found, wanted, JSON.stringify(line.slice(0, 60)));
  }
});

t.test('frames that are odd and valid', async t => {
  const twins = await Twins.start(t);
  const frames: [what: string, bytes: string, replies: number][] = [
    ['an empty array is no command', '*0\r\n*0\r\n*1\r\n$4\r\nPING\r\n', 1],
    ['a negative array is no command', '*-1\r\n*-7\r\n*1\r\n$4\r\nPING\r\n', 1],
    ['what ends an argument is skipped unseen', '*1\r\n$4\r\nPINGxy*1\r\n$4\r\nPING\r\n', 2],
    ['what follows a CR is skipped unseen', '*1\rX$4\rXPING\r\n', 1],
    ['an empty command name', '*1\r\n$0\r\n\r\n', 1],
    ['an empty argument', '*2\r\n$4\r\nECHO\r\n$0\r\n\r\n', 1],
    ['an argument of CR and LF', '*2\r\n$4\r\nECHO\r\n$4\r\n\r\n\r\n\r\n', 1],
    ['a name in mixed case', '*2\r\n$4\r\nEcHo\r\n$1\r\na\r\n', 1],
    ['a binary name', '*1\r\n$3\r\n\0\xff\n\r\n', 1],
    ['many arguments', `*5001\r\n$3\r\nDEL\r\n${'$1\r\nk\r\n'.repeat(5000)}`, 1],
    ['a value of 1 MB', `*2\r\n$4\r\nECHO\r\n$1000000\r\n${'v'.repeat(1_000_000)}\r\n`, 1],
  ];
  const pair = await twins.pair(t);
  for (const [what, bytes, replies] of frames) {
    pair.write(bytes);
    const [wanted, found] = await Promise.all([
      pair.direct.replies(replies),
      pair.proxied.replies(replies),
    ]);
    t.same(found, wanted, what);
  }
});

/** More than Redis reads of a line that does not end (64 KiB). */
const ENDLESS = 'x'.repeat(64 * 1024 + 1);

const MALFORMED: [what: string, bytes: string][] = [
  ['a count that is no number', '*x\r\n'],
  ['a count with a sign', '*+1\r\n'],
  ['a count with a leading zero', '*01\r\n'],
  ['a count with a space', '*1 \r\n'],
  ['no count', '*\r\n'],
  ['a count beyond an int', '*2147483648\r\n'],
  ['a count beyond any number', '*99999999999999999999\r\n'],
  ['a count that never ends', `*${ENDLESS}`],
  ['an argument without $', '*1\r\n:4\r\n'],
  ['an inline command within an array', '*1\r\nPING\r\n'],
  ['a length that is no number', '*1\r\n$x\r\n'],
  ['no length', '*1\r\n$\r\n'],
  ['a negative length', '*1\r\n$-1\r\n'],
  ['a length with a leading zero', '*1\r\n$04\r\nPING\r\n'],
  ['a length beyond the 512 MB', '*1\r\n$536870913\r\n'],
  ['a length that never ends', `*1\r\n$${ENDLESS}`],
  ['an error after good arguments', '*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$-5\r\n'],
  ['a quote that is not closed', 'ECHO "a\r\n'],
  ['a quote with text behind it', 'ECHO "a"b\r\n'],
  ['a single quote that is not closed', "ECHO 'a\r\n"],
  ['a line that never ends', ENDLESS],
];

/** What a session did before; each begins with its commands and their number of replies. */
const STATES: [what: string, before: readonly Command[]][] = [
  ['at once', []],
  ['after a shared command', [['GET', 'k']]],
  ['in another database', [['SELECT', '1']]],
  ['in a transaction', [['MULTI'], ['SET', 'never', 'set']]],
  ['subscribed', [['SUBSCRIBE', 'ch']]],
  ['holding a lock', [acquire('held', 'me', 50_000)]],
];

t.test('malformed frames get their error, and end the connection', async t => {
  const twins = await Twins.start(t);
  for (const [state, before] of STATES) {
    await t.test(state, async t => {
      for (const [what, bytes] of MALFORMED) {
        await twins.onBoth('DEL', 'held');
        const pair = await twins.pair(t);
        for (const command of before) await pair.same(t, ...command);
        pair.write(bytes);
        await pair.sameEnd(t, what);

        const pipelined = await twins.pair(t);
        const front = encodeAll([...before, ['ECHO', 'before']]);
        pipelined.write(Buffer.concat([front, Buffer.from(bytes, 'latin1')]));
        await pipelined.sameEnd(t, `${what}, behind other commands in one write`);
      }
    });
  }
  const pair = await twins.pair(t);
  await pair.same(t, 'EXISTS', 'never');
});

const BEHIND = 'behind it '.repeat(20_000);

t.test('a client that writes on behind a malformed frame still gets the error', async t => {
  const twins = await Twins.start(t);
  for (const [what, bytes] of [
    ...MALFORMED,
    ['a line with a NUL', '\0'],
    ['a count with a NUL', '*\0'],
    ['a length with a NUL', '*1\r\n$\0'],
    ['a count with a NUL, and its end', '*\0\r\n'],
    ['an argument without $, and without end', '*1\r\nPING'],
  ] as const) {
    const { direct, proxied } = await twins.pair(t);
    direct.write(bytes + BEHIND);
    proxied.write(bytes);
    for (let time = 0; time < 50 && !proxied.isEnded; time++) {
      await sleep(1);
      proxied.write(BEHIND);
    }
    const [wanted, found] = await Promise.all([direct.untilEnd(), proxied.untilEnd()]);
    t.equal(found, wanted, what);
  }
});

t.test('HTTP requests end the connection unanswered', async t => {
  const twins = await Twins.start(t);
  for (const bytes of [
    'POST / HTTP/1.1\r\nSET never set\r\n',
    'Host: localhost\r\nSET never set\r\n',
    '*1\r\n$4\r\nPOST\r\n',
  ]) {
    const pair = await twins.pair(t);
    await pair.same(t, 'ECHO', 'before');
    pair.write(bytes);
    await pair.sameEnd(t, JSON.stringify(bytes));
  }
  t.equal(await (await twins.forelock.connect(t)).call('EXISTS', 'never'), ':0\r\n');
});

t.test('nothing behind a malformed frame is executed', async t => {
  const twins = await Twins.start(t);
  const pair = await twins.pair(t);
  pair.write(Buffer.concat([Buffer.from('*x\r\n'), encodeCommand(['SET', 'behind', 'it'])]));
  await pair.sameEnd(t, 'a count that is no number');
  t.equal(await (await twins.forelock.connect(t)).call('EXISTS', 'behind'), ':0\r\n');
});

t.test('before AUTH, large frames are refused', async t => {
  const twins = await Twins.start(t, { redis: { requirepass: 'secret' } });
  for (const [what, bytes] of [
    ['too many arguments', '*11\r\n'],
    ['too long an argument', '*1\r\n$16385\r\n'],
    ['too many arguments behind a command', 'PING\r\n*11\r\n'],
  ] as const) {
    const pair = await twins.pair(t);
    pair.write(bytes);
    await pair.sameEnd(t, what);
  }
  const pair = await twins.pair(t, ['AUTH', 'secret']);
  await pair.same(t, 'DEL', ...'abcdefghijklmnop');
  await pair.same(t, 'ECHO', 'v'.repeat(20_000));
});

t.test('an unfinished frame is waited for', async t => {
  const twins = await Twins.start(t);
  for (const bytes of [
    '*1\r\n$4\r\nPIN',
    '*2\r\n$4\r\nECHO\r\n$1\r\na',
    '*1\r\n$4\r\nPING\r',
    'PING',
    'PING\0more\r\n',
    '*1\0\r\n$4\r\nPING\r\n',
    '*1\r\n\0$4\r\nPING\r\n',
  ]) {
    const pair = await twins.pair(t);
    pair.write(bytes);
    await sleep(40);
    t.same(pair.proxied.drain(), pair.direct.drain(), JSON.stringify(bytes));
    t.equal(pair.proxied.isEnded, pair.direct.isEnded);
    pair.destroy();
  }
});

t.test('a client that ends its side after sending still gets its replies', async t => {
  const twins = await Twins.start(t);
  for (const bytes of [
    'PING\r\n',
    'SET k v\r\nGET k\r\n',
    'SELECT 1\r\nGET k\r\n',
    '*1\r\n$4\r\nPI',
  ]) {
    const pair = await twins.pair(t);
    pair.direct.socket.end(bytes);
    pair.proxied.socket.end(bytes);
    await pair.sameEnd(t, JSON.stringify(bytes));
  }
});

const DEPTH = 10_000;

/** Each writes `DEPTH` commands at once; `commandAt` tells which. */
const PIPELINES: [what: string, commandAt: (index: number) => Command][] = [
  ['of one command', index => ['SET', `k${index % 100}`, String(index)]],
  [
    'of reads and writes',
    index =>
      [
        ['INCR', `n${index % 7}`],
        ['GET', `n${index % 5}`],
        ['LPUSH', 'l', String(index)],
        ['LRANGE', 'l', '0', '2'],
        ['ECHO', 'v'.repeat(index % 500)],
        ['GET', 'l'],
      ][index % 6] ?? [],
  ],
  [
    'that moves between databases and transactions',
    index =>
      [
        ['SELECT', String(index % 3)],
        ['MULTI'],
        ['INCR', 'n'],
        ['EXEC'],
        ['GET', 'n'],
        ['CLIENT', 'GETNAME'],
      ][index % 6] ?? [],
  ],
  [
    'of lock cycles',
    index =>
      [
        acquire('lock', `owner-${index}`, 50_000),
        acquire('lock', 'another', 50_000),
        releaseBySha('lock', 'another'),
        extend('lock', `owner-${index - 3}`, 50_000),
        releaseBySha('lock', `owner-${index - 4}`),
      ][index % 5] ?? [],
  ],
  [
    'of lock cycles among other commands',
    index =>
      [
        ['INCR', 'n'],
        acquire(`lock-${index % 3}`, `owner-${index}`, 50_000),
        ['GET', 'n'],
        release(`lock-${(index - 2) % 3}`, `owner-${index - 2}`),
        ['EXISTS', `lock-${index % 3}`],
        ['ECHO', String(index)],
        ['GET', `lock-${index % 3}`],
      ][index % 7] ?? [],
  ],
];

t.test(`pipelines of ${DEPTH}`, async t => {
  const twins = await Twins.start(t, { forelockArgs: ['--delegate', '*'] });
  for (const [what, commandAt] of PIPELINES) {
    await twins.flush();
    const pair = await twins.pair(t);
    await pair.call(...release('warm', 'up'));
    const bytes = encodeAll(Array.from({ length: DEPTH }, (_, index) => commandAt(index)));
    pair.write(bytes);
    const [wanted, found] = await Promise.all([
      pair.direct.replies(DEPTH),
      pair.proxied.replies(DEPTH),
    ]);
    const firstWrong = wanted.findIndex((reply, index) => found[index] !== reply);
    t.equal(found[firstWrong], wanted[firstWrong], `${what}; first difference at ${firstWrong}`);
    await pair.same(t, 'PING');
    pair.destroy();
  }
});

t.test('random commands, cut at random: every reply is its own', async t => {
  const twins = await Twins.start(t, { forelockArgs: ['--delegate', '*'] });
  await t.resolves(repliesAreTheirOwn(twins, { runs: 150 }));
});

t.test('many sessions at once, each on keys of its own: no reply crosses', async t => {
  const twins = await Twins.start(t, { forelockArgs: ['--delegate', '*'] });
  // NOSCRIPT depends on what other sessions sent before: both know all scripts from the start.
  for (const command of [release('k', 'v'), extend('k', 'v', 1)]) await twins.onBoth(...command);
  const sessions = sampleSessions(40, 7);
  const wanted = await repliesAtOnce(t, twins.direct.port, sessions);
  const found = await repliesAtOnce(t, twins.forelock.port, sessions);
  t.same(found, wanted);
});

t.test('random bytes: the same replies, the same end, and Forelock lives on', async t => {
  const twins = await Twins.start(t);
  await t.resolves(nonsenseIsAnsweredAlike(twins, { runs: 300 }));
  t.equal(await (await twins.forelock.connect(t)).call('PING'), '+PONG\r\n');
  t.notOk(twins.forelock.hasEnded);
});
