/**
 * An application that takes one lock again and again, as it would straight on Redis: nothing in it
 * knows of Forelock. Each second it says how long its acquires took.
 */
import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';

const redis = new Redis(process.env.REDIS_URL ?? 'redis://127.0.0.1:6379');
redis.on('error', error => console.error(error.message));
/** How many locks to take; without it, as many as there is time for. */
const cyclesMax = Number(process.env.CYCLES ?? Infinity);
const RELEASE =
  'if redis.call("get",KEYS[1]) == ARGV[1] then return redis.call("del",KEYS[1]) else return 0 end';

const sleep = ms => new Promise(resolve => setTimeout(resolve, ms));
let ending = false;
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => (ending = true));

let tookMs = [];
let saidAtMs = performance.now();

function say() {
  tookMs.sort((a, b) => a - b);
  const p50 = tookMs[Math.floor(tookMs.length / 2)] ?? Number.NaN;
  console.log(`${tookMs.length} locks, acquire p50 ${p50.toFixed(2)} ms`);
  tookMs = [];
  saidAtMs = performance.now();
}

for (let cycle = 0; cycle < cyclesMax && !ending; cycle++) {
  const value = randomUUID();
  const startedAtMs = performance.now();
  const acquired = await redis.set('example:lock', value, 'PX', 10_000, 'NX');
  if (acquired === 'OK') {
    tookMs.push(performance.now() - startedAtMs);
    await redis.eval(RELEASE, 1, 'example:lock', value);
  }
  await sleep(20);
  if (performance.now() - saidAtMs > 1000) say();
}
say();
await redis.quit();
