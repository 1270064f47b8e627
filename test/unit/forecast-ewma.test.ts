import t from 'tap';
import { EwmaForecast, ewmaDefaults } from '../../src/forecast/ewma.js';

function ask(forecast: EwmaForecast, key: string, gapsMs: readonly number[], fromMs = 0): number {
  let atMs = fromMs;
  forecast.requested(0, key, 1, atMs);
  for (const gap of gapsMs) {
    atMs += gap;
    forecast.requested(0, key, 1, atMs);
  }
  return atMs;
}

const steady = (gapMs: number, count = 20): number[] => Array(count).fill(gapMs);

t.test('nothing is forecast of a key that was asked for once, or never', async t => {
  const forecast = new EwmaForecast();
  t.equal(forecast.score(0, 'lock', 500, 0), 0);
  forecast.requested(0, 'lock', 1, 0);
  t.equal(forecast.score(0, 'lock', 500, 10), 0);
  t.equal(forecast.intervalMs(0, 'lock'), null);
});

t.test('a lock that is asked for every 20 ms is as good as certain within 500 ms', async t => {
  const forecast = new EwmaForecast();
  const lastMs = ask(forecast, 'lock', steady(20));
  t.ok(forecast.score(0, 'lock', 500, lastMs + 1) > 0.9);
  t.equal(Math.round(forecast.intervalMs(0, 'lock') ?? 0), 20);
});

t.test('a lock that is asked for every 5 s is forecast shortly before its time alone', async t => {
  const forecast = new EwmaForecast();
  const lastMs = ask(forecast, 'lock', steady(5000));
  const score = (afterMs: number): number => forecast.score(0, 'lock', 500, lastMs + afterMs);
  t.ok(score(100) < 0.01, 'just asked for');
  t.ok(score(3000) < 0.05);
  t.ok(score(4750) > 0.5, 'due');
});

t.test('an overdue lock goes quiet', async t => {
  const forecast = new EwmaForecast();
  const lastMs = ask(forecast, 'lock', steady(5000));
  t.ok(forecast.score(0, 'lock', 500, lastMs + 10_000) < 0.05);
  t.ok(forecast.score(0, 'lock', 500, lastMs + 1e9) < 0.01);
});

t.test(
  'a lock that was held for longer than usual is asked for later, and not overdue',
  async t => {
    const forecast = new EwmaForecast();
    let atMs = 0;
    for (let cycle = 0; cycle < 20; cycle++) {
      forecast.requested(0, 'lock', 1, atMs);
      forecast.released(0, 'lock', 5);
      atMs += 100;
    }
    forecast.requested(0, 'lock', 1, atMs);
    t.ok(forecast.score(0, 'lock', 500, atMs + 2000) < 0.2, 'nothing was heard for 2 s');
    forecast.released(0, 'lock', 2000);
    t.ok(forecast.score(0, 'lock', 500, atMs + 2000) > 0.8, 'it was held for that long');
    forecast.requested(0, 'lock', 1, atMs + 2095);
    t.equal(Math.round(forecast.intervalMs(0, 'lock') ?? 0), 100, 'the usual gap is what it was');
  },
);

t.test('a pause of a few milliseconds ends no quick rhythm', async t => {
  const forecast = new EwmaForecast();
  const lastMs = ask(forecast, 'lock', steady(1));
  t.ok(forecast.score(0, 'lock', 500, lastMs + 4) > 0.5);
});

t.test('irregular requests make low scores of long gaps', async t => {
  const forecast = new EwmaForecast();
  const gaps = [300, 9000, 1200, 20_000, 700, 5000, 15_000, 400, 8000, 2000];
  const lastMs = ask(forecast, 'lock', gaps);
  const scores = [0, 500, 1000, 2000, 4000, 8000].map(afterMs =>
    forecast.score(0, 'lock', 500, lastMs + afterMs),
  );
  for (const score of scores) t.ok(score < 0.5, `${score}`);
});

t.test('a new rhythm is learnt within a few requests', async t => {
  const forecast = new EwmaForecast();
  const lastMs = ask(forecast, 'lock', [...steady(5000), ...steady(100, 12)]);
  t.ok(forecast.score(0, 'lock', 500, lastMs + 1) > 0.5);
});

t.test('scores are probabilities, whatever was asked when', async t => {
  const forecast = new EwmaForecast();
  ask(forecast, 'lock', [0, 0, 1, -5, 1e9, 0, 3], 1e6);
  for (const window of [0, 1, 500, 1e12]) {
    for (const now of [0, 1e6, 2e9, 1e15]) {
      const score = forecast.score(0, 'lock', window, now);
      t.ok(score >= 0 && score <= 1, `${score}`);
    }
  }
});

t.test('keys are of a database', async t => {
  const forecast = new EwmaForecast();
  const lastMs = ask(forecast, 'lock', steady(20));
  t.equal(forecast.score(1, 'lock', 500, lastMs), 0);
});

t.test('the number of keys is bounded, those unheard of for longest make room', async t => {
  const forecast = new EwmaForecast({ ...ewmaDefaults, forecastKeysMax: 50 });
  for (let key = 0; key < 500; key++) ask(forecast, `key${key}`, [1], key * 10);
  t.equal([...forecast.keys()].length, 50);
  t.ok([...forecast.keys()].some(({ key }) => key === 'key499'));
});

