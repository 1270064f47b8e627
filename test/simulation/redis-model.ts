import type { ScriptCall } from '../../src/locks/contract.js';
import type { Connection } from './redis/connection.js';
import { ErrorReply, plain } from './redis/reply.js';
import { SimulatedRedis } from './redis/simulated-redis.js';

/**
 * The simulated Redis for tests that have one client straight on it, with short names for what they
 * put into keys and look up there. Scripts are the files of lua/.
 */
export class RedisModel {
  readonly server: SimulatedRedis;
  private readonly connections: Connection[] = [];

  constructor(nowMs: () => number) {
    this.server = new SimulatedRedis({ trueMs: nowMs });
  }

  /** How many scripts were run. */
  get scriptsRun(): number {
    return this.server.scriptsRun;
  }

  /** Another type than a string shows as its name behind a zero byte. */
  get(database: number, key: string): string | null {
    const connection = this.on(database);
    const value = connection.call(['GET', key]);
    if (value instanceof ErrorReply) return `\0${connection.ask('TYPE', key)}`;
    return typeof value === 'string' ? value : null;
  }

  set(database: number, key: string, value: string, ttlMs = Infinity): void {
    this.on(database).ask('SET', key, value, ...ttlWords(ttlMs));
  }

  /** Another type than a string. */
  setList(database: number, key: string): void {
    this.del(database, key);
    this.on(database).ask('RPUSH', key, 'x');
  }

  setNx(database: number, key: string, value: string, ttlMs: number): boolean {
    return this.on(database).ask('SET', key, value, 'NX', ...ttlWords(ttlMs)) !== null;
  }

  del(database: number, key: string): boolean {
    return this.on(database).ask('DEL', key) === 1;
  }

  delIfEqual(database: number, key: string, value: string): boolean {
    return this.get(database, key) === value && this.del(database, key);
  }

  expireIfEqual(database: number, key: string, value: string, ttlMs: number): boolean {
    if (this.get(database, key) !== value) return false;
    return this.on(database).ask('PEXPIRE', key, Math.ceil(ttlMs)) === 1;
  }

  /** In ms; -1 without TTL, -2 where there is no such key. */
  pttl(database: number, key: string): number {
    return Number(this.on(database).ask('PTTL', key));
  }

  flushAll(): void {
    this.on(0).ask('FLUSHALL');
  }

  keys(): string[] {
    return this.connections.flatMap(connection => connection.keys());
  }

  run({ script, database, keys, args }: ScriptCall): (string | number | null)[] {
    const reply = plain(this.on(database).evalScript(script, keys, args));
    if (reply instanceof ErrorReply) throw new Error(`${script}: ${reply.message}`);
    if (!Array.isArray(reply)) throw new Error(`${script} gave no array`);
    return reply.map(value =>
      value === null || typeof value === 'number' ? value : String(value),
    );
  }

  private on(database: number): Connection {
    let connection = this.connections[database];
    while (connection === undefined) {
      const next = this.server.connect();
      next.database = this.connections.length;
      this.connections.push(next);
      connection = this.connections[database];
    }
    return connection;
  }
}

function ttlWords(ttlMs: number): string[] {
  return ttlMs === Infinity ? [] : ['PX', String(Math.ceil(ttlMs))];
}
