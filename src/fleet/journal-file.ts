import {
  closeSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import type { GrantJournal, ProvenDelegation } from '../locks/contract.js';
import { type JournalOwner, JournalWriter, leftMs, readJournal } from '../pool/journal.js';

/** What waits until all that was told to the journal until now is written. */
export interface HeldBack {
  letGo(): void;
}

export interface JournalLog {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

export interface JournalFileOptions {
  /** The file is written anew, without what is over, when it is larger. */
  readonly journalMaxBytes: number;
  /** How soon it is tried again where it could not be written. */
  readonly journalRetryMs: number;
}

/** As much of the bytes as the disk takes; how much that was. */
export type WriteBytes = (file: number, bytes: Uint8Array, from: number, length: number) => number;

/** A delegation that has not ended, as the file has it. */
interface Live {
  readonly database: number;
  readonly key: string;
  readonly token: string;
  /** Of the holder; null: nobody has the lock. */
  value: string | null;
  ttlMs: number;
  monotonicMs: number;
  wallMs: number;
}

/**
 * The journal of one listener, in a file. What is told in one turn of the event loop is written at
 * its end, all at once, and what waits for that goes out then. Writing is enough, without fsync: what
 * the kernel has survives the process, and after the end of the machine the journal proves nothing.
 *
 * What the file says must never be less than what clients were told. Where it can't be written, it
 * is emptied, and proves nothing; where not even that is possible, the process ends.
 */
export class JournalFile implements GrantJournal {
  /** Whether something was told that is not written yet. */
  unwritten = false;
  /** What an earlier run has left, and the file proves. */
  readonly proven: readonly ProvenDelegation[];
  readonly #path: string;
  readonly #owner: JournalOwner;
  readonly #options: JournalFileOptions;
  readonly #log: JournalLog;
  readonly #live = new Map<number, Live>();
  readonly #write: WriteBytes;
  #writer: JournalWriter;
  #file: number;
  #sizeBytes = 0;
  #rewriteAboveBytes: number;
  #numbers = 0;
  #held: HeldBack[] = [];
  /** The file is empty since it could not be written: not tried again before. */
  #blindUntilMs = -Infinity;
  #blind = false;
  #closed = false;
  /** Why the process has to end: the file may say less than what was told here. */
  #broken: unknown = null;
  readonly #flush = (): void => this.writeNow();

  /** Reads what is there, and begins anew with what of it still counts. Throws where it can't. */
  constructor(
    path: string,
    owner: JournalOwner,
    options: JournalFileOptions,
    log: JournalLog,
    write: WriteBytes = writeSync,
  ) {
    this.#write = write;
    this.#path = path;
    this.#owner = owner;
    this.#options = options;
    this.#log = log;
    this.#rewriteAboveBytes = options.journalMaxBytes;
    this.proven = this.#readEarlier();
    this.#writer = new JournalWriter(owner);
    this.#file = this.#writeAnew();
  }

  delegated(database: number, key: string, token: string): number {
    do this.#numbers = (this.#numbers % NUMBER_MAX) + 1;
    while (this.#live.has(this.#numbers));
    const live = { database, key, token, value: null, ttlMs: 0, monotonicMs: 0, wallMs: 0 };
    this.#live.set(this.#numbers, live);
    this.#writer.delegated(this.#numbers, database, key, token);
    this.#told();
    return this.#numbers;
  }

  granted(delegation: number, value: string, endsAtMs: number): void {
    const live = this.#live.get(delegation);
    if (live === undefined) return;
    const nowMs = performance.now();
    live.value = value;
    live.ttlMs = endsAtMs - nowMs;
    live.monotonicMs = nowMs + SINCE_BOOT_MS;
    live.wallMs = Date.now();
    this.#writer.granted(delegation, value, live.ttlMs, live.monotonicMs, live.wallMs);
    this.#told();
  }

  released(delegation: number): void {
    const live = this.#live.get(delegation);
    if (live === undefined) return;
    live.value = null;
    this.#writer.released(delegation);
    this.#told();
  }

  ended(delegation: number): void {
    if (!this.#live.delete(delegation)) return;
    this.#writer.ended(delegation);
    this.#told();
  }

  hold(back: HeldBack): void {
    this.#held.push(back);
  }

  /** Writes what was told, and lets go what waits for it. Throws where the process has to end. */
  writeNow(): void {
    if (!this.unwritten) return;
    if (this.#broken !== null) throw this.#broken;
    const bytes = this.#writer.take();
    if (this.#blind) this.#tryAgain();
    else this.#append(bytes);
    this.unwritten = false;
    const held = this.#held;
    if (held.length === 0) return;
    this.#held = [];
    for (const back of held) back.letGo();
  }

  close(): void {
    if (this.#closed) return;
    this.writeNow();
    this.#closed = true;
    closeSync(this.#file);
  }

  #told(): void {
    if (this.unwritten || this.#closed) return;
    this.unwritten = true;
    setImmediate(this.#flush);
  }

  #append(bytes: Uint8Array): void {
    try {
      this.#writeAll(this.#file, bytes);
      this.#sizeBytes += bytes.length;
    } catch (error) {
      this.#empty(error);
      return;
    }
    if (this.#sizeBytes <= this.#rewriteAboveBytes) return;
    try {
      this.#replace();
    } catch (error) {
      // The old file has everything; it grows until this works.
      this.#rewriteAboveBytes = this.#sizeBytes * 2;
      this.#log.warn({ journal: this.#path, err: error }, 'the journal could not be written anew');
    }
  }

  /** Half of a record, or one that is missing, would prove what is not true any more. */
  #empty(error: unknown): void {
    try {
      ftruncateSync(this.#file, 0);
    } catch (broken) {
      // Whoever has caused this writing may catch it: nothing is let go all the same.
      this.#broken = broken;
      throw broken;
    }
    this.#blind = true;
    this.#blindUntilMs = performance.now() + this.#options.journalRetryMs;
    this.#log.error(
      { journal: this.#path, err: error },
      'the journal can not be written: after a crash, leases would be waited out',
    );
  }

  #tryAgain(): void {
    const nowMs = performance.now();
    if (nowMs < this.#blindUntilMs) return;
    this.#blindUntilMs = nowMs + this.#options.journalRetryMs;
    try {
      this.#replace();
      this.#blind = false;
      this.#log.info({ journal: this.#path }, 'the journal is written again');
    } catch {
      // Said when it began.
    }
  }

  #replace(): void {
    const old = this.#file;
    this.#file = this.#writeAnew();
    closeSync(old);
  }

  /** A file of all that counts takes the place of the old one, in one step. */
  #writeAnew(): number {
    const writer = new JournalWriter(this.#owner);
    for (const [number, { database, key, token, ...live }] of this.#live) {
      writer.delegated(number, database, key, token);
      if (live.value === null) continue;
      writer.granted(number, live.value, live.ttlMs, live.monotonicMs, live.wallMs);
    }
    const aside = `${this.#path}.new`;
    const file = openSync(aside, 'w', 0o600);
    try {
      this.#writeAll(file, writer.take());
      renameSync(aside, this.#path);
    } catch (error) {
      closeSync(file);
      throw error;
    }
    this.#writer = writer;
    this.#sizeBytes = fstatSync(file).size;
    this.#rewriteAboveBytes = Math.max(this.#options.journalMaxBytes, this.#sizeBytes * 2);
    return file;
  }

  #writeAll(file: number, bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) at += this.#write(file, bytes, at, bytes.length - at);
  }

  #readEarlier(): readonly ProvenDelegation[] {
    let bytes: Uint8Array;
    try {
      bytes = readFileSync(this.#path);
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
      throw error;
    }
    const journal = this.#path;
    const reading = readJournal(bytes, this.#owner);
    if (reading.kind === 'refused') {
      const { reason } = reading;
      const left = 'leases that an earlier run has left are waited out';
      if (!reading.damaged) {
        this.#log.info({ journal, reason }, `the journal proves nothing: ${reason}; ${left}`);
        return [];
      }
      const keptAs = `${journal}.refused`;
      renameSync(journal, keptAs);
      this.#log.error({ journal, reason, keptAs }, `the journal is refused: ${reason}; ${left}`);
      return [];
    }
    const { tornBytes, delegations } = reading;
    if (tornBytes > 0) {
      this.#log.warn(
        { journal, tornBytes },
        'the last record of the journal is torn: nobody was told what it says',
      );
    }
    const nowMs = performance.now();
    const now = { monotonicMs: nowMs + SINCE_BOOT_MS, wallMs: Date.now() };
    return delegations.map(({ delegation, database, key, token, grant }) => {
      this.#live.set(delegation, {
        ...{ database, key, token },
        value: grant?.value ?? null,
        ttlMs: grant?.ttlMs ?? 0,
        monotonicMs: grant?.at.monotonicMs ?? 0,
        wallMs: grant?.at.wallMs ?? 0,
      });
      const holder =
        grant === null ? null : { value: grant.value, endsAtMs: nowMs + leftMs(grant, now) };
      return { delegation, database, key, token, holder };
    });
  }
}

/** From this process's monotonic clock to the one that all processes since the boot share. */
const SINCE_BOOT_MS = Number(process.hrtime.bigint()) / 1e6 - performance.now();
/** What its place in a record holds. */
const NUMBER_MAX = 2 ** 32 - 1;
