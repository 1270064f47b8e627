import { request } from 'node:http';
import { connect } from 'node:net';
import t from 'tap';
import { LockCounters } from '../../src/locks/counters.js';
import { createHttp, type HttpListener } from '../../src/observe/http.js';
import { LockTally } from '../../src/observe/lock-tally.js';
import { createHoldHistogram, createMetrics } from '../../src/observe/metrics.js';
import { notReadyBecause } from '../../src/observe/sources.js';
import type { Lifetime } from '../harness/lifetime.js';
import { observed, silent } from '../harness/observed.js';

const UPSTREAM = 'redis://10.0.0.1:6379';
/** The label of what belongs to one listener. */
const OF = `upstream="${UPSTREAM}"`;

interface Served {
  readonly port: number;
  readonly http: HttpListener;
  readonly state: { reachable: boolean; draining: boolean; heardMsAgo: number };
  readonly tally: LockTally;
  readonly counters: LockCounters;
  readonly failures: unknown[];
}

const LIMITS = {
  httpHeaderMaxBytes: 8192,
  httpRequestTimeoutMs: 10_000,
  httpIdleTimeoutMs: 5000,
  httpConnectionsMax: 64,
};

async function serve(t: Lifetime, metricsText?: () => Promise<string>): Promise<Served> {
  const state = { reachable: true, draining: false, heardMsAgo: 0 };
  const holds = createHoldHistogram();
  const tally = new LockTally(heldMs => holds.observe({ upstream: UPSTREAM }, heldMs / 1000));
  const counters = new LockCounters();
  const sources = observed({
    counters,
    tally,
    isReachable: () => state.reachable,
    isDraining: () => state.draining,
    lastHeardMsAgo: () => state.heardMsAgo,
  });
  const metrics = createMetrics([sources], holds, () => 4);
  const failures: unknown[] = [];
  const http = createHttp(LIMITS, {
    notReady: () => notReadyBecause([sources]),
    metrics: metricsText === undefined ? metrics : { ...metrics, text: metricsText },
    failed: error => failures.push(error),
  });
  const { port } = await http.listen('127.0.0.1', 0);
  t.teardown(() => http.close());
  return { port, http, state, tally, counters, failures };
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

function ask(port: number, path: string, method = 'GET', body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, method, agent: false }, response => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        text += part;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
      );
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

/** Sends raw bytes and returns all that comes back until the connection ends. */
function raw(port: number, bytes: string): Promise<string> {
  return new Promise(resolve => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes, 'latin1'));
    socket.setEncoding('latin1');
    socket.on('data', part => {
      text += part;
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
  });
}

t.test('/healthz answers while the process lives, whatever Redis does', async t => {
  const { port, state } = await serve(t);
  state.reachable = false;
  t.match(await ask(port, '/healthz'), { status: 200, body: 'alive\n' });
});

t.test('/readyz is 503 while Redis is silent or unreachable, and while it drains', async t => {
  const { port, state } = await serve(t);
  t.match(await ask(port, '/readyz'), { status: 200, body: 'ready\n' });
  state.heardMsAgo = 3000;
  t.match(await ask(port, '/readyz'), { status: 200 }, 'a slow command is no loss');
  state.heardMsAgo = 3001;
  t.match(await ask(port, '/readyz'), { status: 503, body: 'upstream silent\n' });
  state.reachable = false;
  t.match(await ask(port, '/readyz'), { status: 503, body: 'upstream unreachable\n' });
  state.draining = true;
  t.match(await ask(port, '/readyz'), { status: 503, body: 'draining\n' });
});

t.test('several listeners: each counts, of a group a majority is enough', async t => {
  const cases: readonly (readonly [grouped: boolean, away: readonly boolean[], string | null])[] = [
    [false, [false, false, false], null],
    [false, [true, false, false], 'redis://10.0.0.1:1: upstream unreachable'],
    [true, [true, false, false], null],
    [
      true,
      [true, false, true],
      'redis://10.0.0.1:1: upstream unreachable; redis://10.0.0.1:3: upstream unreachable',
    ],
    // Two masters have a majority of two.
    [true, [false, true], 'redis://10.0.0.1:2: upstream unreachable'],
    [
      true,
      [true, false, true, false],
      'redis://10.0.0.1:1: upstream unreachable; redis://10.0.0.1:3: upstream unreachable',
    ],
  ];
  for (const [grouped, away, reason] of cases) {
    const listeners = away.map((isAway, index) =>
      observed({
        isReachable: () => !isAway,
        address: `redis://10.0.0.1:${index + 1}`,
        groupSize: grouped ? away.length : null,
      }),
    );
    t.equal(notReadyBecause(listeners), reason);
    const text = await createMetrics(listeners, createHoldHistogram(), () => 0).text();
    t.match(text, new RegExp(`^forelock_ready ${reason === null ? 1 : 0}$`, 'm'));
    away.forEach((isAway, index) => {
      const line = `forelock_upstream_reachable{upstream="redis://10.0.0.1:${index + 1}"}`;
      t.ok(text.includes(`\n${line} ${isAway ? 0 : 1}\n`), line);
    });
  }
});

