import t from 'tap';
import { Twins } from '../harness/twins.js';

/** Names of ours (`forelock:…`) are told to nobody who does not ask for them (invariant 5). */

const GREETINGS = { RESP2: [['HELLO', '2']], RESP3: [['HELLO', '3']] };

/** What the client is in when it asks: each way takes the commands along another path. */
const STATES = {
  'on the shared pipe': [],
  'on its own connection': [['WATCH', 'other']],
  'in a transaction': [['MULTI']],
};

for (const [protocol, hello] of Object.entries(GREETINGS)) {
  t.test(`a database that holds nothing but names of ours looks empty, ${protocol}`, async t => {
    const twins = await Twins.start(t, { forelockArgs: ['--randomkey-tries-max', '2'] });
    const ours = await twins.behind.connect(t);
    await ours.call('SET', 'forelock:fence', '1');
    await ours.call('SET', 'forelock:{k}:k', '{}');
    for (const [state, commands] of Object.entries(STATES)) {
      const pair = await twins.pair(t, ...hello);
      for (const command of commands) await pair.call(...command);
      for (const command of [['RANDOMKEY'], ['KEYS', '*'], ['SCAN', '0', 'COUNT', '100']]) {
        await pair.same(t, ...command);
      }
      if (state === 'in a transaction') await pair.same(t, 'EXEC');
      pair.destroy();
    }
  });
}

t.test('the channels by which several Forelocks talk are told to nobody', async t => {
  const twins = await Twins.start(t);
  for (const commands of Object.values(STATES)) {
    const pair = await twins.pair(t);
    await twins.onBoth('PING');
    for (const command of commands) await pair.call(...command);
    await pair.same(t, 'PUBSUB', 'CHANNELS');
    await pair.same(t, 'PUBSUB', 'CHANNELS', '*');
    if (commands.flat().includes('MULTI')) await pair.same(t, 'EXEC');
    pair.destroy();
  }
  const client = await twins.forelock.connect(t);
  t.match(
    await client.call('PUBSUB', 'CHANNELS', 'forelock:*'),
    /forelock:proxy:/,
    'but asked for',
  );
});

t.test('RANDOMKEY finds the one key that is not ours', async t => {
  const twins = await Twins.start(t);
  const ours = await twins.behind.connect(t);
  await twins.onBoth('SET', 'theirs', '1');
  for (let number = 0; number < 9; number++) await ours.call('SET', `forelock:${number}`, '1');
  for (const state of [[], [['WATCH', 'other']]]) {
    const pair = await twins.pair(t);
    for (const command of state) await pair.call(...command);
    for (let time = 0; time < 10; time++) await pair.same(t, 'RANDOMKEY');
  }
});
