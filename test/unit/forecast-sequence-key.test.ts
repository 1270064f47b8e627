import fc from 'fast-check';
import t from 'tap';
import { keyParts, piecesOf } from '../../src/forecast/sequence/key-parts.js';
import { templateOf } from '../../src/forecast/template.js';

const UUID = '0b51b9e8-9a0c-4f7e-8f0e-6d2c3a1b4e5f';

const cases: readonly (readonly [key: string, template: string, variables: readonly string[]])[] = [
  ['lock', 'lock', []],
  ['order:42:pay', 'order:{}:pay', ['42']],
  ['order42', 'order{}', ['42']],
  ['7', '{}', ['7']],
  ['shop:3:order:42', 'shop:{}:order:{}', ['3', '42']],
  [`cart/${UUID}/items`, 'cart/{}/items', [UUID]],
  ['session_deadbeef01', 'session_{}', ['deadbeef01']],
  ['xdeadbeef01', 'xdeadbeef{}', ['01']],
  ['deadbee', 'deadbee', []],
  ['a::', 'a::', []],
  ['', '', []],
];

for (const [key, template, variables] of cases) {
  t.test(`'${key}' is '${template}' of ${JSON.stringify(variables)}`, async t => {
    const parts = keyParts(key);
    t.equal(parts.template, template);
    t.same(parts.variables, variables);
  });
}

/** Short alphabets, so that delimiters, hex digits and UUIDs meet in all ways. */
const piece = fc.oneof(
  fc.constantFrom(':', '.', '/', '_', '-', 'order', 'x', '{}', UUID, UUID.toUpperCase()),
  fc.string({ unit: fc.constantFrom(...'0123456789abcdefABCDEF'), maxLength: 13 }),
  fc.string({ unit: 'binary', maxLength: 3 }),
);

t.test('the template is that of templateOf, and its variables lead back to the key', async t => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 14 }), pieces => {
      const key = pieces.join('');
      const parts = keyParts(key);
      t.ok(parts.template === templateOf(key), key);
      const around = piecesOf(key);
      let again = around[0] ?? '';
      for (const [at, value] of parts.variables.entries()) again += value + around[at + 1];
      t.ok(again === key, key);
    }),
    { numRuns: 3000 },
  );
});