t.test('/metrics holds what was counted, with units in the names', async t => {
  const { port, tally, counters } = await serve(t);
  tally.requests = 6;
  tally.doubted('role changed');
  tally.listening(silent).released(0, 'k', 30, 0);
  counters.grantsFromMemory = 3;
  counters.grantsThroughRedis = 2;
  counters.refusalsThroughRedis = 1;
  counters.reservationsWasted = 4;
  counters.scripts.want = 9;
  counters.touches = 5;
  counters.touchesDelayed = 2;
  for (let scrape = 1; scrape <= 2; scrape++) {
    const { status, headers, body } = await ask(port, '/metrics');
    t.equal(status, 200);
    t.match(headers['content-type'], /^text\/plain; version=0\.0\.4/);
    for (const line of [
      'forelock_info{version="9.9.9",mode="reserve"} 1',
      'forelock_ready 1',
      `forelock_upstream_reachable{${OF}} 1`,
      `forelock_upstream_pipes{${OF}} 2`,
      `forelock_clients_connected{${OF}} 3`,
      `forelock_clients_accepted_total{${OF}} 7`,
      `forelock_lock_requests_total{${OF}} 6`,
      `forelock_lock_grants_total{by="memory",${OF}} 3`,
      `forelock_lock_grants_total{by="redis",${OF}} 2`,
      `forelock_lock_refusals_total{by="redis",${OF}} 1`,
      `forelock_lock_hold_seconds_bucket{le="0.025",${OF}} 0`,
      `forelock_lock_hold_seconds_bucket{le="0.05",${OF}} 1`,
      `forelock_lock_hold_seconds_sum{${OF}} 0.03`,
      `forelock_reservations_total{outcome="wasted",${OF}} 4`,
      `forelock_scripts_total{script="want",${OF}} 9`,
      `forelock_touches_total{kind="at once",${OF}} 3`,
      `forelock_doubts_total{reason="role changed",${OF}} 1`,
      'forelock_log_lines_dropped_total 4',
    ]) {
      t.ok(body.includes(`\n${line}\n`), `scrape ${scrape}: ${line}`);
    }
    t.match(body, /^process_resident_memory_bytes \d/m);
  }
});

t.test('all else is 404, all but GET and HEAD is 405', async t => {
  const { port } = await serve(t);
  for (const path of ['/', '/metrics/', '/healthz2', '//', '/%', '/?x', '/../etc/passwd']) {
    t.match(await ask(port, path), { status: 404 }, path);
  }
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE']) {
    t.match(await ask(port, '/healthz', method), { status: 405, headers: { allow: 'GET, HEAD' } });
  }
  t.match(await ask(port, '/healthz?probe=1'), { status: 200 });
  const head = await ask(port, '/healthz', 'HEAD');
  t.match(head, { status: 200, body: '', headers: { 'content-length': '6' } });
});

t.test('a request with a body is answered, and its connection ends', async t => {
  const { port } = await serve(t);
  const answer = await ask(port, '/healthz', 'POST', 'x'.repeat(100_000));
  t.match(answer, { status: 405, headers: { connection: 'close' } });
});

t.test('odd requests end their connection and nothing else', async t => {
  const { port } = await serve(t);
  t.match(await raw(port, '*1\r\n$4\r\nPING\r\n'), /^HTTP\/1\.1 400 /);
  t.match(await raw(port, '\0\xff\r\n\r\n'), /^HTTP\/1\.1 400 /);
  t.match(await raw(port, 'GET / HTTP/9.9\r\n\r\n'), /^HTTP\/1\.1 (400|505) /);
  const long = `GET /healthz HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(10_000)}\r\n\r\n`;
  t.match(await raw(port, long), /^HTTP\/1\.1 431 /);
  t.match(await raw(port, 'GET /healthz HTTP/1.1\r\n\r\n'), /^HTTP\/1\.1 400 /, 'no host');
  t.equal(await raw(port, 'CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n'), '');
  const upgrade =
    'GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: upgrade, close\r\nupgrade: h2c\r\n\r\n';
  t.match(await raw(port, upgrade), /^HTTP\/1\.1 200 /);
  t.match(await ask(port, '/healthz'), { status: 200 });
});

t.test('a page that fails is a 500 that tells nothing, and the log is told', async t => {
  const { port, failures } = await serve(t, () => Promise.reject(new Error('secret detail')));
  t.match(await ask(port, '/metrics'), { status: 500, body: 'failed, see the log\n' });
  t.match(failures, [/secret detail/]);
  t.match(await ask(port, '/healthz'), { status: 200 });
});

t.test('a taken port rejects with the code', async t => {
  const first = await serve(t);
  const second = createHttp(LIMITS, {
    notReady: () => null,
    metrics: { text: async () => '', contentType: 'text/plain' },
    failed: () => {},
  });
  await t.rejects(second.listen('127.0.0.1', first.port), { code: 'EADDRINUSE' });
});

t.test('closing does not wait for idle connections', async t => {
  const { port, http } = await serve(t);
  const idle = connect(port, '127.0.0.1');
  await new Promise(resolve => idle.once('connect', resolve));
  const closed = new Promise(resolve => idle.once('close', resolve));
  idle.on('error', () => {});
  await http.close();
  await closed;
  t.pass('closed');
});
