import t from 'tap';
import {
  flagName,
  kebabName,
  type SettingName,
  settingNames,
  settings,
  variableName,
} from '../../src/config/settings.js';
import { type Command, helpText, type Options, readCommand } from '../../src/config.js';
import { type ForecasterOptions, forecasterDefaults } from '../../src/forecast/forecaster.js';
import { scriptDefaults } from '../../src/intent/scripts.js';
import { type LockOptions, lockDefaults } from '../../src/locks/options.js';
import { type AllocatorOptions, allocatorDefaults } from '../../src/pool/options.js';
import type { SessionOptions } from '../../src/session/gateway.js';
import type { ControlOptions } from '../../src/upstream/control/options.js';
import type { UpstreamOptions } from '../../src/upstream/options.js';

interface Given {
  readonly argv?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What forelock.json holds. */
  readonly file?: unknown;
}

/** Reads settings with `--config forelock.json` given where there is a file. */
function read({ argv = [], env = {}, file }: Given): Command {
  const withFile = file === undefined ? argv : ['--config', 'forelock.json', ...argv];
  return readCommand(withFile, env, path => {
    if (path !== 'forelock.json') throw Object.assign(new Error('gone'), { code: 'ENOENT' });
    return typeof file === 'string' ? file : JSON.stringify(file);
  });
}

function options(given: Given): Options {
  const command = read(given);
  if (command.kind === 'run' || command.kind === 'check') return command.options;
  throw new Error(JSON.stringify(command));
}

function problems(given: Given): readonly string[] {
  const command = read(given);
  return command.kind === 'wrong' ? command.problems : [];
}

t.test('with nothing given, every setting has its default', async t => {
  const all = options({});
  for (const name of settingNames) t.same(all[name], settings[name].fallback, name);
  t.same(all.listen, [{ host: '127.0.0.1', port: 7379 }]);
  t.same(all.http, { host: '127.0.0.1', port: 7380 });
  t.equal(all.mode, 'reserve');
  t.equal(all.upstream, null);
});

t.test('names are the same word in three spellings', async t => {
  t.equal(flagName('clientOutputLimitBytes'), '--client-output-limit-bytes');
  t.equal(kebabName('clientOutputLimitBytes'), 'client-output-limit-bytes');
  t.equal(variableName('clientOutputLimitBytes'), 'FORELOCK_CLIENT_OUTPUT_LIMIT_BYTES');
});

t.test('a flag outranks the environment, that the file, that the default', async t => {
  const argv = ['--breath-ms', '1001'];
  const env = { FORELOCK_BREATH_MS: '1002' };
  const file = { 'breath-ms': 1003 };
  t.equal(options({ argv, env, file }).breathMs, 1001);
  t.equal(options({ env, file }).breathMs, 1002);
  t.equal(options({ file }).breathMs, 1003);
  t.equal(options({}).breathMs, 500);
});

t.test('every setting is read from every source, and nothing else changes', async t => {
  const samples: Readonly<Record<string, readonly [text: string, json: unknown]>> = {
    listen: ['[::1]:0', '[::1]:0'],
    upstream: ['unix:/tmp/r.sock', 'unix:/tmp/r.sock'],
    http: ['localhost:9', 'localhost:9'],
    mode: ['shadow', 'shadow'],
    network: ['off', 'off'],
    trainingSchedule: ['0 */5 * * * *', '0 */5 * * * *'],
    check: ['true', true],
    logLevel: ['warn', 'warn'],
    stateDir: ['/var/lib/forelock', '/var/lib/forelock'],
    delegate: ['a:*', ['a:*']],
    confirm: ['replicas=2,500', 'replicas=2,500'],
    noDelegate: ['b:?', ['b:?']],
    forecastSchedule: ['*/5 * * * * *', '*/5 * * * * *'],
    marginPercent: ['2.5', 2.5],
    parkTtlPercent: ['2.5', 2.5],
    wholeDatabaseTouchesPerS: ['0.5', 0.5],
    scoreThreshold: ['0.75', 0.75],
    heartbeatMs: ['100', 100],
    upstreamSilenceMs: ['999', 999],
    tenureMs: ['3000', 3000],
    leaseSlackMinMs: ['3000', 3000],
    proofGrants: ['7', 7],
    proofTemplateKeys: ['77', 77],
    valueMaxBytes: ['777', 777],
    pipesPerUserMax: ['3', 3],
    idleOwnConnectionsMax: ['3', 3],
    groupWaitMs: ['20', 20],
  };
  const defaults = options({});
  for (const name of settingNames) {
    // One names the file itself, the other needs several listeners.
    if (name === 'config' || name === 'group') continue;
    const [text, json] = samples[name] ?? [String(defaults[name] as number).concat('1'), null];
    const fileValue = json ?? Number(text);
    const ways: Record<string, Given> = {
      flag: { argv: [flagName(name), text] },
      'flag with =': { argv: [`${flagName(name)}=${text}`] },
      environment: { env: { [variableName(name)]: text } },
      file: { file: { [kebabName(name)]: fileValue } },
    };
    if (name === 'check') ways.flag = { argv: ['--check'] };
    const wanted = settings[name].kind.fromText(text);
    t.not(wanted, undefined, `${name} allows ${text}`);
    for (const [way, given] of Object.entries(ways)) {
      const expected: Record<string, unknown> = { ...defaults, [name]: wanted };
      if (given.file !== undefined) expected.config = 'forelock.json';
      t.same(options(given), expected, `${name} by ${way}`);
    }
  }
});

