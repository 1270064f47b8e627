import fc from 'fast-check';
import t from 'tap';
import { TurnWriter } from '../../src/upstream/turn-writer.js';

/** What many clients write in a turn goes down together, in order, and stays until it is sent. */

const BLOCK_BYTES = 4096;

/** Where it goes: some of it is sent at once, the rest when `sendAll` is called. */
class Wire {
  /** Tells of the next buffers whether they are sent at once. */
  readonly #atOnce: (() => boolean) | null;
  readonly #waiting: Buffer[] = [];
  readonly #sent: Buffer[] = [];
  writes = 0;

  constructor(atOnce: (() => boolean) | null = null) {
    this.#atOnce = atOnce;
  }

  put(bytes: Buffer): boolean {
    this.writes++;
    this.#waiting.push(bytes);
    // What waits goes first, so all is sent or what is put now waits as well.
    if (this.#atOnce?.() !== true) return false;
    this.sendAll();
    return true;
  }

  putLent(bytes: Buffer, from: number, to: number): void {
    this.writes++;
    this.#waiting.push(Buffer.from(bytes.subarray(from, to)));
  }

  sendAll(): Buffer {
    for (const bytes of this.#waiting.splice(0)) this.#sent.push(Buffer.from(bytes));
    return Buffer.concat(this.#sent);
  }
}

const turn = () => new Promise(resolve => setImmediate(resolve));

t.test('all goes down in order, whatever is sent at once and whatever waits', async () => {
  const size = fc.oneof(
    fc.integer({ min: 1, max: 80 }),
    fc.constantFrom(1024, 1025, 4095, 4096, 5000),
  );
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ size, first: fc.boolean() }) },
    { weight: 1, arbitrary: fc.constantFrom('turn', 'flush', 'sent') },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 60 }),
      fc.array(fc.boolean()),
      async (steps, luck) => {
        let looked = 0;
        const wire = new Wire(() => luck[looked++ % luck.length] ?? true);
        const writer = new TurnWriter(BLOCK_BYTES, wire);
        const written: Buffer[] = [];
        for (const [index, one] of steps.entries()) {
          if (one === 'turn') await turn();
          else if (one === 'flush') writer.flush();
          else if (one === 'sent') wire.sendAll();
          else {
            const bytes = Buffer.alloc(one.size + 2, index + 1);
            written.push(Buffer.from(bytes.subarray(1, 1 + one.size)));
            writer.write(bytes, 1, 1 + one.size, one.first);
            bytes.fill(0);
          }
        }
        await turn();
        await turn();
        return wire.sendAll().equals(Buffer.concat(written));
      },
    ),
    { numRuns: 400 },
  );
});

t.test('what is written in one turn is one write, save what a lone client writes', async t => {
  const wire = new Wire();
  const writer = new TurnWriter(BLOCK_BYTES, wire);
  const request = Buffer.from('*1\r\n$4\r\nPING\r\n');
  writer.write(request, 0, request.length, true);
  t.equal(wire.writes, 1, 'nobody else is there: at once');
  for (let client = 0; client < 5; client++) writer.write(request, 0, request.length, false);
  t.equal(wire.writes, 1);
  await turn();
  t.equal(wire.writes, 2, 'five at the end of the turn');
  writer.write(request, 0, request.length, true);
  t.equal(wire.writes, 2, 'others were there: it waits for them');
  await turn();
  t.equal(wire.writes, 3);
  writer.write(request, 0, request.length, true);
  t.equal(wire.writes, 4, 'and is alone again');
});
