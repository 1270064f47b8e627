import t from 'tap';
import { scheduleRefresh } from '../../src/forecast/schedule.js';

t.test('a refresh is run by the cron expression, until it is stopped', async t => {
  let runs = 0;
  const failures: unknown[] = [];
  const schedule = scheduleRefresh(
    '* * * * * *',
    () => {
      runs++;
      if (runs === 1) throw new Error('the first one fails');
    },
    error => failures.push(error),
  );
  const seconds = (count: number): Promise<void> =>
    new Promise(resolve => {
      setTimeout(resolve, count * 1000);
    });
  await seconds(2.5);
  schedule.stop();
  const before = runs;
  t.ok(before >= 2, 'a failure does not end it');
  t.match(failures, [{ message: 'the first one fails' }]);
  await seconds(1.2);
  t.equal(runs, before);
});