t.test('a wrong value stops the start: setting, source, value and what is allowed', async t => {
  const cases: readonly (readonly [Given, string])[] = [
    [
      { argv: ['--drain-timeout-ms', 'soon'] },
      '--drain-timeout-ms (flag) is "soon"; allowed is a whole number of ms from 0 to 3600000',
    ],
    [
      { env: { FORELOCK_DRAIN_TIMEOUT_MS: '-1' } },
      'FORELOCK_DRAIN_TIMEOUT_MS (environment) is "-1"; allowed is a whole number of ms from 0 to 3600000',
    ],
    [
      { file: { 'drain-timeout-ms': '500' } },
      '"drain-timeout-ms" in forelock.json (file) is "500"; allowed is a whole number of ms from 0 to 3600000',
    ],
    [
      { argv: ['--mode', 'reserved'] },
      '--mode (flag) is "reserved"; allowed is observe, shadow, reserve',
    ],
    [
      { file: { delegate: ['a:*', 7] } },
      '"delegate" in forelock.json (file) is "[\\"a:*\\",7]"; allowed is ' +
        "patterns as Redis's KEYS takes them, separated by commas (in a file: an array), at most 1000",
    ],
  ];
  for (const [given, problem] of cases) t.same(problems(given), [problem], problem);
});

t.test('what is not allowed', async t => {
  const wrong: Readonly<Partial<Record<SettingName, readonly string[]>>> = {
    listen: ['7379', ':7379', 'host', '::1:7379', 'host:65536', 'host:-1', 'a b:1', 'host:1:2', ''],
    upstream: [
      'rediss://host:6379',
      'redis://',
      'redis://host:0',
      'redis://host:65536',
      'redis://host/db',
      'redis://host/0/1',
      'redis://host/1',
      'redis://user@host',
      'redis://u:%zz@host',
      'redis://::1:6379',
      'unix:relative',
      'http://host',
      'host:6379',
    ],
    mode: ['Reserve', ''],
    breathMs: ['1.5', '1e3', ' 500', '500ms', '9'],
    marginPercent: ['0.5', '51', 'NaN', 'Infinity'],
    marginMinMs: ['4'],
    coverLimitMs: ['99'],
    valueMaxBytes: ['1025'],
    upstreamSilenceMs: ['1001'],
    proofGrants: ['2'],
    proofTemplateKeys: ['19'],
    forecastSchedule: ['* * *', 'each second'],
    delegate: ['a,,b', ','],
    logLevel: ['verbose'],
  };
  for (const [name, texts] of Object.entries(wrong)) {
    for (const text of texts) {
      const found = problems({ argv: [`${flagName(name as SettingName)}=${text}`] });
      t.equal(found.length, 1, `${name} = ${JSON.stringify(text)}`);
    }
  }
});

t.test('a wrong value stops the start even where a better source overrules it', async t => {
  t.match(problems({ argv: ['--breath-ms', '20'], env: { FORELOCK_BREATH_MS: 'x' } }), [
    /^FORELOCK_BREATH_MS /,
  ]);
});

t.test('all that is wrong is told at once', async t => {
  const found = problems({
    argv: ['--mode', 'x', '--unheard-of', '1', 'stray', '--listen'],
    env: { FORELOCK_BREATH_MS: 'x' },
    file: { 'no-such-key': 1 },
  });
  t.match(found, [
    '--unheard-of is not a flag; forelock --help lists them',
    '"stray" is not a flag; forelock --help lists them',
    /^--listen needs a value; allowed is host:port/,
    '"no-such-key" in forelock.json is not a setting',
    /^FORELOCK_BREATH_MS /,
    /^--mode /,
  ]);
  t.equal(found.length, 6);
});

t.test('a slip of the pen is answered with what was meant', async t => {
  t.match(problems({ argv: ['--upsteam=x'] }), [/nearest: --upstream/]);
  t.match(problems({ file: { 'tenure-m': 1 } }), [/nearest: tenure-ms/]);
});

