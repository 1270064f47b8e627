/**
 * The journal of delegations and of the grants from them that Redis does not know of: how it is
 * written, as bytes, and what it proves when it is read again. Who puts the bytes into a file is of
 * no concern here.
 *
 * A first line says whose it is, in JSON; binary records follow. Each is
 *
 *   kind (1 byte)  length (4)  length, inverted (4)  payload  checksum (4)
 *
 * in little endian, and each checksum goes on from the one before: a record that was lost, changed or
 * put elsewhere breaks all that follow. Only the last record may be cut off, since a process that is
 * killed may leave its last write half done; nobody had heard of what it told.
 */

/** What a journal must agree with to prove anything. */
export interface JournalOwner {
  /** Of the machine: clocks are only comparable within one. */
  readonly boot: string;
  /** Of the proxy that its tokens name. */
  readonly proxy: string;
  /** Without its login. */
  readonly upstream: string;
}

/** When something was written down, by both clocks, in ms; the monotonic one counts from the boot. */
export interface Moment {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

export interface WrittenGrant {
  readonly value: string;
  readonly at: Moment;
  /** From then on. */
  readonly ttlMs: number;
}

export interface WrittenDelegation {
  readonly delegation: number;
  readonly database: number;
  readonly key: string;
  readonly token: string;
  readonly grant: WrittenGrant | null;
}

export type JournalReading =
  | {
      readonly kind: 'proof';
      readonly delegations: readonly WrittenDelegation[];
      readonly tornBytes: number;
    }
  /** It is of no use, and why; `damaged`: it should have been. */
  | { readonly kind: 'refused'; readonly reason: string; readonly damaged: boolean };

const VERSION = 1;
const NAME = 'forelock journal';

const DELEGATED = 1;
const GRANTED = 2;
const RELEASED = 3;
const ENDED = 4;

const HEAD_BYTES = 9;
const CHECKSUM_BYTES = 4;
/** Before the key: the number, the database, the length of the key. */
const DELEGATED_BYTES = 4 + 4 + 4;
/** Before the value: the number, two clocks, the TTL. */
const GRANT_BYTES = 4 + 8 + 8 + 8;
const ROOM_BYTES = 16 * 1024;

/** FNV-1a, going on from `sum`. */
function checksum(sum: number, bytes: Uint8Array, from: number, to: number): number {
  let hash = sum;
  for (let at = from; at < to; at++) hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193);
  return hash >>> 0;
}

const CHECKSUM_START = 0x811c9dc5;

/** Collects records until they are taken. Allocates nothing but when it has to grow. */
export class JournalWriter {
  private bytes = new Uint8Array(ROOM_BYTES);
  private view = new DataView(this.bytes.buffer);
  private at = 0;
  private recordAt = 0;
  private sum = CHECKSUM_START;

  constructor(owner: JournalOwner) {
    // ASCII alone: one byte for each character.
    const line = JSON.stringify({ name: NAME, version: VERSION, ...owner }).replace(
      /[^\x20-\x7e]/g,
      character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
    this.room(line.length + 1);
    this.text(line);
    this.bytes[this.at++] = NEWLINE;
    this.sum = checksum(CHECKSUM_START, this.bytes, 0, this.at);
  }

  get empty(): boolean {
    return this.at === 0;
  }

  /** What was written since the last time; only until the next record. */
  take(): Uint8Array {
    const taken = this.bytes.subarray(0, this.at);
    this.at = 0;
    return taken;
  }

  delegated(delegation: number, database: number, key: string, token: string): void {
    this.begin(DELEGATED, DELEGATED_BYTES + key.length + token.length);
    this.number(delegation);
    this.number(database);
    this.number(key.length);
    this.text(key);
    this.text(token);
    this.end();
  }

  granted(
    delegation: number,
    value: string,
    ttlMs: number,
    monotonicMs: number,
    wallMs: number,
  ): void {
    this.begin(GRANTED, GRANT_BYTES + value.length);
    this.number(delegation);
    this.view.setFloat64(this.at, monotonicMs, true);
    this.view.setFloat64(this.at + 8, wallMs, true);
    this.view.setFloat64(this.at + 16, ttlMs, true);
    this.at += 24;
    this.text(value);
    this.end();
  }

  released(delegation: number): void {
    this.begin(RELEASED, 4);
    this.number(delegation);
    this.end();
  }

  ended(delegation: number): void {
    this.begin(ENDED, 4);
    this.number(delegation);
    this.end();
  }

  private begin(kind: number, length: number): void {
    this.room(HEAD_BYTES + length + CHECKSUM_BYTES);
    this.recordAt = this.at;
    this.bytes[this.at] = kind;
    this.view.setUint32(this.at + 1, length, true);
    this.view.setUint32(this.at + 5, ~length, true);
    this.at += HEAD_BYTES;
  }

  private end(): void {
    this.sum = checksum(this.sum, this.bytes, this.recordAt, this.at);
    this.number(this.sum);
  }

  private number(value: number): void {
    this.view.setUint32(this.at, value, true);
    this.at += 4;
  }

  /** A binary string: one byte for each character. */
  private text(text: string): void {
    for (let index = 0; index < text.length; index++)
      this.bytes[this.at++] = text.charCodeAt(index);
  }

  private room(bytes: number): void {
    if (this.at + bytes <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.at + bytes));
    larger.set(this.bytes.subarray(0, this.at));
    this.bytes = larger;
    this.view = new DataView(larger.buffer);
  }
}

