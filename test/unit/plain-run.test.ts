import fc from 'fast-check';
import t from 'tap';
import { CommandTable } from '../../src/intent/command-table.js';
import { ScriptKnowledge } from '../../src/intent/scripts.js';
import { encodeCommand } from '../../src/resp/encode.js';
import { COMPLETE, RequestFramer } from '../../src/resp/request-framer.js';
import { Input } from '../../src/session/input.js';
import { type LockKeys, PlainRun } from '../../src/session/plain-run.js';

/** Which commands of a pipeline are passed on uncounted by anything but their number. */

const DATABASE = 3;
const ONE_KEY = [1, 1, 1] as const;
const table = new CommandTable([
  ['get', 2, ['readonly', 'fast'], ...ONE_KEY],
  ['set', -3, ['write'], ...ONE_KEY],
  ['setnx', 3, ['write', 'fast'], ...ONE_KEY],
  ['incr', 2, ['write', 'fast'], ...ONE_KEY],
  ['lpush', -3, ['write', 'fast'], ...ONE_KEY],
  ['mget', -2, ['readonly', 'fast'], 1, -1, 1],
  ['mset', -3, ['write'], 1, -1, 2],
  ['rename', 3, ['write'], 1, 2, 1],
  ['zunion', -3, ['readonly', 'movablekeys'], 0, 0, 0],
  ['blpop', -3, ['write', 'blocking'], 1, -2, 1],
]);

const PLAIN: readonly (readonly string[])[] = [
  ['GET', 'k'],
  ['set', 'k', 'v'],
  ['Incr', 'k'],
  ['LPUSH', 'list', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'],
  ['SET', 'k', 'v'.repeat(300)],
];

const OTHERS: readonly (readonly string[])[] = [
  // They may be a lock's.
  ['SET', 'k', 'v', 'NX', 'PX', '1000'],
  ['set', 'k', 'v', 'XX'],
  ['SETNX', 'k', 'v'],
  ['EVALSHA', 'b70c2384248f88e6b75b9f89241a180f856ad852', '1', 'k', 'v'],
  // They touch every key.
  ['FLUSHALL'],
  ['SCAN', '0'],
  ['SORT', 'k', 'GET', 'a*'],
  // They touch keys of other databases, or may.
  ['SWAPDB', '0', '1'],
  ['MOVE', 'k', '1'],
  ['COPY', 'k', 'k', 'DB', '1'],
  ['EVALSHA', 'b70c2384248f88e6b75b9f89241a180f856ad852', '0'],
  // They need a connection, or an answer of our own.
  ['MULTI'],
  ['BLPOP', 'k', '0'],
  ['SELECT', '1'],
  ['CLIENT', 'ID'],
  // Nobody knows them.
  ['NOSUCHCOMMAND', 'k'],
  ['GETT', 'k'],
  [''],
];

function firstRun(bytes: Buffer, locks: LockKeys | null = null) {
  const framer = new RequestFramer();
  const run = new PlainRun();
  const input = new Input();
  input.lend(bytes, bytes.length);
  const isWhole = framer.next(bytes, 0, bytes.length) === COMPLETE;
  const joined = isWhole ? run.joinAll(input, framer, table, locks, DATABASE) : 0;
  return { joined, run, at: input.at };
}

t.test(
  'a run is all plain commands up to the first other one, or the first that is not whole',
  async () => {
    const command = fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(...PLAIN) },
      { weight: 1, arbitrary: fc.constantFrom(...OTHERS) },
    );
    fc.assert(
      fc.property(
        fc.array(command, { minLength: 1, maxLength: 20 }),
        fc.nat(),
        (commands, seed) => {
          const whole = Buffer.concat(commands.map(args => encodeCommand(args)));
          const to = 1 + (seed % whole.length);
          let expected = 0;
          let end = 0;
          for (const args of commands) {
            const next = end + encodeCommand(args).length;
            if (!PLAIN.includes(args) || next > to) break;
            expected++;
            end = next;
          }
          const { joined, run, at } = firstRun(whole.subarray(0, to));
          return joined === expected && run.replies === expected && at === end;
        },
      ),
      { numRuns: 2000 },
    );
  },
);

t.test('a run goes on where it stopped, from the byte where it began', async t => {
  const input = new Input();
  const framer = new RequestFramer();
  const run = new PlainRun();
  const [one, two] = [encodeCommand(['SETNX', 'k', 'v']), encodeCommand(['GET', 'k'])];
  const bytes = Buffer.concat([one, two, two, one]);
  input.lend(bytes, bytes.length);
  input.at = one.length;
  run.join(input, one.length + two.length);
  framer.next(bytes, input.at, bytes.length);
  t.equal(run.joinAll(input, framer, table, null, DATABASE), 1);
  t.same([run.from, run.replies], [one.length, 2]);
  t.equal(input.at, one.length + two.length * 2);
});

const [LOCK, OTHER_LOCK] = ['order:1', '\xff\0\r\n'];
const locks: LockKeys = {
  lists: (database, key) => database === DATABASE && (key === LOCK || key === OTHER_LOCK),
};

t.test('where there are locks, a run ends before each command that touches one', async () => {
  const key = fc.constantFrom(
    LOCK,
    OTHER_LOCK,
    'order:2',
    'order',
    '',
    '\xff\0\r',
    'x'.repeat(120),
  );
  const command = fc.oneof(
    { weight: 4, arbitrary: fc.tuple(fc.constantFrom('GET', 'incr', 'INCR'), key) },
    fc.tuple(fc.constant('SET'), key, key),
    fc.tuple(fc.constant('LPUSH'), key, key, key),
    fc.tuple(fc.constant('RENAME'), key, key),
    fc.array(key, { maxLength: 12 }).map(keys => ['MGET', ...keys]),
    fc.array(key, { maxLength: 12 }).map(keys => ['mset', ...keys]),
    fc.tuple(fc.constant('ECHO'), key),
    fc.constantFrom(['GET'], ['PING'], ['RENAME', 'a'], ['ZUNION', '1', 'a'], ['KEYS', 'a']),
  );
  fc.assert(
    fc.property(fc.array(command, { minLength: 1, maxLength: 12 }), commands => {
      const encoded = commands.map(args => encodeCommand(args));
      const touchesNone = commands.map(args => {
        const touched = table.keysOf(args, new ScriptKnowledge());
        if (touched === 'none') return true;
        // ZUNION's keys take more than a glance: it is never in the run.
        if (typeof touched === 'string' || args[0] === 'ZUNION') return false;
        return !touched.keys.some(name => name === LOCK || name === OTHER_LOCK);
      });
      const first = touchesNone.indexOf(false);
      const expected = first < 0 ? commands.length : first;
      const { joined, at } = firstRun(Buffer.concat(encoded), locks);
      return joined === expected && at === Buffer.concat(encoded.slice(0, expected)).length;
    }),
    { numRuns: 4000 },
  );
});
