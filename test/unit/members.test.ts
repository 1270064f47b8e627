import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { Members, type MembersOptions } from '../../src/fleet/members.js';

/** What Redis tells of another Forelock that beats no more, and what it is asked. */
function besideASilentOne(options: Partial<MembersOptions>) {
  const asked: string[] = [];
  const members = new Members(
    {
      ask: (words, answered) => {
        asked.push(words.join(' '));
        answered(words[0] === 'HGETALL' ? ['silent', 'e1:7'] : 1);
      },
    },
    'mine',
    'e2',
    () => false,
    { fleetHeartbeatMs: 20, fleetBeatsMissedMax: 3, fleetForgottenMs: 60_000, ...options },
  );
  t.teardown(() => members.leave());
  members.beat();
  return { members, asked };
}

t.test(
  'fleetBeatsMissedMax: after so many beats without its own one is taken for gone',
  async t => {
    for (const [fleetBeatsMissedMax, isThere] of [
      [1, false],
      [1000, true],
    ] as const) {
      const { members } = besideASilentOne({ fleetBeatsMissedMax });
      t.strictSame(members.others(), ['silent'], 'at first nobody knows that it is gone');
      await sleep(60);
      members.beat();
      t.strictSame(members.others(), isThere ? ['silent'] : [], `${fleetBeatsMissedMax} beats`);
    }
  },
);

t.test('fleetForgottenMs: after so long it is struck off the list', async t => {
  for (const [fleetForgottenMs, isStruck] of [
    [30, true],
    [60_000, false],
  ] as const) {
    const { members, asked } = besideASilentOne({ fleetForgottenMs });
    t.ok(asked.includes(`PEXPIRE forelock:proxies ${fleetForgottenMs}`), 'the list itself as well');
    await sleep(60);
    members.beat();
    t.equal(asked.includes('HDEL forelock:proxies silent'), isStruck, `${fleetForgottenMs} ms`);
  }
});
