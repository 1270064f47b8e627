import t from 'tap';
import { type Signalled, type StopSignal, stopSignal } from '../../src/stop-signal.js';

/** A process whose signals and clock a test moves. */
function made() {
  const heard = new Map<StopSignal, () => void>();
  const exits: number[] = [];
  const process: Signalled = {
    on: (signal, listener) => heard.set(signal, listener),
    exit: code => exits.push(code),
  };
  const clock = { nowMs: 1000 };
  const stop = stopSignal(process, () => clock.nowMs);
  return { send: (signal: StopSignal) => heard.get(signal)?.(), exits, clock, stop };
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  t.test(`${signal} is a wish to stop, and ends nothing by itself`, async t => {
    const { send, stop, exits } = made();
    send(signal);
    t.equal(await stop, signal);
    t.same(exits, []);
  });
}

t.test('a second signal, of either kind, ends the process at once', async t => {
  const { send, exits, clock } = made();
  send('SIGTERM');
  clock.nowMs += 251;
  send('SIGINT');
  t.same(exits, [1]);
});

t.test('the same press of Ctrl-C, heard twice, is one wish', async t => {
  const { send, exits, clock } = made();
  send('SIGINT');
  clock.nowMs += 250;
  send('SIGINT');
  t.same(exits, []);
});
