import { Redis } from 'ioredis';
import t from 'tap';
import { meaningOfShape } from '../../src/intent/catalogue.js';
import { luaTokens } from '../../src/intent/lua-tokens.js';
import { type ScriptShape, scriptShape } from '../../src/intent/script-shape.js';
import { RedisServer } from '../harness/redis-server.js';

/** Scripts as people write them; each stands for others by every change of one word. */
const FORMS = [
  'if redis.call("get",KEYS[1]) == ARGV[1] then return redis.call("del",KEYS[1]) else return 0 end',
  'if redis.call("get",KEYS[1]) ~= ARGV[1] then return 0 end redis.call("unlink",KEYS[1]) return 1',
  'local k, v = KEYS[1], ARGV[1] local g = redis.call("get", k) if g == v then redis.call("del", k) return true end return false',
  'return redis.call("get",KEYS[1]) == ARGV[1] and redis.call("del",KEYS[1]) or 0',
  'if redis.call("get",KEYS[1]) == ARGV[1] then return redis.call("pexpire",KEYS[1],ARGV[2]) else return 0 end',
  'if redis.call("get",KEYS[1]) == ARGV[1] then return redis.call("set",KEYS[1],ARGV[1],"PX",ARGV[2]) end return nil',
  'if not (ARGV[1] == redis.call("get",KEYS[1])) then return -1 else redis.call("expire",KEYS[1],tonumber(ARGV[2])) return 1 end',
];

/** Words that turn up in such scripts: each takes each other's place. */
const WORDS = [
  ...['KEYS', 'ARGV', '0', '1', '2', '==', '~=', 'not', 'and', 'or', 'nil', 'true', 'false', '-'],
  ...['"get"', '"del"', '"set"', '"pexpire"', '"expire"', '"EX"', '"exists"', 'return', 'end'],
  ...[
    'else',
    'then',
    'if',
    'local',
    ';',
    ',',
    '(',
    ')',
    '[',
    ']',
    'redis',
    '.',
    'call',
    'x',
    '=',
    'k',
  ],
];

t.test('no script one word away from a known one is taken for what it is not', async t => {
  const server = await RedisServer.start(t);
  const redis = new Redis(server.port);
  t.teardown(() => redis.disconnect());
  const seen = new Set<string>();
  const wrong: string[] = [];
  let read = 0;
  for (const form of FORMS) {
    for (const text of [form, ...mutations(form)]) {
      if (seen.has(text)) continue;
      seen.add(text);
      const shape = scriptShape(text, 200);
      if (shape === null) continue;
      read++;
      const error = await disagreement(redis, text, shape);
      if (error !== null) wrong.push(`${text}: ${error}`);
    }
  }
  t.same(wrong, []);
  t.ok(seen.size > 5000, `${seen.size} scripts`);
  t.ok(read > FORMS.length, `${read} of them read`);
});

function* mutations(form: string): Generator<string> {
  const words = (luaTokens(form) ?? []).map(token =>
    token.type === 'string' ? `"${token.text ?? ''}"` : token.text,
  );
  for (let at = 0; at < words.length; at++) {
    yield words.toSpliced(at, 1).join(' ');
    yield words.toSpliced(at, 2, words[at + 1] ?? '', words[at] ?? '').join(' ');
    for (const word of WORDS) {
      yield words.with(at, word).join(' ');
      yield words.toSpliced(at, 0, word).join(' ');
    }
  }
}

/** Runs the script for real, with and without the token in its key; null where all is as told. */
async function disagreement(
  redis: Redis,
  text: string,
  shape: ScriptShape,
): Promise<string | null> {
  const meaning = meaningOfShape(shape);
  const ttl = meaning.ttlUnit === null ? [] : ['100'];
  for (const held of ['token', 'other', null]) {
    await redis.flushdb();
    if (held !== null) await redis.set('key', held, 'PX', 5_000_000);
    await redis.set('decoy', 'token', 'PX', 5_000_000);
    const call = redis.eval(text, 1, 'key', 'token', ...ttl) as Promise<unknown>;
    const reply = await call.catch(String);
    const told = held === 'token' ? shape.yes : shape.no;
    if (reply !== told) return `with ${held} it replies ${String(reply)}, not ${told}`;
    const value = await redis.get('key');
    const ttlMs = await redis.pttl('key');
    const released = held === 'token' && shape.kind === 'release';
    if (value !== (released ? null : held)) return `with ${held} it leaves ${value}`;
    if (released || value === null) continue;
    const unit = meaning.ttlUnit === 's' ? 1000 : 1;
    const wantedMs = held === 'token' ? 100 * unit : 5_000_000;
    if (ttlMs > wantedMs || ttlMs < wantedMs - 10_000) return `with ${held} it leaves ${ttlMs} ms`;
    if ((await redis.dbsize()) !== 2) return 'it touches another key';
  }
  return null;
}
