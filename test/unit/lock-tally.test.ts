import t from 'tap';
import { LockTally, share } from '../../src/observe/lock-tally.js';

t.test('a share of nothing is not known', async t => {
  t.equal(share(0, 0), null);
  t.equal(share(0, 4), 0);
  t.equal(share(3, 1), 0.75);
});

t.test('reasons of doubt stay few, whatever they are', async t => {
  const tally = new LockTally(() => {});
  for (let n = 0; n < 1000; n++) tally.doubted(`reason ${n}`);
  tally.doubted('reason 0');
  t.ok(tally.doubts.size <= 33);
  t.equal(tally.doubts.get('reason 0'), 2);
  t.equal(tally.doubts.get('other'), 1000 - 32);
});

t.test('it listens to the feedback, and all of it goes on', async t => {
  const heldMs: number[] = [];
  const told: unknown[][] = [];
  const tell =
    (name: string) =>
    (...facts: unknown[]): void => {
      told.push([name, ...facts]);
    };
  const tally = new LockTally(ms => heldMs.push(ms));
  const feedback = tally.listening({
    requested: tell('requested'),
    granted: tell('granted'),
    refused: tell('refused'),
    released: tell('released'),
    reservationEnded: tell('reservationEnded'),
  });
  feedback.requested(0, 'k', 1, 10);
  feedback.granted(0, 'k', 1, true, 11);
  feedback.refused(0, 'k', 2, 12);
  feedback.released(0, 'k', 13, 24);
  feedback.reservationEnded(0, 'k', true, 5);
  t.same(told, [
    ['requested', 0, 'k', 1, 10],
    ['granted', 0, 'k', 1, true, 11],
    ['refused', 0, 'k', 2, 12],
    ['released', 0, 'k', 13, 24],
    ['reservationEnded', 0, 'k', true, 5],
  ]);
  t.same(heldMs, [13]);
  t.equal(tally.requests, 1);
});
