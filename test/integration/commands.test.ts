import t from 'tap';
import type { Lifetime } from '../harness/lifetime.js';
import { decode, frameEnd, shapeOf } from '../harness/resp-frame.js';
import { type Comparing, describe, type Pair, Twins } from '../harness/twins.js';
import { type Call, type Comparison, type Row, toCall } from './command-table/row.js';
import { COMMAND_TABLE, DATA_ROWS, EXCLUDED } from './command-table/table.js';

/**
 * Every command of Redis's COMMAND table goes through Forelock: two redis-servers in equal state
 * do the same, one asked directly, and answer the same.
 */

/** Slow by itself (it checks Redis's own HyperLogLog code for a second or more): called once. */
const SLOW_ROWS = new Set(['pfselftest']);

/** Reply bytes in a form that is equal where the replies are, by the call's comparison. */
function comparable(reply: string, by: Comparison): string {
  switch (by) {
    case 'bytes':
      return reply;
    case 'unordered':
      return sorted(Buffer.from(reply, 'latin1'), 0)[0];
    case 'shape':
      return shapeOf(reply);
    case 'type':
      return reply.slice(0, 1);
  }
}

/** The frame at `at` with the elements of every aggregate in sorted order, and where it ends. */
function sorted(bytes: Buffer, at: number): [string, number] {
  const kind = String.fromCharCode(bytes[at] ?? 0);
  if (!'*~%'.includes(kind)) {
    const end = frameEnd(bytes, at);
    return [bytes.toString('latin1', at, end), end];
  }
  const headerEnd = bytes.indexOf('\n', at) + 1;
  const length = Number(bytes.toString('latin1', at + 1, headerEnd - 2));
  const elements: string[] = [];
  let next = headerEnd;
  for (let i = 0; i < length; i++) {
    let element = '';
    for (let part = kind === '%' ? 2 : 1; part > 0; part--) {
      const [text, end] = sorted(bytes, next);
      element += text;
      next = end;
    }
    elements.push(element);
  }
  return [bytes.toString('latin1', at, headerEnd) + elements.sort().join(''), next];
}

async function compareCalls(t: Comparing, pair: Pair, calls: readonly Call[]): Promise<void> {
  for (const { args, by } of calls) {
    pair.send(...args);
    // Frames, not replies: RESP3 answers SUBSCRIBE with a push.
    const [wanted, found] = await Promise.all([pair.direct.frame(), pair.proxied.frame()]);
    t.equal(comparable(found, by), comparable(wanted, by), describe(args));
  }
}

async function runRow(t: Comparing, pair: Pair, row: Row): Promise<void> {
  if (typeof row === 'function') await row(t, pair);
  else await compareCalls(t, pair, row.map(toCall));
}

const startTwins = (t: Lifetime): Promise<Twins> =>
  Twins.start(t, { redis: { args: ['--slowlog-log-slower-than', '-1'] } });

t.test('the table names every command that this Redis has, and calls it', async t => {
  const twins = await startTwins(t);
  const client = await twins.direct.connect(t);
  const listed = decode(await client.call('COMMAND', 'LIST'));
  t.ok(Array.isArray(listed) && listed.length > 300, 'Redis lists its commands');
  // Redis lists a command with subcommands as itself and as each `command|subcommand`.
  const missing = [listed]
    .flat(2)
    .filter(name => typeof name !== 'string' || !(name in COMMAND_TABLE || name in EXCLUDED));
  t.same(missing, [], 'no command is missing');

  for (const [name, row] of Object.entries(COMMAND_TABLE)) {
    if (typeof row === 'function') continue;
    const called = row.map(toCall).some(({ args }) => {
      const words = args.slice(0, name.includes('|') ? 2 : 1).join('|');
      return words.toLowerCase() === name;
    });
    if (!called) t.fail(`the row of ${name} does not call it`);
  }
});

for (const hello of [[], ['HELLO', '3']]) {
  const protocol = hello.length === 0 ? 'RESP2' : 'RESP3';

  t.test(`${protocol}: each command on a fresh connection`, async t => {
    const twins = await startTwins(t);
    for (const [name, row] of Object.entries(COMMAND_TABLE)) {
      if (SLOW_ROWS.has(name) && protocol === 'RESP3') continue;
      await t.test(name, async t => {
        await twins.onBoth('FLUSHALL');
        const pair = await twins.pair(t);
        if (hello.length > 0) await pair.call(...hello);
        await runRow(t, pair, row);
        pair.destroy();
      });
    }
  });

  t.test(`${protocol}: each command within a transaction`, async t => {
    const twins = await startTwins(t);
    const pair = await twins.pair(t);
    if (hello.length > 0) await pair.call(...hello);
    for (const [name, row] of Object.entries(DATA_ROWS)) {
      if (typeof row === 'function' || SLOW_ROWS.has(name)) continue;
      const calls = row.map(toCall);
      if (calls.some(({ by }) => by !== 'bytes')) continue;
      await t.test(name, async t => {
        await twins.onBoth('FLUSHALL');
        const commands = [['SELECT', '0'], ['MULTI'], ...calls.map(({ args }) => args), ['EXEC']];
        const [wanted, found] = await Promise.all([
          pair.direct.pipeline(commands),
          pair.proxied.pipeline(commands),
        ]);
        t.same(found, wanted);
      });
    }
  });
}

t.test('all commands on data in one session, each row in one write', async t => {
  const twins = await startTwins(t);
  const pair = await twins.pair(t);
  for (const [name, row] of Object.entries(DATA_ROWS)) {
    if (SLOW_ROWS.has(name)) continue;
    await t.test(name, async t => {
      await twins.onBoth('FLUSHALL');
      await pair.same(t, 'SELECT', '0');
      if (typeof row === 'function') {
        await row(t, pair);
        return;
      }
      const calls = row.map(toCall);
      const commands = calls.map(({ args }) => args);
      const [wanted, found] = await Promise.all([
        pair.direct.pipeline(commands),
        pair.proxied.pipeline(commands),
      ]);
      const view = (replies: readonly string[]): string[] =>
        replies.map((reply, index) => comparable(reply, calls[index]?.by ?? 'bytes'));
      t.same(view(found), view(wanted));
    });
  }
});