t.test('a refresh forgets what is quiet for ten minutes and many of its gaps', async t => {
  const forecast = new EwmaForecast();
  ask(forecast, 'often', steady(20));
  ask(forecast, 'daily', steady(86_400_000));
  forecast.refresh(3_600_000 + 20 * 86_400_000);
  t.strictSame(
    [...forecast.keys()].map(({ key }) => key),
    ['daily'],
  );
});

t.test('when a key is forgotten is set', async t => {
  for (const [forecastForgetMs, left] of [
    [60_000, 0],
    [600_000, 1],
  ] as const) {
    const forecast = new EwmaForecast({ ...ewmaDefaults, forecastForgetMs });
    const lastMs = ask(forecast, 'lock', steady(20));
    forecast.refresh(lastMs + 61_000);
    t.equal([...forecast.keys()].length, left, `${forecastForgetMs} ms`);
  }
});

t.test('how many templates are remembered is set', async t => {
  for (const [forecastTemplatesMax, known] of [
    [1, false],
    [2, true],
  ] as const) {
    const forecast = new EwmaForecast({ ...ewmaDefaults, forecastTemplatesMax });
    const nowMs = orders(forecast, 30, 40);
    ask(forecast, 'stock:1', [40], nowMs);
    forecast.requested(0, 'order:1000', 1, nowMs);
    const score = forecast.score(0, 'order:1000', 500, nowMs + 5);
    t.equal(score > 0.9, known, `${forecastTemplatesMax}: ${score}`);
  }
});

t.test('after which silence requests in a row are over is set', async t => {
  // Orders of two requests each: how soon is a third request, after a pause, a first one again?
  const scoreAfter = (requestsOverMs: number): number => {
    const forecast = new EwmaForecast({ ...ewmaDefaults, requestsOverMs });
    let atMs = 0;
    for (let order = 0; order < 30; order++) {
      atMs = ask(forecast, `order:${order}`, [5], atMs) + 500;
      forecast.refresh(atMs);
    }
    forecast.requested(0, 'order:1000', 1, atMs);
    forecast.requested(0, 'order:1000', 1, atMs + 5);
    return forecast.score(0, 'order:1000', 500, atMs + 8);
  };
  t.ok(scoreAfter(400) < 0.2, 'each order was seen to end');
  t.ok(scoreAfter(60_000) > 0.8, 'none was yet');
});

t.test('due are the keys whose next request may come in that time', async t => {
  const forecast = new EwmaForecast();
  const lastMs = ask(forecast, 'lock', steady(5000));
  const due = (fromMs: number): number =>
    [...forecast.due(lastMs + fromMs, lastMs + fromMs + 1000)].length;
  t.strictSame([due(0), due(4500), due(60_000)], [0, 1, 0]);
});

/** Four seconds in which nothing comes; returns their end. */
function quiet(forecast: EwmaForecast, fromMs: number): number {
  for (const second of [1, 2, 3, 4]) forecast.refresh(fromMs + second * 1000);
  return fromMs + 4000;
}

/** Orders, each asked for three times at this pace and never again. */
function orders(forecast: EwmaForecast, count: number, gapMs: number): number {
  let atMs = 0;
  for (let order = 0; order < count; order++) {
    atMs = ask(forecast, `order:${order}`, [gapMs, gapMs], atMs);
    atMs = quiet(forecast, atMs);
  }
  return atMs;
}

t.test(
  'a key never seen before is forecast from how the keys of its template are used',
  async t => {
    const forecast = new EwmaForecast();
    const nowMs = orders(forecast, 30, 40);
    t.equal(forecast.score(0, 'order:1000', 500, nowMs), 0, 'not before anybody asks for it');
    forecast.requested(0, 'order:1000', 1, nowMs);
    t.ok(forecast.score(0, 'order:1000', 500, nowMs + 5) > 0.9, 'a second step follows');
    forecast.requested(0, 'order:1000', 1, nowMs + 40);
    t.ok(forecast.score(0, 'order:1000', 500, nowMs + 45) > 0.9, 'and a third');
    forecast.requested(0, 'order:1000', 1, nowMs + 80);
    t.ok(forecast.score(0, 'order:1000', 500, nowMs + 85) < 0.1, 'and no fourth');
  },
);

t.test('what one template is used like says nothing of another', async t => {
  const forecast = new EwmaForecast();
  const nowMs = orders(forecast, 30, 40);
  forecast.requested(0, 'stock:1', 1, nowMs);
  t.equal(forecast.score(0, 'stock:1', 500, nowMs + 5), 0);
});

t.test('a template that changes its ways is forecast by the new ones', async t => {
  const forecast = new EwmaForecast();
  let nowMs = orders(forecast, 50, 40);
  for (let order = 1000; order < 1400; order++) {
    forecast.requested(0, `order:${order}`, 1, nowMs);
    nowMs = quiet(forecast, nowMs);
  }
  forecast.requested(0, 'order:5000', 1, nowMs);
  t.ok(forecast.score(0, 'order:5000', 500, nowMs + 5) < 0.2);
});