t.test('the configuration file', async t => {
  const gone = readCommand(['--config', 'gone.json'], {}, () => {
    throw Object.assign(new Error('gone'), { code: 'ENOENT' });
  });
  t.match(gone, { problems: ["the configuration file gone.json can't be read (ENOENT)"] });
  t.same(problems({ file: '{"mode": observe}' }), [
    'the configuration file forelock.json is not JSON',
  ]);
  t.same(problems({ file: [] }), ['the configuration file forelock.json is not a JSON object']);
  t.match(problems({ file: { config: 'other.json' } }), [/"config" can't stand in forelock.json/]);
  t.match(problems({ file: { __proto__x: 1 } }), [/is not a setting/]);
  t.same(problems({ file: '{"__proto__": {"mode": "observe"}}' }), [
    '"__proto__" in forelock.json is not a setting',
  ]);
  t.match(
    readCommand([], { FORELOCK_CONFIG: 'f' }, () => '{"mode":"observe"}'),
    {
      options: { mode: 'observe', config: 'f' },
    },
  );
});

t.test('lists: flags add up, a variable is split at commas, a file has an array', async t => {
  t.same(options({ argv: ['--delegate', 'a:*', '--delegate', 'b, c'] }).delegate, [
    'a:*',
    'b',
    'c',
  ]);
  t.same(options({ env: { FORELOCK_DELEGATE: 'a:*,b' } }).delegate, ['a:*', 'b']);
  t.same(options({ file: { delegate: ['a,b', ' c'] } }).delegate, ['a,b', ' c']);
  t.same(options({ argv: ['--delegate=ü'] }).delegate, ['\xc3\xbc'], 'a character for each byte');
});

t.test('any other flag given twice: the last one counts', async t => {
  t.equal(options({ argv: ['--mode', 'observe', '--mode=shadow'] }).mode, 'shadow');
});

t.test('an empty variable is not set', async t => {
  t.equal(options({ env: { FORELOCK_UPSTREAM: '' } }).upstream, null);
});

t.test('a variable that is no setting is warned of, those of Kubernetes are not', async t => {
  const env = {
    FORELOCK_UPSTREM: 'redis://h',
    FORELOCK_SERVICE_HOST: '10.0.0.1',
    FORELOCK_PORT: 'tcp://10.0.0.1:7379',
    FORELOCK_PORT_7379_TCP_ADDR: '10.0.0.1',
  };
  t.match(read({ env }), {
    kind: 'run',
    warnings: ['FORELOCK_UPSTREM is set but is not a setting'],
  });
});

t.test('settings that contradict each other', async t => {
  t.same(problems({ argv: ['--tenure-ms', '70000'] }), [
    '--tenure-ms is 70000, --tenure-max-ms (default) is 60000; ' +
      'allowed is only: --tenure-ms is at most --tenure-max-ms',
  ]);
  t.equal(problems({ env: { FORELOCK_UPSTREAM_SILENCE_MS: '400' } }).length, 1);
  t.equal(problems({ file: { 'lease-slack-min-ms': 20_000 } }).length, 1);
});

t.test('upstreams', async t => {
  const tcp = { kind: 'tcp', host: 'h', port: 6379, credentials: null };
  const login = (user: string, password: string) => ({ ...tcp, credentials: { user, password } });
  const cases: Readonly<Record<string, unknown>> = {
    'redis://h': tcp,
    'redis://h/': tcp,
    'REDIS://h:1/0': { ...tcp, port: 1 },
    'redis://[::1]:7': { ...tcp, host: '::1', port: 7 },
    'redis://[fe80::1%eth0]': { ...tcp, host: 'fe80::1%eth0' },
    'redis://:pw@h': login('default', 'pw'),
    'redis://bob:p%40w%3A@h': login('bob', 'p@w:'),
    'redis://bob:p@w@h': login('bob', 'p@w'),
    'redis://@h': tcp,
    'unix:/run/redis.sock': { kind: 'unix', path: '/run/redis.sock' },
    'unix:///run/redis.sock': { kind: 'unix', path: '/run/redis.sock' },
  };
  for (const [url, address] of Object.entries(cases)) {
    t.same(options({ argv: ['--upstream', url] }).upstream, [address], url);
  }
});

t.test('several listeners: pairs of --listen and --upstream, in order', async t => {
  const listen = ['127.0.0.1:1', '[::1]:2'];
  const upstream = ['redis://bob:a,b@h:1', 'unix:/run/a,b.sock'];
  const ways: Readonly<Record<string, Given>> = {
    'flag by flag': {
      argv: listen.flatMap((place, index) => [
        '--listen',
        place,
        '--upstream',
        upstream[index] ?? '',
        '--group',
      ]),
    },
    'flags with commas': {
      argv: [`--listen=${listen.join()}`, `--upstream=${upstream.join(', ')}`, '--group=true'],
    },
    environment: {
      env: {
        FORELOCK_LISTEN: listen.join(', '),
        FORELOCK_UPSTREAM: upstream.join(),
        FORELOCK_GROUP: 'true',
      },
    },
    file: { file: { listen, upstream, group: true } },
  };
  for (const [way, given] of Object.entries(ways)) {
    const all = options(given);
    t.same(
      all.listen.map(each => each.port),
      [1, 2],
      way,
    );
    t.match(all.upstream, [
      { host: 'h', port: 1, credentials: { user: 'bob', password: 'a,b' } },
      { kind: 'unix', path: '/run/a,b.sock' },
    ]);
    t.equal(all.group, true, way);
  }
});

t.test('several listeners that do not fit together', async t => {
  const cases: readonly (readonly [Given, string])[] = [
    [
      { argv: ['--listen', 'h:1', '--listen', 'h:2', '--upstream', 'redis://u:secret@r'] },
      '--listen is h:1, h:2, --upstream is redis://r:6379; ' +
        'allowed is only: one --upstream for each --listen, in the same order',
    ],
    [
      { env: { FORELOCK_LISTEN: 'h:1,h:2' } },
      'FORELOCK_LISTEN is h:1, h:2, --upstream (default) is a private redis-server, which keeps ' +
        'nothing on disk and ends with Forelock; ' +
        'allowed is only: one --upstream for each --listen, in the same order',
    ],
    [
      { file: { listen: ['[::1]:1', '[::1]:1'], upstream: ['redis://a', 'redis://b'] } },
      '"listen" in forelock.json is [::1]:1, [::1]:1; ' +
        'allowed is only: each --listen is another address',
    ],
    [
      { argv: ['--listen=h:0,h:0', '--upstream=redis://u:secret@a,redis://a:6379'] },
      '--upstream is redis://a:6379, redis://a:6379; ' +
        'allowed is only: each --upstream is another Redis',
    ],
    [
      { argv: ['--group'] },
      '--group is true, --listen (default) is 127.0.0.1:7379; allowed is only: --group has ' +
        'two or more --listen, each with its --upstream: the masters of a Redlock',
    ],
  ];
  for (const [given, problem] of cases) t.same(problems(given), [problem], problem);
  t.same(
    problems({ argv: ['--listen=h:0,h:0', '--upstream=redis://a,redis://b', '--group'] }),
    [],
    'port 0 twice: each takes a free one',
  );
});

t.test('no message quotes a password', async t => {
  const secret = 'hunter2';
  const values = [
    `redis://bob:${secret}@host:port`,
    `rediss://:${secret}@host`,
    `redis:/${secret}@host`,
    `bob:${secret}@host`,
    `redis://host:${secret}`,
    `redis://host:6379?password=${secret}`,
    `redis://host?password=${secret}`,
  ];
  for (const value of values) {
    const told = [
      ...problems({ argv: ['--upstream', value] }),
      ...problems({ argv: ['--upstrem', value] }),
      ...problems({ argv: ['upstream', value] }),
      ...problems({ env: { FORELOCK_UPSTREAM: value } }),
      ...problems({ file: { upstream: value } }),
      ...problems({ file: { upstream: [value] } }),
      ...problems({ file: `{"upstream": "${value}" "mode"}` }),
    ];
    t.ok(told.length >= 7, value);
    t.notOk(told.join('\n').includes(secret), `${value}: ${told.join('\n')}`);
  }
});

t.test('--help and --version outrank everything else', async t => {
  t.equal(read({ argv: ['--mode', 'x', '--help'] }).kind, 'help');
  t.equal(read({ argv: ['--version', '--nonsense'] }).kind, 'version');
  t.equal(read({ argv: ['--check'] }).kind, 'check');
  t.equal(read({ argv: ['--check', '--mode', 'x'] }).kind, 'wrong');
  t.equal(read({ argv: ['--check=false'] }).kind, 'run');
});

t.test('the help names every flag, each line short enough for a terminal', async t => {
  const help = helpText();
  for (const name of settingNames) t.ok(help.includes(`\n  ${flagName(name)}`), name);
  for (const line of help.split('\n')) {
    if (line.startsWith('      ')) t.ok(line.length <= 96, line);
  }
});

t.test('the parts take their options from here, and have the same defaults', async t => {
  const all = options({});
  // That it compiles shows that all of their options are settings.
  const parts: [LockOptions, AllocatorOptions, ForecasterOptions, SessionOptions] = [
    all,
    all,
    all,
    all,
  ];
  const upstream: Omit<UpstreamOptions & ControlOptions, 'endpoint' | 'credentials'> = all;
  t.equal(parts.length, 4);
  t.ok(upstream);
  const known: Readonly<Record<string, unknown>> = { ...all };
  for (const defaults of [lockDefaults, allocatorDefaults, forecasterDefaults, scriptDefaults]) {
    for (const [name, value] of Object.entries(defaults)) t.same(known[name], value, name);
  }
});
