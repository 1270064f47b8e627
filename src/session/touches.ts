import type { Arguments } from '../intent/arguments.js';
import type { Touched } from '../intent/touched.js';
import type { LockDesk, Touch } from '../locks/contract.js';
import type { Session } from './session.js';

/**
 * Invariant 5: before a command that touches a delegated key is passed on, the key is settled, and
 * the settling is confirmed; until the command is answered no token is written into the key.
 */

/** What one command touches; it may span databases (COPY … DB, SWAPDB, FLUSHALL). */
export class TouchSet {
  readonly touches: readonly Touch[];
  #unsettled = 0;
  readonly #desk: LockDesk;
  #settled: (() => void) | null = null;
  #failed: (() => void) | null = null;

  constructor(desk: LockDesk, scopes: readonly TouchScope[]) {
    this.#desk = desk;
    this.touches = scopes.map(scope => ({
      ...scope,
      ready: () => this.#oneSettled(),
      unsettled: () => this.#cannotSettle(),
    }));
  }

  /**
   * True: settled at once. Else `settled` is called when the last of them is, or `failed`, with all
   * of them ended, where Redis stays away.
   */
  begin(settled: () => void, failed: () => void): boolean {
    for (const touch of this.touches) if (!this.#desk.touch(touch)) this.#unsettled++;
    if (this.#unsettled === 0) return true;
    this.#settled = settled;
    this.#failed = failed;
    return false;
  }

  end(): void {
    this.#settled = null;
    this.#failed = null;
    for (const touch of this.touches) this.#desk.touchEnded(touch);
  }

  #oneSettled(): void {
    this.#unsettled--;
    if (this.#unsettled === 0) this.#settled?.();
  }

  #cannotSettle(): void {
    const failed = this.#failed;
    this.end();
    failed?.();
  }
}

export type TouchScope = Omit<Touch, 'ready' | 'unsettled'>;

/**
 * The scopes of a command as far as they matter to the lock manager; empty: it touches no lock.
 * @param keepsTouching the command's effect lasts (WATCH, MULTI): its keys count even where they
 *   are no locks yet
 */
export function scopesOf(
  session: Session,
  args: Arguments,
  bars: boolean,
  keepsTouching: boolean,
): TouchScope[] {
  const { gateway } = session;
  const places = session.own.databases;
  const table = gateway.commands();
  const databases = gateway.desk.databases();
  if (databases.length === 0 && !keepsTouching) return [];
  const touched: Touched = table?.keysOf(args, gateway.scripts) ?? 'every-database';
  if (touched === 'none') return [];
  if (touched === 'whole-database') return places.map(whole);
  if (touched === 'every-database' || touched === 'unknown') {
    if (keepsTouching) session.own.queuedForEveryDatabase = true;
    return everyDatabase(session);
  }
  const { keys, elsewhere } = touched;
  const scopes: TouchScope[] = places.map(database => ({ database, keys, bars }));
  if (elsewhere !== null) scopes.push({ ...elsewhere, bars });
  // While the command waits for one of its keys, another may become a lock key: all are counted.
  return keepsTouching || scopes.some(scope => namesLock(gateway.desk, scope)) ? scopes : [];
}

/** Each that has locks; the client's own may have its first one by the time that the command goes. */
export function everyDatabase({ gateway, own }: Session): TouchScope[] {
  return [...new Set([...own.databases, ...gateway.desk.databases()])].map(whole);
}

function whole(database: number): TouchScope {
  return { database, keys: null, bars: false };
}

function namesLock(desk: LockDesk, { database, keys }: TouchScope): boolean {
  return keys?.some(key => desk.lists(database, key)) === true;
}

/** The touches last until the transaction, the WATCH or the connection is over. */
export function keepAll(session: Session, touches: TouchSet | null): void {
  for (const touch of touches?.touches ?? []) session.own.keep(touch);
}
