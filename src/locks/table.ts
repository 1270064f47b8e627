import { templateOf } from '../forecast/template.js';
import type { LockCounters } from './counters.js';
import { LockEntry, type TouchInFlight } from './entry.js';
import { matchesAny } from './glob.js';
import { companionOf } from './names.js';
import type { LockOptions } from './options.js';
import { Templates } from './templates.js';
import { Tenure } from './tenure.js';

/** What concerns a database as a whole. */
export class LockDatabase {
  readonly entries = new Map<string, LockEntry>();
  /** Commands on their way that may see every key of the database. */
  touchesInFlight = 0;
  /** Counts their beginnings and ends: between two equal readings there was none. */
  wholeTouches = 0;
  /** Touches on their way, by those of their keys that are no lock keys yet. */
  private readonly touchesOfNoLock = new Map<string, Set<TouchInFlight>>();
  /** A bucket that fills by one with each touch of the whole, and leaks at the allowed rate. */
  private touchLevel = 0;
  private touchedAtMs = -Infinity;

  touchNoLock(key: string, inFlight: TouchInFlight): void {
    const touches = this.touchesOfNoLock.get(key);
    if (touches === undefined) this.touchesOfNoLock.set(key, new Set([inFlight]));
    else touches.add(inFlight);
  }

  touchOfNoLockEnded(keys: readonly string[], inFlight: TouchInFlight): void {
    if (this.touchesOfNoLock.size === 0) return;
    for (const key of keys) {
      const touches = this.touchesOfNoLock.get(key);
      if (touches?.delete(inFlight) === true && touches.size === 0)
        this.touchesOfNoLock.delete(key);
    }
  }

  /** The key has become a lock key: what touches it, touches the entry from now on. */
  enter(entry: LockEntry): void {
    this.entries.set(entry.key, entry);
    for (const inFlight of this.touchesOfNoLock.get(entry.key) ?? []) {
      inFlight.entries.push(entry);
      entry.touchesInFlight++;
    }
    this.touchesOfNoLock.delete(entry.key);
  }

  /** Whether nothing would be lost with it: whoever names it next finds it as new. */
  unused(): boolean {
    return this.entries.size === 0 && this.touchesInFlight === 0 && this.touchesOfNoLock.size === 0;
  }

  touched(nowMs: number, perS: number): void {
    this.touchLevel = Math.min(this.level(nowMs, perS) + 1, TOUCH_LEVEL_MAX);
    this.touchedAtMs = nowMs;
  }

  /** Whether the whole of it is touched more often than the setting allows. */
  touchedOften(nowMs: number, perS: number): boolean {
    return this.level(nowMs, perS) > 1;
  }

  private level(nowMs: number, perS: number): number {
    if (this.touchLevel === 0) return 0;
    return Math.max(0, this.touchLevel - ((nowMs - this.touchedAtMs) / 1000) * perS);
  }
}

/** However long a scan of the whole was, that many times the allowed interval later it is over. */
const TOUCH_LEVEL_MAX = 10;
/** Bounds the work of one insertion into a full table. */
const LOOKED_AT_FOR_ROOM = 32;

/** The lock table: every lock key of every database, bounded. */
export class LockTable {
  readonly databases = new Map<number, LockDatabase>();
  readonly templates: Templates;
  size = 0;

  constructor(
    private readonly options: LockOptions,
    private readonly counters: LockCounters,
  ) {
    this.templates = new Templates(options);
  }

  find(database: number, key: string): LockEntry | undefined {
    return this.databases.get(database)?.entries.get(key);
  }

  database(database: number): LockDatabase {
    let found = this.databases.get(database);
    if (found === undefined) {
      found = new LockDatabase();
      this.databases.set(database, found);
    }
    return found;
  }

  /**
   * A touch of this database is over. Where it has no lock keys it is not kept, since clients may
   * name as many databases as they like, also such as Redis does not have (COPY … DB).
   */
  touchOver(database: number): void {
    if (this.databases.get(database)?.unused() === true) this.databases.delete(database);
  }

  /** Whether clients' locks under this key can be ours to grant at all. */
  admits(key: string): boolean {
    return (
      key.length <= this.options.keyMaxBytes &&
      companionOf(key) !== null &&
      !matchesAny(this.options.noDelegate, key)
    );
  }

  declares(key: string): boolean {
    return this.options.delegate.length > 0 && matchesAny(this.options.delegate, key);
  }

  /**
   * A key becomes a lock key; undefined where it can't, or all the others are at work.
   * @param sinceMs from when on every command was looked at for whether it touches the key
   */
  enter(
    database: number,
    key: string,
    nowMs: number,
    sinceMs: number = nowMs,
  ): LockEntry | undefined {
    const companion = companionOf(key);
    if (companion === null || !this.admits(key)) return undefined;
    if (this.size >= this.options.lockKeysMax && !this.makeRoom()) return undefined;
    const template = this.templates.get(templateOf(key), nowMs);
    template.entries++;
    const tenure = new Tenure(this.options, this.counters);
    const declared = this.declares(key);
    const home = this.database(database);
    const entry = new LockEntry(
      database,
      home,
      key,
      companion,
      template,
      declared,
      tenure,
      sinceMs,
    );
    home.enter(entry);
    this.size++;
    return entry;
  }

  barTemplateOf(key: string, nowMs: number): void {
    this.templates.barForTouch(this.templates.get(templateOf(key), nowMs), nowMs);
    this.counters.templateBars++;
  }

  /** Drops an entry that is idle and was not used since the last look; those it meets, age. */
  private makeRoom(): boolean {
    let looked = 0;
    for (const database of this.databases.values()) {
      for (const [key, entry] of database.entries) {
        if (++looked > LOOKED_AT_FOR_ROOM) return false;
        database.entries.delete(key);
        if (entry.idle() && (!entry.usedLately || looked === LOOKED_AT_FOR_ROOM)) {
          entry.template.entries--;
          this.size--;
          return true;
        }
        entry.usedLately = false;
        database.entries.set(key, entry);
      }
    }
    return false;
  }
}