const NEWLINE = 0x0a;
/** No first line of ours is longer. */
const LINE_MAX_BYTES = 8192;

/** What the bytes of a journal prove to this owner: all delegations that did not end. */
export function readJournal(bytes: Uint8Array, owner: JournalOwner): JournalReading {
  if (bytes.length === 0) {
    return { kind: 'refused', reason: 'it could not be written, and is empty', damaged: false };
  }
  const lineEnd = bytes.subarray(0, LINE_MAX_BYTES).indexOf(NEWLINE);
  const refusal = refusalOf(lineEnd < 0 ? '' : textOf(bytes, 0, lineEnd), owner);
  if (refusal !== null) return refusal;
  const delegations = new Map<number, WrittenDelegation>();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = lineEnd + 1;
  let sum = checksum(CHECKSUM_START, bytes, 0, at);
  while (at < bytes.length) {
    const payload = at + HEAD_BYTES;
    if (payload > bytes.length) break;
    const length = view.getUint32(at + 1, true);
    if (view.getUint32(at + 5, true) !== ~length >>> 0) return damagedAt(at);
    const end = payload + length;
    if (end + CHECKSUM_BYTES > bytes.length) break;
    sum = checksum(sum, bytes, at, end);
    if (view.getUint32(end, true) !== sum) return damagedAt(at);
    if (!apply(bytes, view, at, payload, end, delegations)) return damagedAt(at);
    at = end + CHECKSUM_BYTES;
  }
  return { kind: 'proof', delegations: [...delegations.values()], tornBytes: bytes.length - at };
}

function damagedAt(at: number): JournalReading {
  return { kind: 'refused', reason: `it is damaged at byte ${at}`, damaged: true };
}

function refusalOf(line: string, owner: JournalOwner): JournalReading | null {
  let head: unknown;
  try {
    head = JSON.parse(line);
  } catch {
    head = null;
  }
  const of = (name: string): unknown =>
    typeof head === 'object' && head !== null ? Reflect.get(head, name) : undefined;
  const refused = (reason: string, damaged: boolean): JournalReading => ({
    kind: 'refused',
    reason,
    damaged,
  });
  if (of('name') !== NAME) return refused('it is no journal of Forelock', true);
  if (of('version') !== VERSION) {
    return refused(`it has version ${of('version')}, this Forelock reads ${VERSION}`, true);
  }
  if (owner.boot === '') return refused('this system does not tell when it was booted', false);
  if (of('boot') !== owner.boot) return refused('the machine was booted since', false);
  if (of('proxy') !== owner.proxy) return refused('it is of another proxy', true);
  if (of('upstream') !== owner.upstream) {
    return refused(`it is of another upstream, ${of('upstream')}`, true);
  }
  return null;
}

function apply(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  payload: number,
  end: number,
  delegations: Map<number, WrittenDelegation>,
): boolean {
  if (end - payload < 4) return false;
  const delegation = view.getUint32(payload, true);
  const known = delegations.get(delegation);
  switch (bytes[at]) {
    case DELEGATED: {
      const keyAt = payload + DELEGATED_BYTES;
      if (keyAt > end) return false;
      const tokenAt = keyAt + view.getUint32(payload + 8, true);
      if (tokenAt > end) return false;
      delegations.set(delegation, {
        delegation,
        database: view.getUint32(payload + 4, true),
        key: textOf(bytes, keyAt, tokenAt),
        token: textOf(bytes, tokenAt, end),
        grant: null,
      });
      return true;
    }
    case GRANTED: {
      if (known === undefined || end - payload < GRANT_BYTES) return false;
      const at = {
        monotonicMs: view.getFloat64(payload + 4, true),
        wallMs: view.getFloat64(payload + 12, true),
      };
      const ttlMs = view.getFloat64(payload + 20, true);
      const grant = { value: textOf(bytes, payload + GRANT_BYTES, end), at, ttlMs };
      delegations.set(delegation, { ...known, grant });
      return true;
    }
    case RELEASED:
      if (known === undefined) return false;
      delegations.set(delegation, { ...known, grant: null });
      return true;
    case ENDED:
      return delegations.delete(delegation);
    default:
      return false;
  }
}

/**
 * What is left of a grant's TTL. By the clock that says more: a lock that is kept for too long is
 * only late, one that is freed too early has two holders.
 */
export function leftMs({ at, ttlMs }: WrittenGrant, now: Moment): number {
  const passedMs = Math.min(now.monotonicMs - at.monotonicMs, now.wallMs - at.wallMs);
  return Math.min(ttlMs, ttlMs - passedMs);
}

const PIECE = 4096;

/** A binary string. */
function textOf(bytes: Uint8Array, from: number, to: number): string {
  let text = '';
  for (let at = from; at < to; at += PIECE) {
    text += String.fromCharCode(...bytes.subarray(at, Math.min(at + PIECE, to)));
  }
  return text;
}
