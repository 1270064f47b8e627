import t from 'tap';
import type { Touch } from '../../src/locks/contract.js';
import { KeptTouches } from '../../src/session/kept-touches.js';

/** Touches of WATCH and MULTI: each is ended once, and none is kept in vain. */

const touch = (database: number, keys: string[] | null): Touch => ({
  database,
  keys,
  bars: false,
  ready: () => undefined,
  unsettled: () => undefined,
});

const started = () => {
  const ended: Touch[] = [];
  return { ended, kept: new KeptTouches({ touchEnded: one => ended.push(one) }) };
};

t.test('each is ended once, at the end', async t => {
  const { ended, kept } = started();
  const touches = [touch(0, ['a', 'b']), touch(0, ['b', 'c']), touch(1, ['a']), touch(0, null)];
  for (const one of touches) kept.keep(one);
  t.same(ended, []);
  kept.end();
  t.same(ended, touches);
  kept.end();
  t.equal(ended.length, touches.length);
});

t.test(
  'one that touches nothing new is ended at once, and the first of its kind stays',
  async t => {
    const { ended, kept } = started();
    const first = touch(0, ['a', 'b']);
    const again = touch(0, ['b']);
    kept.keep(first);
    kept.keep(again);
    t.same(ended, [again]);
    const every = touch(2, null);
    kept.keep(every);
    kept.keep(touch(2, null));
    t.equal(ended.length, 2);
    kept.end();
    t.same(ended.slice(2), [first, every]);
  },
);

t.test('after the end all is new', async t => {
  const { ended, kept } = started();
  kept.keep(touch(0, ['a']));
  kept.end();
  kept.keep(touch(0, ['a']));
  t.equal(ended.length, 1);
});
