import { Redis } from 'ioredis';
import type { ScriptCall } from '../../src/locks/contract.js';
import { readScriptFiles } from '../../src/upstream/control/script-files.js';

const files = readScriptFiles();

/** Runs the files of lua/ on a real Redis, as they are. */
export class LuaScripts {
  readonly redis: Redis;

  constructor(port: number, username?: string) {
    const login = username === undefined ? {} : { username, password: 'any' };
    this.redis = new Redis(port, '127.0.0.1', {
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
      ...login,
    });
  }

  /** The answer with strings as binary ones. */
  async run(call: Omit<ScriptCall, 'database'>): Promise<(string | number | null)[]> {
    const args = [...call.keys, ...call.args].map(bytes);
    const answer = await this.redis.callBuffer('EVAL', [
      files.get(call.script)?.text ?? '',
      String(call.keys.length),
      ...args,
    ]);
    if (!Array.isArray(answer)) throw new Error(`${call.script} gave no array`);
    return answer.map(value => (Buffer.isBuffer(value) ? value.toString('latin1') : value));
  }

  close(): void {
    this.redis.disconnect();
  }
}

function bytes(argument: string | number): Buffer {
  return Buffer.from(String(argument), 'latin1');
}
