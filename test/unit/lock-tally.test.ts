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

t.test('each released lock tells how long it was held', async t => {
  const held: number[] = [];
  const tally = new LockTally(heldMs => held.push(heldMs));
  tally.released(0, 'k', 12);
  tally.released(0, 'k', 34);
  t.same(held, [12, 34]);
  t.equal(tally.releases, 2);
});
