import t from 'tap';
import { CommandTable } from '../../src/intent/command-table.js';
import { ScriptKnowledge } from '../../src/intent/scripts.js';
import { touchesOfLarge } from '../../src/session/large-request.js';
import type { Session } from '../../src/session/session.js';
import { scopesOf, TouchSet } from '../../src/session/touches.js';
import { Scene } from '../simulation/scene.js';

// What a client's command touches, up to the moment at which it is sent.

const table = new CommandTable([['mget', -2, ['readonly', 'fast'], 1, -1, 1]]);

/** A client of this scene, as far as its touches go. */
function clientOf(scene: Scene, database = 0): Session {
  const client = {
    gateway: { commands: () => table, desk: scene.manager, scripts: new ScriptKnowledge() },
    own: { databases: [database], has: () => false },
  };
  return client as unknown as Session;
}

t.test('a command that touches no lock need not wait, nor be counted', async t => {
  const scene = new Scene();
  t.strictSame(scopesOf(clientOf(scene), ['mget', 'a', 'b'], true, false), []);
  scene.delegate('lock');
  t.strictSame(scopesOf(clientOf(scene), ['mget', 'a', 'b'], true, false), []);
  t.strictSame(scopesOf(clientOf(scene, 1), ['mget', 'lock'], true, false), []);
});

t.test('no key of a command becomes delegated while the command waits for another one', async t => {
  const scene = new Scene();
  for (let order = 0; order < 20; order++) scene.cycle(`order:${order}`, 'v');
  scene.delegate('lock');
  const touches = new TouchSet(
    scene.manager,
    scopesOf(clientOf(scene), ['mget', 'lock', 'order:20'], true, false),
  );
  let isSent = false;
  t.notOk(
    touches.begin(
      () => {
        isSent = true;
      },
      () => t.fail('Redis is there'),
    ),
    'the lock has to be settled first',
  );

  // Meanwhile the other key is locked for the first time, and released.
  scene.acquire('order:20', 'v');
  scene.answerPipe();
  scene.release('order:20', 'v');
  scene.answerPipe();
  t.strictSame(scene.world.onTheirWay, ['yield'], 'and is not reserved');
  t.equal(scene.why('order:20'), 'a command that touches the key is on its way');

  scene.world.answerAll();
  t.ok(isSent);
  t.strictSame([scene.inRedis('lock'), scene.inRedis('order:20')], [null, null]);
  touches.end();
  t.equal(scene.why('order:20'), null);
});

t.test('what may touch anything touches the client’s own database at any rate', async t => {
  const scene = new Scene();
  const client = clientOf(scene, 1);
  const script = ['evalsha', 'f'.repeat(40), '0'];
  const touched = (): string[][] =>
    [scopesOf(client, script, true, false), touchesOfLarge(client)].map(scopes =>
      scopes.map(({ database, keys }) => `${database} ${keys}`).sort(),
    );
  t.strictSame(touched(), [[], []], 'not where there are no locks at all');
  scene.delegate('lock');
  const both = ['0 null', '1 null'];
  t.strictSame(touched(), [both, both], 'its first lock may come while the other is settled');
});
