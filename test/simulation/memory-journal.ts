import type { GrantJournal, ProvenDelegation } from '../../src/locks/contract.js';
import { type JournalOwner, JournalWriter, leftMs, readJournal } from '../../src/pool/journal.js';

interface Clocks {
  monotonicMs(): number;
  wallMs(): number;
}

const OWNER: JournalOwner = { boot: 'b1', proxy: 'p1', upstream: 'redis://simulated' };

/** A journal whose file is memory that survives the proxy. */
export class MemoryJournal implements GrantJournal {
  private readonly writer = new JournalWriter(OWNER);
  private written = new Uint8Array();
  private numbers = 0;

  /** @param clocks of the process that writes now */
  constructor(public clocks: Clocks) {
    this.flush();
  }

  delegated(database: number, key: string, token: string): number {
    this.writer.delegated(++this.numbers, database, key, token);
    return this.numbers;
  }

  granted(delegation: number, value: string, endsAtMs: number): void {
    const nowMs = this.clocks.monotonicMs();
    const wallMs = this.clocks.wallMs();
    this.writer.granted(delegation, value, endsAtMs - nowMs, nowMs, wallMs);
  }

  released(delegation: number): void {
    this.writer.released(delegation);
  }

  ended(delegation: number): void {
    this.writer.ended(delegation);
  }

  /** What was told until now is safe: replies may go out. */
  flush(): void {
    const more = this.writer.take();
    const all = new Uint8Array(this.written.length + more.length);
    all.set(this.written);
    all.set(more, this.written.length);
    this.written = all;
  }

  /** What a new start reads, by clocks of its own; what was not flushed is lost. */
  read(clocks: Clocks = this.clocks): ProvenDelegation[] {
    const reading = readJournal(this.written, OWNER);
    if (reading.kind === 'refused') throw new Error(`the journal is refused: ${reading.reason}`);
    const now = { monotonicMs: clocks.monotonicMs(), wallMs: clocks.wallMs() };
    return reading.delegations.map(({ grant, ...delegation }) => ({
      ...delegation,
      holder:
        grant === null
          ? null
          : { value: grant.value, endsAtMs: now.monotonicMs + leftMs(grant, now) },
    }));
  }
}
