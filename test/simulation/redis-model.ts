import type { ScriptCall } from '../../src/locks/contract.js';

interface StoredValue {
  readonly value: string;
  /** Server time; Infinity without TTL. */
  readonly expiresAtMs: number;
}

/** Another type than a string, as far as our scripts see it. */
const LIST = '\0list';

/**
 * A Redis with the scripts of lua/ on virtual time. `lua-model.test.ts` holds it to the real scripts
 * on a real redis-server, call by call.
 */
export class RedisModel {
  private readonly values = new Map<string, StoredValue>();
  /** How often each script was run. */
  scriptsRun = 0;

  constructor(private readonly nowMs: () => number) {}

  private id(database: number, key: string): string {
    return `${database}/${key}`;
  }

  get(database: number, key: string): string | null {
    const id = this.id(database, key);
    const stored = this.values.get(id);
    if (stored === undefined) return null;
    if (stored.expiresAtMs <= this.nowMs()) {
      this.values.delete(id);
      return null;
    }
    return stored.value;
  }

  set(database: number, key: string, value: string, ttlMs = Infinity): void {
    this.values.set(this.id(database, key), { value, expiresAtMs: this.nowMs() + ttlMs });
  }

  setList(database: number, key: string): void {
    this.set(database, key, LIST);
  }

  setNx(database: number, key: string, value: string, ttlMs: number): boolean {
    if (this.get(database, key) !== null) return false;
    this.set(database, key, value, ttlMs);
    return true;
  }

  del(database: number, key: string): boolean {
    const present = this.get(database, key) !== null;
    this.values.delete(this.id(database, key));
    return present;
  }

  delIfEqual(database: number, key: string, value: string): boolean {
    return this.get(database, key) === value && this.del(database, key);
  }

  expireIfEqual(database: number, key: string, value: string, ttlMs: number): boolean {
    if (this.get(database, key) !== value) return false;
    this.set(database, key, value, ttlMs);
    return true;
  }

  /** In ms; -1 without TTL, -2 where there is no such key. */
  pttl(database: number, key: string): number {
    if (this.get(database, key) === null) return -2;
    const left = (this.values.get(this.id(database, key))?.expiresAtMs ?? 0) - this.nowMs();
    return left === Infinity ? -1 : left;
  }

  flushAll(): void {
    this.values.clear();
  }

  keys(): string[] {
    return [...this.values.keys()]
      .map(id => ({
        database: Number(id.slice(0, id.indexOf('/'))),
        key: id.slice(id.indexOf('/') + 1),
      }))
      .filter(({ database, key }) => this.get(database, key) !== null)
      .map(({ key }) => key);
  }

  run(call: ScriptCall): (string | number)[] {
    this.scriptsRun++;
    const { database } = call;
    const key = call.keys[0] ?? '';
    const held = this.get(database, key);
    if (held === LIST) return ['other-type'];
    return this.runScript(call, database, key, held);
  }

  private runScript(
    { script, keys, args }: ScriptCall,
    database: number,
    key: string,
    held: string | null,
  ): (string | number)[] {
    const arg = (index: number): string => String(args[index]);
    const companion = keys[1] ?? '';
    switch (script) {
      case 'reserve': {
        if (held !== null) return this.inTheWay(database, key, held, arg(4));
        const fence = this.takeFence(database, keys[2] ?? '', Number(arg(3)));
        if (fence === null) return ['other-type'];
        const now = Math.floor(this.nowMs());
        const before = this.get(database, companion);
        const since = before === null ? now : Math.min(JSON.parse(before).since, now);
        this.keep(database, companion, arg(2), since, Number(arg(1)));
        this.set(database, key, arg(0), Number(arg(1)));
        return ['reserved', fence, now - since];
      }
      case 'renew':
        if (held !== arg(0)) return this.gone(held);
        this.expire(database, companion, Number(arg(1)));
        this.expire(database, key, Number(arg(1)));
        return ['renewed'];
      case 'want': {
        if (held !== null && (arg(2) === '' || held !== arg(2))) {
          return this.inTheWay(database, key, held, arg(3));
        }
        const fence = this.takeFence(database, keys[1] ?? '', 1);
        if (fence === null) return ['other-type'];
        this.set(database, key, arg(0), Number(arg(1)));
        return ['yours', fence, held === null ? 'absent' : 'own'];
      }
      case 'materialize':
        if (held !== arg(0)) return this.gone(held);
        if (keys.length > 1) this.del(database, companion);
        this.set(database, key, arg(1), Number(arg(2)));
        return ['materialized'];
      case 'retain': {
        if (held !== arg(0)) return ['not-owner'];
        const fence = this.takeFence(database, keys[2] ?? '', Number(arg(4)));
        if (fence === null) return ['other-type'];
        const since = Math.floor(this.nowMs()) - Number(arg(5));
        this.keep(database, companion, arg(3), since, Number(arg(2)));
        this.set(database, key, arg(1), Number(arg(2)));
        return ['retained', fence];
      }
      case 'release':
        if (held !== arg(0)) return ['not-owner'];
        this.del(database, key);
        this.del(database, companion);
        return ['released'];
      case 'extend':
        if (held !== arg(0)) return ['not-owner'];
        this.expire(database, key, Number(arg(1)));
        return ['extended'];
      case 'yield':
        if (held !== arg(0)) return this.gone(held);
        this.del(database, key);
        this.del(database, companion);
        return ['yielded'];
      case 'fence': {
        if (held !== arg(0)) return ['not-owner'];
        if (Number(arg(1)) > 0) return ['fence', Number(arg(1))];
        const fence = this.takeFence(database, keys[1] ?? '', 1);
        return fence === null ? ['other-type'] : ['fence', fence];
      }
    }
  }

  private inTheWay(
    database: number,
    key: string,
    held: string,
    believed: string,
  ): (string | number)[] {
    if (!held.startsWith('forelock:')) return ['held', held === believed ? 1 : 0];
    return ['delegated', Math.ceil(this.pttl(database, key)), held];
  }

  private gone(held: string | null): string[] {
    if (held === null) return ['gone', 'absent'];
    return ['gone', held.startsWith('forelock:') ? 'token' : 'value'];
  }

  private takeFence(database: number, key: string, block: number): number | null {
    const counter = this.get(database, key);
    if (counter === LIST) return null;
    const first = Math.max(Math.floor(this.nowMs() * 1000), Number(counter ?? 0));
    this.set(database, key, String(first + block));
    return first;
  }

  private keep(
    database: number,
    companion: string,
    owner: string,
    since: number,
    leaseMs: number,
  ): void {
    this.set(database, companion, JSON.stringify({ owner, since }), leaseMs);
  }

  private expire(database: number, key: string, ttlMs: number): void {
    const value = this.get(database, key);
    if (value !== null) this.set(database, key, value, ttlMs);
  }
}
